"""Which models of a table are the ladder, which are pairs, and which rows take no part, each with its reason."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

import polars as pl

from analysis.schema import Row, Table, checked
from analysis.tables import BASELINE

LEFT_OUT = Table(
    name="left_out",
    columns={
        "row": pl.Int64,  # of the table, from 1
        "name": pl.String,
        "reason": pl.String,
        "detail": pl.String,  # the baseline that it names, and a name that is near it
    },
    key=("row",),
)
PAIRS = Table(
    name="pairs",
    columns={
        "method": pl.String,
        "model": pl.String,
        "baseline": pl.String,
        "family": pl.String,  # of the baseline; its name where no families are known
        "chain": pl.Boolean,  # whether the baseline is itself a method's model: a pair, but no rung of the ladder
        "within": pl.Boolean,  # whether both have the same of all that rows of one name are told apart by
    },
    key=("method", "model"),
)
TEXTS = ("key", "within", "method", "baseline", "family")
DUPLICATE = "duplicate name"
NO_METHOD = "no method"  # of a row that names a baseline and no method
NO_VALUE, NO_BASELINE_VALUE = "no value", "baseline without a value"
TAKEN = {BASELINE: "that nothing was done to", NO_METHOD: "whose method is not known"}  # names of methods, and of whom


@dataclass(frozen=True)
class Structure:
    """What the rows of a table are.

    pairs     the table PAIRS
    rungs     the names of the baseline models, those that have neither a method nor a baseline, with their family
    left_out  the table LEFT_OUT
    methods   the names of all methods, in order, those too that have no pair
    """

    pairs: pl.DataFrame
    rungs: dict[str, str]
    left_out: pl.DataFrame
    methods: list[str]


def structured(models: pl.DataFrame, measured: Collection[str] | None = None) -> Structure:
    """The structure of a table's rows. `models` has their number, `row`, and text in the columns of TEXTS, empty where
    there is none: a row's key, what tells it apart from others of this key, its method, its baseline's key, its family.
    `measured` are the names of the models that have any value, where that is known.

    A name is the key, with what tells it apart in brackets. Letter case and blanks count; nothing is guessed. Where
    several rows have the baseline's key, it is the one that shares what tells them apart.
    """
    rows = models.select("row", pl.col(TEXTS).fill_null("")).to_dicts()
    names = Counter(map(name_of, rows))
    by_key: dict[str, list[Row]] = {}
    for row in rows:
        by_key.setdefault(row["key"], []).append(row)
    named = {row["baseline"] for row in rows}
    idle = {row["method"] for row in rows if row["key"] in named} - {row["method"] for row in rows if row["baseline"]}
    rungs: dict[str, str] = {}
    pairs, left_out = [], []
    for row in rows:
        name = name_of(row)
        if names[name] > 1:
            left_out.append((row["row"], name, DUPLICATE, f"{names[name]} rows have this name"))
        elif measured is not None and name not in measured:
            left_out.append((row["row"], name, NO_VALUE, ""))
        elif not row["method"] and not row["baseline"]:
            rungs[name] = row["family"] or name
        else:
            found = _paired(row, by_key, idle)
            if isinstance(found, tuple):
                left_out.append((row["row"], name, *found))
            elif measured is not None and name_of(found) not in measured:
                left_out.append((row["row"], name, NO_BASELINE_VALUE, f"{name_of(found)!r}"))
            else:
                pairs.append(_pair(row, found))
    return Structure(
        checked(pl.DataFrame(pairs, schema=PAIRS.columns), PAIRS),
        rungs,
        checked(pl.DataFrame(left_out, schema=LEFT_OUT.columns, orient="row"), LEFT_OUT),
        sorted({row["method"] for row in rows} - {""}),
    )


def name_of(row: Row) -> str:
    """The name of a row."""
    return f"{row['key']} [{row['within']}]" if row["within"] else row["key"]


def _paired(row: Row, by_key: Mapping[str, list[Row]], idle: set[str]) -> Row | tuple[str, str]:
    """The row's baseline, or the reason why it has none and what is said of it. `idle`: methods of baselines, no row of
    which names a baseline: words for nothing, perhaps.
    """
    key = row["baseline"]
    if not row["method"]:
        return NO_METHOD, f"its baseline is {key!r}"
    if not key:
        return "no baseline named", _perhaps_nothing(row["method"]) if row["method"] in idle else ""
    if key == row["key"]:
        return "own baseline", ""
    candidates = by_key.get(key, [])
    if not candidates:
        return _missing(key, by_key)
    same = [each for each in candidates if each["within"] == row["within"]]
    if len(candidates) > 1 and len(same) != 1:
        return "baseline duplicate", f"{len(candidates)} rows are named {key!r}"
    return same[0] if len(candidates) > 1 else candidates[0]


def _perhaps_nothing(method: str) -> str:
    return f"others name it: if {method!r} says that nothing was done, leave it empty, or name it under 'missing'"


def _missing(key: str, by_key: Mapping[str, list[Row]]) -> tuple[str, str]:
    near = [name for name in by_key if name.lower() == key.lower()]
    if near:
        return "baseline missing but for letter case", f"{key!r}, there is {near[0]!r}"
    close = get_close_matches(key, by_key, n=1)
    return "baseline missing", f"{key!r}" + (f", nearest: {close[0]!r}" if close else "")


def _pair(row: Row, baseline: Row) -> dict[str, object]:
    return {
        "method": row["method"],
        "model": name_of(row),
        "baseline": name_of(baseline),
        "family": baseline["family"] or name_of(baseline),
        "chain": bool(baseline["method"]),
        "within": baseline["within"] == row["within"],
    }
