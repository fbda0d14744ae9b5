"""What a table does not say: cells without a value, and columns whose values are all the same."""

from collections.abc import Iterator

import polars as pl

from analysis.words import several
from stages.imports.raw import short
from stages.imports.roles import listed

MOST_NAMED = 5


def gaps(names: pl.Series, values: pl.DataFrame) -> Iterator[str]:
    """A line on the columns with most cells without a value, one on the rows without any, and one on the columns that
    can tell nothing apart. `names` are those of the rows.
    """
    models = len(values)
    blank = {name: values[name].null_count() for name in values.columns}
    most = sorted((name for name, count in blank.items() if count), key=lambda name: (-blank[name], name))
    if most:
        shown = ", ".join(f"{short(name)} {blank[name]}" for name in most[:MOST_NAMED])
        rest = f", and {len(most) - MOST_NAMED} more" if len(most) > MOST_NAMED else ""
        yield f"{sum(blank.values()):,} of {models * len(blank):,} values missing, by column: {shown}{rest}"
    empty = names.filter(values.select(pl.all_horizontal(pl.all().is_null())).to_series()).to_list() if blank else []
    if empty:
        yield f"{several(len(empty), 'model')} without any value: {listed(empty)}"
    same = [name for name in values.columns if models > 1 and values[name].drop_nulls().n_unique() == 1]
    if same:
        yield f"one value in all models, so they tell nothing apart: {listed(same)}"
