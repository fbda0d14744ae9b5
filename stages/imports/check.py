"""A published table checked against its spec: every fault at once, or the values of every model, ready to be logged."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import polars as pl

from stages.imports.cells import numbers
from stages.imports.names import families_of, keys_of, look_alikes
from stages.imports.readers import Raw, read_table, short, unfit_names
from stages.imports.spec import Spec, WrongImport, chosen, not_a_column
from stages.imports.wide import MOST_NAMED, Wide, bad_cells, from_long, from_wide, long_names

MODEL, COMPONENTS = ("model", "family"), ("pc1", "safetywashing")  # names that the analysis has for something else
NUMBERS = ("value", "standard_error", "n")
GAP = 5  # between the largest fraction and the smallest percent of a column that holds both, at least


@dataclass(frozen=True)
class Measured:
    """A measured column: its name, its axis, whether higher is better, and the column it is held against, if any."""

    name: str
    axis: str
    higher_is_better: bool
    against: str | None


@dataclass(frozen=True)
class Checked:
    """What is imported. `models` has a row per model: model, family, flops, parameters (null where not known);
    `values`, `errors` and `n` have the same rows and a column per measurement; `notes` says what was handled.
    """

    study: str
    measured: tuple[Measured, ...]
    models: pl.DataFrame
    values: pl.DataFrame
    errors: pl.DataFrame
    n: pl.DataFrame
    notes: list[str]


def check(raw: Raw, spec: Spec) -> Checked:
    """The table as the spec says it is to be read. Raises WrongImport with every fault."""
    faults: list[str] = []
    notes = list(raw.notes)
    spec = replace(spec, key=spec.key or raw.key, long=spec.long or raw.long)
    frame = _joined(raw, spec, faults, notes)
    missing = _check_columns(raw.source, frame, spec)
    if missing:
        raise WrongImport([*faults, *missing])
    wide, measured = _measured(raw, frame, spec, faults, notes)
    if faults and spec.long:
        raise WrongImport(faults)
    models = _models(raw.source, wide, spec, faults, notes)
    values, errors = _in_one_unit(raw.source, wide, measured, spec, faults)
    if faults:
        raise WrongImport(faults)
    notes += [f"{count:,} cells {what}" for what, count in wide.counts.items() if count]
    n = pl.DataFrame({one.name: wide.n[one.name] for one in measured if one.name in wide.n})
    return Checked(spec.study, tuple(measured), models, values, errors, n, notes)


def _about(spec: Spec) -> list[str]:
    """The columns that say something of a model beside its key."""
    named = [column for column, _ in spec.scale.values()] + ([spec.family] if isinstance(spec.family, str) else [])
    return list(dict.fromkeys(name for name in named if name not in spec.key))


def _check_columns(source: str, frame: pl.DataFrame, spec: Spec) -> list[str]:
    """A line for each column that must be there and is not, or holds neither text nor numbers."""
    faults = []
    if not spec.key:
        faults.append(f"{spec.source}: 'key' is missing: the column, or columns, that name a model")
    long = spec.long or {}
    named = [*spec.key, *_about(spec), *long.get("measurement", ()), *(long[name] for name in NUMBERS if name in long)]
    for name in dict.fromkeys(named):
        if name not in frame.columns:
            faults.append(f"{spec.source}: {not_a_column(name, frame.columns)}")
        elif frame.schema[name].is_nested() or frame.schema[name] in (pl.Binary, pl.Object):
            faults.append(f"{source}: column {short(name)} is neither text nor numbers, but {frame.schema[name]}")
    return faults


def _measured(
    raw: Raw, frame: pl.DataFrame, spec: Spec, faults: list[str], notes: list[str]
) -> tuple[Wide, list[Measured]]:
    """The cells as numbers, and what is measured."""
    rows = keys_of(raw.source, frame, spec.key, faults, unique=not spec.long)
    if spec.long:
        in_rows = long_names(frame, spec.long)
        faults += [f"{raw.source}: row {row + 1}: no measurement is named" for row in in_rows.is_null().arg_true()]
        faults += unfit_names(raw.source, "measurement", in_rows)
        names = in_rows.drop_nulls().unique(maintain_order=True).to_list()
        measured, _ = _roles(spec, raw, names, faults)
        faults += _taken(raw.source, [one.name for one in measured], spec)
        return from_long(raw.source, frame, rows, in_rows, spec.long, _about(spec), spec.missing, faults), measured
    names = [name for name in frame.columns if name not in (*spec.key, *_about(spec))]
    measured, explicit = _roles(spec, raw, names, faults)
    wide, left_out = from_wide(raw.source, frame, rows, [one.name for one in measured], explicit, spec.missing, faults)
    if left_out:
        notes.append(f"{len(left_out)} columns left out, text or empty: {', '.join(map(short, left_out))}")
    measured = [one for one in measured if one.name not in left_out]
    faults += _taken(raw.source, [one.name for one in measured], spec)
    if not measured and not faults:
        faults.append(f"{spec.source}: no column is left to be measured")
    return wide, measured


def _taken(source: str, names: Sequence[str], spec: Spec) -> list[str]:
    """A line for each measurement whose name the analysis has for something else."""
    return [
        f"{source}: {short(name)} cannot be measured: the analysis has this name for "
        f"{'the score' if name in COMPONENTS else 'what a model is'}; rename it, or name it under 'ignore'"
        for name in names
        if name in (*MODEL, *COMPONENTS, *spec.scale)
    ]


def _roles(spec: Spec, raw: Raw, names: list[str], faults: list[str]) -> tuple[list[Measured], list[str]]:
    """The measured columns, capability first and in the spec's order, and those that the spec itself names."""
    ignored, unknown = chosen(spec.ignore, names)
    faults += [f"{spec.source}: ignore: {not_a_column(name, names)}" for name in unknown]
    names = [name for name in names if name not in ignored]
    explicit: dict[str, None] = {}
    picked = {}
    for role in ("capability", "safety", "lower_is_better", "percent"):
        wanted = getattr(spec, role)
        picked[role], unknown = chosen(wanted, names)
        faults += [f"{spec.source}: {role}: {not_a_column(name, names)}" for name in unknown]
        explicit |= dict.fromkeys(chosen([name for name in wanted if name != "*"], names)[0])
    for name in (*spec.against, *spec.against.values()):
        if name not in names:
            faults.append(f"{spec.source}: against: {not_a_column(name, names)}")
    capability = picked["capability"]
    twice = [name for name in spec.capability if name in spec.safety]
    faults += [f"{spec.source}: {name!r} is listed under capability and under safety" for name in twice]
    safety = [name for name in picked["safety"] if name not in capability]
    lower = {*picked["lower_is_better"], *raw.lower}
    axes = [*((name, "capability") for name in capability), *((name, "safety") for name in safety)]
    measured = [Measured(name, axis, name not in lower, spec.against.get(name)) for name, axis in axes]
    absent = [name for name in {**spec.against, **{v: v for v in spec.against.values()}} if name not in dict(axes)]
    faults += [
        f"{spec.source}: against: {name!r} is under neither capability nor safety" for name in absent if name in names
    ]
    return measured, [*explicit, *spec.against, *spec.against.values()]


