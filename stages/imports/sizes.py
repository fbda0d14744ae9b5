"""How large models are, as people write it: `8.03B`, `70 M`, `7e9`, `1.3 billion`."""

import polars as pl

from stages.imports.cells import Numbers, Reading

UNITS = {
    "k": 1e3,
    "thousand": 1e3,
    "m": 1e6,
    "million": 1e6,
    "b": 1e9,
    "g": 1e9,
    "billion": 1e9,
    "t": 1e12,
    "trillion": 1e12,
}


def sizes(cells: pl.Series, reading: Reading) -> tuple[Numbers, pl.Series]:
    """Cells as numbers, and the unit that stands in each, 1 where none does; a value is in that unit."""
    none = pl.repeat(1.0, len(cells), eager=True)
    cells = cells.cast(pl.String) if cells.dtype in (pl.Categorical, pl.Enum) else cells
    if cells.dtype != pl.String:
        return reading.numbers(cells), none
    parts = cells.str.strip_chars().str.extract_groups(rf"(?i)^(.*\d)\s*({'|'.join(UNITS)})$").struct.unnest()
    unit = parts["2"].str.to_lowercase().replace_strict(UNITS, default=1.0, return_dtype=pl.Float64)
    bare = pl.DataFrame({"cell": cells, "bare": parts["1"]}).select(pl.coalesce("bare", "cell"))["bare"]
    return reading.numbers(bare), unit
