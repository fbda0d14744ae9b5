"""The audit of a table in a notebook: a frame in, the audit's tables out."""

import warnings
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import polars as pl

from analysis.audit.settings import AuditSettings, Margins
from analysis.elsewhere import elsewhere
from analysis.pairs.item_scores import ITEMS, ROUNDED, numbered
from analysis.pairs.structure import DUPLICATE, NO_METHOD, TAKEN, name_of, structured
from analysis.scales import like_percents
from analysis.schema import checked
from analysis.tables import BASELINE, RESULTS

PLACE = "table"
MOST_NAMED = 8


def audit_table(
    frame: Any,
    *,
    key: str,
    capability: Sequence[str],
    safety: Sequence[str],
    method: str | None = None,
    baseline: str | None = None,
    family: str | None = None,
    within: Sequence[str] = (),
    lower_is_better: Sequence[str] = (),
    score: str = "pc1",
    margins: Mapping[str, float] | None = None,
    placebos: Sequence[str] = (),
    items: Any = None,
) -> dict[str, pl.DataFrame]:
    """The tables of `analysis.elsewhere` for a polars or pandas frame with a row per model; those of the imports'
    `diffprog analyse`, without MLflow.

    key, method, baseline and family name columns; a row whose method and baseline are empty is a baseline model.
    capability and safety name columns of numbers, null or NaN where missing, shares as 0.5 and not as 50; of those in
    `lower_is_better` less is better. `within` names columns that tell rows of one key apart. `score` is one of
    `analysis.model_scores`. `margins` are on the audit's scales, by measurement and for `capability`. `items` is a
    frame of the scores that values are the means of: model (as in `key`), measurement, item, value.

    Warns of models and measurements that take no part in the score, and of columns that look like percents. Raises
    ValueError on a column that is not there or holds no numbers, or infinite ones, on a name that has no effect, on a
    value that is not the mean of its items, and where there is no such score.
    """
    table = _polars(frame)
    lists = {"capability": capability, "safety": safety, "lower_is_better": lower_is_better, "placebos": placebos}
    for name, names in {**lists, "within": within}.items():
        if isinstance(names, str):
            raise ValueError(f"{name}: {names!r} is not a list of names: [{names!r}]")
    measured = {**dict.fromkeys(capability, "capability"), **dict.fromkeys(safety, "safety")}
    asked = [name for name in (key, method, baseline, family, *within) if name is not None]
    _check(table, asked, list(measured), [name for name in capability if name in safety])
    models = _models(table, key, method, baseline, family, within)
    _known("lower_is_better", lower_is_better, list(measured))
    _known("margins", margins or {}, ["capability", *measured])
    _known("placebos", placebos, sorted(set(models["method"]) - {""}))
    doubled = structured(models).left_out.filter(reason=DUPLICATE)["row"]
    if taken := [name for name in TAKEN if name in models["method"]]:
        raise ValueError(f"method: {taken[0]!r} is what the tables call models {TAKEN[taken[0]]}: rename it")
    rows = pl.concat([models, table.select(pl.col(list(measured)).cast(pl.Float64).fill_nan(None))], how="horizontal")
    results = _results(rows.filter(~pl.col("row").is_in(doubled.implode())), measured, set(lower_is_better))
    given = dict(margins or {})
    settings = AuditSettings(
        margins=Margins(
            {name: value for name, value in given.items() if name != "capability"}, given.get("capability")
        ),
        placebos=tuple(placebos),
    )
    known = models if baseline else models.drop("baseline")
    scores = None if items is None else _items(_polars(items), models, results)
    found, notes = elsewhere(results, known, score=score, settings=settings, items=scores)
    for note in [*notes, *_like_percents(table, list(measured))]:
        warnings.warn(note, stacklevel=2)
    return found


def _polars(frame: Any) -> pl.DataFrame:
    return frame if isinstance(frame, pl.DataFrame) else pl.from_pandas(frame)