def _models(source: str, wide: Wide, spec: Spec, faults: list[str], notes: list[str]) -> pl.DataFrame:
    families = families_of(source, wide.rows, wide.about, spec.family, faults)
    columns = {"model": wide.rows, "family": families}
    for name in ("flops", "parameters"):
        if name not in spec.scale:
            columns[name] = pl.Series([None] * len(wide.rows), dtype=pl.Float64)
            continue
        column, factor = spec.scale[name]
        found = numbers(wide.about[column], spec.missing)
        value = found.value * factor
        faults += bad_cells(source, column, wide.rows, wide.about[column], found.bad)
        faults += _lines(source, column, wide.rows, found.value, (found.value <= 0).fill_null(False), "is not above 0")
        beyond = ((found.value > 0) & ((value == 0) | value.is_infinite())).fill_null(False)
        faults += _lines(
            source, column, wide.rows, found.value, beyond, f"times {factor:g} is beyond what numbers hold"
        )
        if name == "parameters":
            uneven = ((value - value.round()).abs() > 1e-6 * value.abs()).fill_null(False) | (
                value >= 2.0**63
            ).fill_null(False)
            uneven &= ~beyond
            for row, number in zip(wide.rows.filter(uneven)[:MOST_NAMED], value.filter(uneven), strict=False):
                faults.append(
                    f"{source}: column {short(column)}, row {short(row)}: {number!r} is not a number of parameters; "
                    "a unit is given as {column: ..., times: 1e6}"
                )
            value = value.round()
        notes += [f"{value.null_count()} models without {name}"] * bool(value.null_count())
        columns[name] = value
    for group in look_alikes(wide.rows)[:MOST_NAMED]:
        notes.append(f"names that look alike, kept apart: {', '.join(ascii(name) for name in group)}")
    if len(wide.rows) and spec.family is None:
        notes.append("no families: models are resampled as if each stood alone, and intervals are too narrow")
    return pl.DataFrame(columns)


