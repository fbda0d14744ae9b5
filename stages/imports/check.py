"""A published table checked against its spec: every fault at once, or the values of every model, ready to be logged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import polars as pl

from analysis.pairs.item_scores import numbered
from analysis.words import several
from stages.imports.cells import Reading
from stages.imports.decimals import decimal_of, marked
from stages.imports.gaps import gaps
from stages.imports.joins import joined
from stages.imports.models import models_of
from stages.imports.names import keys_of
from stages.imports.pairing import columns_of, faults_of, judged_by
from stages.imports.raw import Raw, short, unfit_names
from stages.imports.roles import WAY, Measured, Roles, directions_in_doubt, listed, roles, taken
from stages.imports.spec import Spec, WrongImport, chosen, not_a_column
from stages.imports.training import with_training
from stages.imports.units import in_one_unit
from stages.imports.wide import Wide, from_long, from_wide, long_names

NUMBERS = ("value", "standard_error", "n")


@dataclass(frozen=True)
class Checked:
    """What is imported. `models` has a row for each row of the table (`models_of`); `values`, `errors` and `n` have the
    same rows and a column per measurement; `notes` says what was handled; `placebos` and `margins` are the spec's;
    `items` is the table of the items that values are the means of (`analysis.pairs.item_scores.ITEMS`), None where no
    log has any.
    """

    study: str
    measured: tuple[Measured, ...]
    models: pl.DataFrame
    values: pl.DataFrame
    errors: pl.DataFrame
    n: pl.DataFrame
    notes: list[str]
    placebos: tuple[str, ...] = ()
    margins: Mapping[str, float] = field(default_factory=dict)
    items: pl.DataFrame | None = None


def check(raw: Raw, spec: Spec) -> Checked:
    """The table as the spec says it is to be read. Raises WrongImport with every fault."""
    faults = faults_of(spec)
    notes = list(raw.notes)
    spec = replace(spec, key=spec.key or raw.key, long=spec.long or raw.long)
    spec = with_training(raw, spec, faults)
    frame = joined(raw, spec, faults, notes)
    missing = _check_columns(raw.source, frame, spec)
    if missing:
        raise WrongImport([*faults, *missing])
    if spec.decimal and not marked(frame.get_columns()):
        faults.append(f"{spec.source}: decimal: has no effect: no number in text has a decimal mark")
    reading = Reading(spec.missing, decimal_of(frame.get_columns(), spec.decimal))
    wide, measured = _measured(raw, frame, spec, reading, faults, notes)
    if faults and spec.long:
        raise WrongImport(faults)
    models = models_of(raw.source, wide, spec, reading, faults, notes)
    values, errors = in_one_unit(raw.source, wide, measured, spec, faults, notes)
    named = [*columns_of(spec), *([spec.family] if isinstance(spec.family, str) else [])]
    texts = {text for name in named for text in frame[name].cast(pl.String).unique()}
    unseen = [text for text in spec.missing if text not in reading.seen | texts]
    faults += [f"{spec.source}: missing: {text!r} has no effect: no cell is written like that" for text in unseen]
    if faults:
        raise WrongImport(faults)
    notes += [f"{several(count, 'cell')} {what}" for what, count in wide.counts.items() if count]
    notes += [*directions_in_doubt(spec, raw, measured), *gaps(models["model"], values)]
    n = pl.DataFrame({one.name: wide.n[one.name] for one in measured if one.name in wide.n})
    faults = judged_by(spec, measured, models)
    if faults:
        raise WrongImport(faults)
    items = _items(raw, wide, models, measured, spec, notes)
    return Checked(spec.study, tuple(measured), models, values, errors, n, notes, spec.placebos, spec.margins, items)


def _items(
    raw: Raw, wide: Wide, models: pl.DataFrame, measured: Sequence[Measured], spec: Spec, notes: list[str]
) -> pl.DataFrame | None:
    """The items of what is measured, in the unit of its values."""
    if raw.items is None:
        return None
    names = [one.name for one in measured]
    percents = chosen(spec.percent, names)[0]
    rows = raw.items.filter(pl.col("measurement").is_in(names), pl.col("model").is_in(wide.rows.implode()))
    if rows.is_empty():
        return None
    known = rows["measurement"].unique().to_list()
    without = [name for name in names if name not in known]
    notes.append(
        f"scores of {len(rows):,} items, of {several(len(known), 'measurement')}"
        + (f"; {several(len(without), 'measurement')} without: {listed(without)}" if without else "")
    )
    value = pl.when(pl.col("measurement").is_in(percents)).then(pl.col("value") / 100).otherwise("value")
    model = pl.col("model").replace_strict(wide.rows, models["model"], return_dtype=pl.String)
    return numbered(rows.with_columns(value, model=model))


def _about(spec: Spec) -> list[str]:
    """The columns that say something of a model."""
    named = [column for column, _ in spec.scale.values()] + ([spec.family] if isinstance(spec.family, str) else [])
    return list(dict.fromkeys([*named, *columns_of(spec), *spec.training]))


def _check_columns(source: str, frame: pl.DataFrame, spec: Spec) -> list[str]:
    """A line for each column that must be there and is not, or holds neither text nor numbers."""
    faults = []
    if not spec.key:
        faults.append(f"{spec.source}: 'key' is missing: the column, or columns, that name a model")
    long = spec.long or {}
    beside = [*spec.standard_error.values(), *spec.n.values()]
    named = [
        *spec.key,
        *_about(spec),
        *beside,
        *long.get("measurement", ()),
        *(long[name] for name in NUMBERS if name in long),
    ]
    for name in dict.fromkeys(named):
        if name not in frame.columns:
            faults.append(f"{spec.source}: {not_a_column(name, frame.columns)}")
        elif frame.schema[name].is_nested() or frame.schema[name] in (pl.Binary, pl.Object):
            faults.append(f"{source}: column {short(name)} is neither text nor numbers, but {frame.schema[name]}")
    return faults


def _measured(
    raw: Raw, frame: pl.DataFrame, spec: Spec, reading: Reading, faults: list[str], notes: list[str]
) -> tuple[Wide, list[Measured]]:
    """The cells as numbers, and what is measured."""
    rows = keys_of(raw.source, frame, spec.key, faults, unique=not (spec.long or spec.paired))
    if spec.long:
        in_rows = long_names(frame, spec.long)
        faults += [f"{raw.source}: row {row + 1}: no measurement is named" for row in in_rows.is_null().arg_true()]
        faults += unfit_names(raw.source, "measurement", in_rows)
        names = in_rows.drop_nulls().unique(maintain_order=True).to_list()
        found = roles(spec, raw, names, faults)
        faults += taken(raw.source, [one.name for one in found.measured], spec)
        notes += found.notes(names)
        faults += _nothing_left(spec, found, found.measured) if not faults else []
        for name in ("standard_error", "n"):
            if getattr(spec, name):
                faults.append(f"{spec.source}: {name}: has no effect on a long table: 'long' names its column")
        wide = from_long(raw.source, frame, rows, in_rows, spec.long, _about(spec), reading, faults)
        return wide, found.measured
    beside = {"standard_error": spec.standard_error, "n": spec.n}
    named = (*spec.key, *_about(spec), *spec.standard_error.values(), *spec.n.values())
    found = roles(spec, raw, [name for name in frame.columns if name not in named], faults)
    measured = found.measured
    for what, columns in beside.items():
        for name in columns:
            if name not in (one.name for one in measured):
                faults.append(f"{spec.source}: {what}: {name!r} is under neither capability nor safety")
    names = [one.name for one in measured]
    wide, left_out = from_wide(raw.source, frame, rows, names, found.explicit, beside, reading, faults)
    if left_out:
        notes.append(f"{several(len(left_out), 'column')} left out, text or empty: {', '.join(map(short, left_out))}")
    measured = [one for one in measured if one.name not in left_out]
    notes += found.notes([one.name for one in measured])
    faults += taken(raw.source, [one.name for one in measured], spec)
    faults += _nothing_left(spec, found, measured) if not faults else []
    return wide, measured


def _nothing_left(spec: Spec, found: Roles, measured: Sequence[Measured]) -> list[str]:
    """A line where nothing is measured, with what was left out for its direction."""
    if measured:
        return []
    unknown = f": nothing says which way these are better: {listed(found.undirected)}; {WAY}"
    return [f"{spec.source}: no column is left to be measured{unknown if found.undirected else ''}"]
