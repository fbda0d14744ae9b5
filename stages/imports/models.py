"""The models of a table: their names, families, and how large they are."""

import polars as pl

from analysis.pairs.structure import TAKEN, name_of
from analysis.words import several
from stages.imports.cells import Reading, known_text
from stages.imports.names import families_of, look_alikes
from stages.imports.pairing import paired, without_rungs
from stages.imports.raw import short, unfit_names
from stages.imports.sizes import sizes
from stages.imports.spec import Spec
from stages.imports.training import STEP, TRAINING, training_of
from stages.imports.wide import MOST_NAMED, Wide, bad_cells, lines_of


def models_of(
    source: str, wide: Wide, spec: Spec, reading: Reading, faults: list[str], notes: list[str]
) -> pl.DataFrame:
    """A row for each row of the table: model, family, flops, parameters, released (a year), lab; where rows are paired,
    row, key, within, method and baseline, too; where a training step is known, step and training.
    """
    families = families_of(source, wide.rows, wide.about, spec.family, faults, spec.source, spec.missing)
    columns = {"model": wide.rows, "family": families}
    columns |= {"released": _released(source, wide, spec, faults), "lab": _lab(wide, spec)}
    faults += unfit_names(source, "lab", columns["lab"])
    columns |= training_of(source, wide, spec, reading, faults)
    for name in ("flops", "parameters"):
        value = _scale(name, source, wide, spec, reading, faults) if name in spec.scale else _nothing(wide.rows)
        if name in spec.scale:
            notes += [f"{several(value.null_count(), 'model')} without {name}"] * bool(value.null_count())
        columns[name] = value
    for group in look_alikes(wide.rows.unique(maintain_order=True))[:MOST_NAMED]:
        notes.append(f"names that look alike, kept apart: {', '.join(ascii(name) for name in group)}")
    if spec.family is None and TRAINING in columns:
        of = columns[TRAINING].filter(columns[STEP].is_not_null())
        said = f"{several(len(of), 'checkpoint')} of {several(of.n_unique(), 'training')}"
        notes.append(f"{said}: a 'family' keeps those of one training together")
    if len(wide.rows) and spec.family is None:
        alone = "models are resampled as if each stood alone, and intervals are too narrow"
        notes.append(f"no families: {'each baseline model counts as one' if spec.paired else alone}")
    if not spec.paired:
        return pl.DataFrame(columns)
    beside = paired(source, wide.rows, wide.about, spec, faults)
    for name in ("method", "within"):
        faults += unfit_names(source, name, beside[name])
    faults += [
        f"{source}: method {name!r} is what the tables call models {what}: give it another name, or, if it says that "
        "nothing was done, name it under 'missing'"
        for name, what in TAKEN.items()
        if name in beside["method"]
    ]
    notes += without_rungs(beside)
    names = pl.Series("model", [name_of(row) for row in beside.iter_rows(named=True)], dtype=pl.String)
    return pl.concat([pl.DataFrame(columns | {"model": names}), beside], how="horizontal")


def _lab(wide: Wide, spec: Spec) -> pl.Series:
    if spec.lab is None:
        return pl.Series([None] * len(wide.rows), dtype=pl.String)
    return known_text(wide.about[spec.lab], spec.missing)


def _released(source: str, wide: Wide, spec: Spec, faults: list[str]) -> pl.Series:
    """When each model was released, as a year with its fraction: from a date (2024-07-18), a month or a year."""
    if spec.released is None:
        return pl.Series([None] * len(wide.rows), dtype=pl.Float64)
    text = known_text(wide.about[spec.released], spec.missing)
    parts = text.str.extract_groups(r"^(\d{4})(?:-(\d{1,2}))?(?:-(\d{1,2}))?(?:[T ].*)?$").struct.unnest()
    year, month, day = (parts[name].cast(pl.Float64) for name in ("1", "2", "3"))
    dated = year + (month.fill_null(7) - 1) / 12 + (day.fill_null(1) - 1) / 365
    whole = pl.concat_str(parts["1"], *(parts[name].fill_null("1").str.zfill(2) for name in ("2", "3")), separator="-")
    real = pl.select(whole.str.to_date("%Y-%m-%d", strict=False))[:, 0].is_not_null()
    found = dated.set(~real, None).fill_null(text.cast(pl.Float64, strict=False))
    bad = text.is_not_null() & ~found.is_between(1950, 2100).fill_null(False)
    faults += bad_cells(source, spec.released, wide.rows, text, bad, "a date such as 2024-07-18")
    return found


def _nothing(rows: pl.Series) -> pl.Series:
    return pl.repeat(None, len(rows), dtype=pl.Float64, eager=True)


def _scale(name: str, source: str, wide: Wide, spec: Spec, reading: Reading, faults: list[str]) -> pl.Series:
    """A column of FLOPs or parameters, in units of one."""
    column, factor = spec.scale[name]
    cells, rows = wide.about[column], wide.rows
    found, unit = sizes(cells, reading)
    value = found.value * unit * factor
    faults += bad_cells(source, column, rows, cells, found.bad)
    faults += lines_of(source, column, rows, found.value, (found.value <= 0).fill_null(False), "is not above 0")
    twice = (unit != 1) & found.value.is_not_null() & (factor != 1)
    faults += lines_of(source, column, rows, cells, twice, "has a unit of its own, and the spec's 'times' beside it")
    beyond = ((found.value > 0) & ((value == 0) | value.is_infinite())).fill_null(False)
    remark = f"times {factor:g} is beyond what numbers hold"
    faults += lines_of(source, column, rows, found.value, beyond, remark)
    if name == "flops":
        return value
    uneven = ((value - value.round()).abs() > 1e-6 * value.abs()).fill_null(False)
    uneven = (uneven | (value >= 2.0**63).fill_null(False)) & ~beyond
    for row, number in zip(rows.filter(uneven)[:MOST_NAMED], value.filter(uneven), strict=False):
        faults.append(
            f"{source}: column {short(column)}, row {short(row)}: {number!r} is not a number of parameters; "
            "a unit is given as {column: ..., times: 1e6}"
        )
    return value.round()