def _in_one_unit(
    source: str, wide: Wide, measured: Sequence[Measured], spec: Spec, faults: list[str]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Values and standard errors, percents as fractions. A column that mixes both is an error."""
    values, errors = {}, {}
    declared = chosen(spec.percent, [one.name for one in measured])[0]
    for name in (one.name for one in measured):
        value, error, sign = wide.values[name], wide.errors[name], wide.percent[name]
        known = value.is_not_null()
        if name in declared or ((sign | ~known).all() and known.any()):
            outside = ((value < 0) | (value > 100)).fill_null(False)
            faults += _lines(source, name, wide.rows, value, outside, "is no percentage")
            value, error = value / 100, error / 100
        else:
            odd = sign if sign.any() else _fractions_among_percents(value)
            remark = "is in a column of numbers that are not percents" if sign.any() else "is in a column of percents"
            faults += _lines(
                source, name, wide.rows, value, odd, f"{remark}; if all are, name the column under 'percent'"
            )
        values[name], errors[name] = value, error
    return pl.DataFrame(values), pl.DataFrame(errors)


def _fractions_among_percents(value: pl.Series) -> pl.Series:
    """Which values (rows,) look like fractions (0.5) in a column of percents (50)."""
    low, high = value.filter((value > 0) & (value < 1)), value.filter(value > 1)
    none = pl.repeat(False, len(value), eager=True)
    if not len(low) or not len(high) or value.min() < 0 or high.max() > 100 or len(low) > len(high):  # type: ignore[operator]
        return none
    apart = high.min() >= GAP * low.max()  # type: ignore[operator]
    within = bool((low * 100).is_between(high.min() / 2, high.max() * 2).all())  # type: ignore[operator]
    return ((value > 0) & (value < 1)).fill_null(False) if apart and within else none


def _lines(source: str, name: str, rows: pl.Series, value: pl.Series, where: pl.Series, remark: str) -> list[str]:
    shown = zip(rows.filter(where)[:MOST_NAMED], value.filter(where)[:MOST_NAMED], strict=True)
    lines = [f"{source}: column {short(name)}, row {short(row)}: {number!r} {remark}" for row, number in shown]
    more = int(where.sum()) - MOST_NAMED
    return lines + ([f"{source}: column {short(name)}: and {more:,} more"] if more > 0 else [])


def _joined(raw: Raw, spec: Spec, faults: list[str], notes: list[str]) -> pl.DataFrame:
    """The table with the columns of the tables it is joined with, as `prefix/column`; unmatched rows are named."""
    frame, key = raw.frame, spec.key
    for prefix, file in spec.join.items():
        try:
            other = read_table(spec.folder / file, spec)
        except WrongImport as error:
            faults += error.faults
            continue
        absent = [name for name in key if name not in frame.columns or name not in other.frame.columns]
        if absent or not key:
            faults.append(f"{other.source}: the key {', '.join(key)} is not in both tables")
            continue
        left = keys_of(raw.source, frame, key, [])
        right = keys_of(other.source, other.frame, key, faults)
        joined = other.frame.drop(key).rename(lambda column, prefix=prefix: f"{prefix}/{column}")  # type: ignore[misc]
        for source, names in (
            (raw.source, left.filter(~left.is_in(right.implode()))),
            (other.source, right.filter(~right.is_in(left.implode()))),
        ):
            if len(names):
                shown = ", ".join(map(short, names[:MOST_NAMED])) + (", ..." if len(names) > MOST_NAMED else "")
                notes.append(f"{len(names)} rows of {source} without a partner in the join {prefix!r}: {shown}")
        if not right.is_duplicated().any():
            frame = (
                frame.with_columns(left.alias(" key"))
                .join(joined.with_columns(right.alias(" key")), on=" key", how="left", maintain_order="left")
                .drop(" key")
            )
    return frame
