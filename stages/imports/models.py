"""The models of a table: their names, families, and how large they are."""

import polars as pl

from stages.imports.cells import numbers
from stages.imports.names import families_of, look_alikes
from stages.imports.raw import short
from stages.imports.spec import Spec
from stages.imports.wide import MOST_NAMED, Wide, bad_cells, lines_of


def models_of(source: str, wide: Wide, spec: Spec, faults: list[str], notes: list[str]) -> pl.DataFrame:
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
        faults += lines_of(
            source, column, wide.rows, found.value, (found.value <= 0).fill_null(False), "is not above 0"
        )
        beyond = ((found.value > 0) & ((value == 0) | value.is_infinite())).fill_null(False)
        faults += lines_of(
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
