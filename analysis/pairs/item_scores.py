"""Scores of single items: their table, and those of one measurement as an array of rows and items."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from analysis.pairs.effects import Bools, Pairs
from analysis.scales import Floats
from analysis.schema import Table, checked

ROUNDED = 5e-5  # by how much a value may differ from the mean of its items: logs are printed with four digits or more
ITEMS = Table(
    name="items",
    columns={
        "model": pl.String,
        "measurement": pl.String,
        "item": pl.String,
        "copy": pl.Int64,  # 0 where the item is there once; else the number of its copy, which is paired with nothing
        "value": pl.Float64,
    },
    key=("measurement", "model", "item", "copy"),
)


def numbered(items: pl.DataFrame) -> pl.DataFrame:
    """The table ITEMS from its columns but `copy`: which items share their id, of a model and measurement."""
    of_item = ["measurement", "model", "item"]
    number = pl.when(pl.len().over(of_item) > 1).then(pl.int_range(1, pl.len() + 1).over(of_item)).otherwise(0)
    return checked(items.with_columns(copy=number.cast(pl.Int64)).select(*ITEMS.columns).sort(ITEMS.key), ITEMS)


@dataclass(frozen=True)
class Scored:
    """The items of a measurement: scores [row, item], NaN where a row lacks the item."""

    scores: Floats

    def both(self, model: int, baseline: int) -> Bools:
        """The items that two rows have, [item]."""
        return np.asarray(np.isfinite(self.scores[model]) & np.isfinite(self.scores[baseline]))

    def number(self, pairs: Pairs) -> tuple[int, int]:
        """How many pairs there are, and how many items that both sides of any of them have."""
        ends = zip(pairs.models, pairs.baselines, strict=True)
        return len(pairs.models), int(np.any([self.both(*each) for each in ends], axis=0).sum())

    def deviations(self, row: int, items: Bools) -> Floats:
        """A row's deviations from its mean over some of its items, divided by their number; 0 on all others, [item]."""
        found = np.zeros(self.scores.shape[1])
        found[items] = (self.scores[row, items] - self.scores[row, items].mean()) / items.sum()
        return found


def scored(items: pl.DataFrame, measurement: str, models: list[str]) -> Scored | None:
    """The items of a measurement over rows named `models`; None where there are none."""
    own = items.filter(measurement=measurement, copy=0).filter(pl.col("model").is_in(models))
    if own.is_empty():
        return None
    names = own["item"].unique().sort()
    rows = own["model"].replace_strict(models, range(len(models)), return_dtype=pl.Int64).to_numpy()
    places = own["item"].replace_strict(names, pl.Series(range(len(names))), return_dtype=pl.Int64).to_numpy()
    scores = np.full((len(models), len(names)), np.nan)
    scores[rows, places] = own["value"].to_numpy()
    return Scored(scores)