def _items(items: pl.DataFrame, models: pl.DataFrame, results: pl.DataFrame) -> pl.DataFrame:
    """The table ITEMS, its models by the name of their row."""
    wanted = [name for name in ITEMS.columns if name != "copy"]
    absent = [name for name in wanted if name not in items.columns]
    if absent:
        there = ", ".join(items.columns)
        raise ValueError(f"not among the columns of the items: {', '.join(absent)} (there are {there})")
    texts = [pl.col(name).cast(pl.String) for name in wanted[:-1]]
    found = items.select(*texts, pl.col("value").cast(pl.Float64).fill_nan(None)).drop_nulls()
    unknown = sorted(set(found["model"]) - set(models["key"]))
    if unknown:
        raise ValueError(f"items of models that are not in the table: {', '.join(unknown[:MOST_NAMED])}")
    names = models.filter(~pl.col("key").is_duplicated()).select("key", name="model")
    named = found.join(names, left_on="model", right_on="key").with_columns(model="name")
    means = named.group_by("model", "measurement", maintain_order=True).agg(mean=pl.col("value").mean())
    apart = (pl.col("value") - pl.col("mean")).abs() > ROUNDED * pl.max_horizontal(1.0, pl.col("value").abs())
    for row in means.join(results, on=["model", "measurement"]).filter(apart).iter_rows(named=True):
        said = f"{row['measurement']} of {row['model']} is {row['value']:g}, the mean of its items {row['mean']:g}"
        raise ValueError(f"values are the means of their items: {said}")
    return numbered(named)


def _check(table: pl.DataFrame, asked: Sequence[str], measured: Sequence[str], twice: Sequence[str]) -> None:
    absent = [name for name in [*asked, *measured] if name not in table.columns]
    if absent:
        raise ValueError(
            f"not among the columns of the table: {', '.join(absent)} (there are {', '.join(table.columns)})"
        )
    text = [name for name in measured if not table.schema[name].is_numeric()]
    if text:
        raise ValueError(
            f"columns that are not numbers: {', '.join(f'{name} ({table.schema[name]})' for name in text)}"
        )
    if twice:
        raise ValueError(f"both capability and safety: {', '.join(twice)}")
    for name in measured:
        endless = table[name].cast(pl.Float64).is_infinite().fill_null(False)
        if endless.any():
            of = table[asked[0]].filter(endless)[0]
            raise ValueError(f"{name} of {of} is infinite: give it a value, or none")


def _known(option: str, given: Collection[str], known: Sequence[str]) -> None:
    unknown = [name for name in given if name not in known]
    if unknown:
        raise ValueError(f"{option}: {', '.join(map(repr, unknown))} has no effect: it is not among {', '.join(known)}")


def _like_percents(table: pl.DataFrame, measured: Sequence[str]) -> list[str]:
    """A line for the columns that may hold percents, which are taken as plain numbers."""
    large = ", ".join(name for name in measured if like_percents(table[name].fill_nan(None)))
    return [f"from 0 to 100, and not taken as percents: if they are, divide them by 100: {large}"] if large else []


def _models(
    table: pl.DataFrame, key: str, method: str | None, baseline: str | None, family: str | None, within: Sequence[str]
) -> pl.DataFrame:
    def text(name: str | None) -> pl.Expr:
        return pl.lit("") if name is None else pl.col(name).cast(pl.String).fill_null("")

    apart = pl.concat_str([text(name) for name in within], separator=", ") if within else pl.lit("")
    columns = {
        "key": text(key),
        "within": apart,
        "method": text(method),
        "baseline": text(baseline),
        "family": text(family),
    }
    models = table.with_row_index("row", 1).select(pl.col("row").cast(pl.Int64), **columns)
    names = pl.Series("model", [name_of(row) for row in models.iter_rows(named=True)], dtype=pl.String)
    return models.with_columns(names)


def _results(rows: pl.DataFrame, measured: Mapping[str, str], lower: set[str]) -> pl.DataFrame:
    """The table RESULTS, a row for each value."""
    unpaired = pl.when(pl.col("baseline") == "").then(pl.lit(BASELINE)).otherwise(pl.lit(NO_METHOD))
    about = rows.with_columns(pl.when(pl.col("method") == "").then(unpaired).otherwise("method").alias("method"))
    long = about.unpivot(list(measured), index=["model", "family", "method"], variable_name="measurement")
    facts = {
        "axis": pl.col("measurement").replace_strict(measured, return_dtype=pl.String),
        "higher_is_better": ~pl.col("measurement").is_in(list(lower)),
        "metric": pl.col("measurement"),
        **{name: pl.lit(PLACE) for name in ("domain", "dataset", "condition")},
        **{name: pl.lit(0, dtype=pl.Int64) for name in ("seed", "step")},
        "part": pl.lit("all"),
        "flags": pl.lit(""),
    }
    found = long.drop_nulls("value").with_columns(**facts)
    absent = {name: pl.lit(None, dtype=dtype) for name, dtype in RESULTS.columns.items() if name not in found.columns}
    return checked(found.with_columns(**absent).select(*RESULTS.columns), RESULTS)
