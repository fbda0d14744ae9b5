"""Which baseline each row of a table names: by columns, by a rule on its key, or by a second table."""

import re
from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from stages.imports.pairing_fields import Pairing
from stages.imports.raw import short
from stages.imports.readers import read_table
from stages.imports.roles import Measured
from stages.imports.spec import NAMED, Spec, WrongImport, not_a_column
from stages.imports.wide import MOST_NAMED


def columns_of(spec: Spec) -> list[str]:
    """The columns that say how rows are paired, and what tells rows of one name apart."""
    return [name for field in NAMED if (name := getattr(spec, field))] + list(spec.within)


def faults_of(spec: Spec) -> list[str]:
    """A line for each field that lacks another one, or that another one leaves without effect."""
    faults = []
    if spec.pairs and spec.baseline:
        faults.append("'baseline' and 'pairs' both name baselines: one of them is enough")
    if spec.method and not (spec.baseline or spec.pairs):
        faults.append("'method' without 'baseline' or 'pairs': nothing names the baseline of a row")
    if spec.baseline and not spec.method:
        faults.append("'baseline' without 'method': the column that names what was done to the baseline")
    beside = {"within": spec.within, "seed": spec.seed, "placebos": spec.placebos, "margins": spec.margins}
    idle = [name for name, given in beside.items() if given and not spec.paired]
    faults += [f"{name!r} has no effect without 'baseline' or 'pairs'" for name in idle]
    return [f"{spec.source}: {fault}" for fault in faults]


def judged_by(spec: Spec, measured: Sequence[Measured], models: pl.DataFrame) -> list[str]:
    """A line for each margin of what is not measured and each placebo that is no method of the table."""
    safety = [one.name for one in measured if one.axis == "safety"]
    faults = [
        f"margins: {name!r} is not among: {', '.join([*safety, 'capability'])}"
        for name in spec.margins
        if name not in (*safety, "capability")
    ]
    methods = sorted(set(models["method"]) - {""}) if spec.paired else []
    faults += [
        f"placebos: {name!r} is not among the methods: {', '.join(methods)}"
        for name in spec.placebos
        if name not in methods
    ]
    return [f"{spec.source}: {fault}" for fault in faults]


def paired(source: str, keys: pl.Series, about: pl.DataFrame, spec: Spec, faults: list[str]) -> pl.DataFrame:
    """The rows' key, method, baseline's key, and what tells them apart from others of their key; text, empty where
    there is none. `about` has the columns of the table, a row for each key.
    """
    within = [*spec.within, *([spec.seed] if spec.seed else [])]
    apart = [_text(about[name], spec) for name in within]
    columns = {
        "row": pl.int_range(1, len(keys) + 1, eager=True),
        "key": keys,
        "within": pl.select(pl.concat_str(apart, separator=", "))[:, 0] if apart else _blank(keys),
        "method": _text(about[spec.method], spec) if spec.method else _blank(keys),
        "baseline": _text(about[spec.baseline], spec) if spec.baseline else _blank(keys),
    }
    if spec.pairs and spec.pairs.table:
        columns |= _from_table(source, keys, spec, spec.pairs.table, faults)
    elif spec.pairs:
        columns |= _by_rule(keys, columns["method"], spec.pairs)
    return pl.DataFrame(columns)


def without_rungs(rows: pl.DataFrame) -> list[str]:
    """A line where no row is a baseline model, with the words for a method that those have which others name."""
    if ((rows["method"] == "") & (rows["baseline"] == "")).any():
        return []
    words = rows.filter(pl.col("key").is_in(rows["baseline"].implode()), baseline="")["method"].unique().sort()
    meant = f"; if {', '.join(map(short, words))} says that nothing was done, name it under 'missing'" * bool(
        len(words)
    )
    return [f"no row is a baseline model, with neither a method nor a baseline{meant}"]


def _blank(keys: pl.Series) -> pl.Series:
    return pl.repeat("", len(keys), eager=True, dtype=pl.String)


def _text(column: pl.Series, spec: Spec) -> pl.Series:
    """A column's text; empty where it is missing or blank. Blanks at its ends count."""
    text = column.cast(pl.String).str.normalize("NFC").fill_null("")
    return text.set((text.str.strip_chars() == "") | text.is_in(list(spec.missing)), "")


def _by_rule(keys: pl.Series, named: pl.Series, rule: Pairing) -> dict[str, pl.Series]:
    """Method and baseline by a regular expression that fits the key of a method's row alone."""
    methods, baselines = [], []
    for key, method in zip(keys, named, strict=True):
        found = re.search(rule.baseline, key)
        if not found:
            methods.append(method)
            baselines.append("")
            continue
        groups = found.groupdict()
        rest = key[: found.start()] + key[found.end() :]
        methods.append(method or groups.get("method") or rule.method)
        baselines.append(groups.get("baseline", rest))
    return {"method": pl.Series(methods, dtype=pl.String), "baseline": pl.Series(baselines, dtype=pl.String)}


def _from_table(source: str, keys: pl.Series, spec: Spec, table: str, faults: list[str]) -> dict[str, pl.Series]:
    """Method and baseline from a second table, with the columns `model`, `method` and `baseline`."""
    try:
        frame = read_table(spec.folder / table, replace(spec, header=1, format=None)).frame
    except WrongImport as error:
        faults += error.faults
        return {}
    absent = [name for name in ("model", "method", "baseline") if name not in frame.columns]
    faults += [f"{table}: {not_a_column(name, frame.columns)}" for name in absent]
    if absent:
        return {}
    names = frame["model"].cast(pl.String).str.strip_chars().str.normalize("NFC").fill_null("")
    unknown = names.filter(~names.is_in(keys.implode()))
    for name in unknown[:MOST_NAMED]:
        faults.append(f"{table}: row {short(name)}: no such row in {source}")
    twice = names.filter(names.is_duplicated()).unique(maintain_order=True)
    faults += [f"{table}: row {short(name)}: duplicate model" for name in twice[:MOST_NAMED]]
    if len(twice):
        return {}
    said = {
        name: pair
        for name, *pair in zip(names, _text(frame["method"], spec), _text(frame["baseline"], spec), strict=True)
    }
    found = [said.get(key, ["", ""]) for key in keys]
    return {
        name: pl.Series([each[k] for each in found], dtype=pl.String) for k, name in enumerate(("method", "baseline"))
    }
