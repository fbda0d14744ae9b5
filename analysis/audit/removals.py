"""The estimates of a study without some of its runs, by the audit's own functions and without a draw."""

from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from analysis.audit.decision import LEAST_DF, columns_of, tested
from analysis.audit.degrees import with_pooled_df
from analysis.audit.estimands import estimates
from analysis.audit.estimation import patterns
from analysis.audit.grid import Bools, Grid, Ints
from analysis.audit.ladder import ladders
from analysis.audit.settings import AuditSettings
from analysis.audit.units import Units, paired_units
from analysis.scales import Floats

BY_RUN = ("value", "y", "error", "n", "flagged", "blocked", "capability", "flops", "deviations")


def of_measurements(grid: Grid, names: list[str]) -> Grid:
    """The grid of these measurements alone, where it has them."""
    keep = np.flatnonzero(grid.measurements["measurement"].is_in(names).to_numpy())
    cut = {name: getattr(grid, name)[..., keep] for name in ("value", "y", "error", "n", "flagged", "blocked")}
    moved = None if grid.deviations is None else grid.deviations[..., [*keep, -1], :]
    return replace(grid, measurements=grid.measurements[keep], deviations=moved, **cut)


Columns = dict[str, np.ndarray]


@dataclass(frozen=True)
class Whole:
    """A grid, and the units of each method on each of its patterns of runs, of which something is to be removed."""

    grid: Grid
    settings: AuditSettings
    parts: list[tuple[Bools, Ints, list[Units]]]  # usable [method, model, seed], columns, units by method

    @classmethod
    def of(cls, grid: Grid, settings: AuditSettings) -> "Whole":
        """Of a grid."""
        parts = []
        for usable, columns in patterns(grid):
            methods = range(1, len(grid.methods))
            parts.append((usable, columns, [paired_units(grid, each, usable, columns, settings) for each in methods]))
        return cls(grid, settings, parts)

    def without(self, models: Bools, seeds: Bools) -> "Whole":
        """Without the models and seeds that are False. Of models alone the units are known: they are the others."""
        if not seeds.all():
            return Whole.of(without(self.grid, models, seeds), self.settings)
        parts = [
            (usable[:, models], columns, [each.among(models) for each in units])
            for usable, columns, units in self.parts
        ]
        bare = replace(self.grid, **{name: getattr(self.grid, name)[:1] for name in BY_RUN[:-1]}, deviations=None)
        return Whole(without(bare, models, seeds), self.settings, parts)

    def estimated(self, margins: Floats, capability_margin: float) -> list[Columns]:
        """The columns of what is `described`, with method and measurement, of each method whose units are models.

        margins: [measurement]. They and the capability score are those of the whole study.
        """
        found = []
        for usable, columns, units_of in self.parts:
            if not usable[0].any():
                continue
            both = ladders(self.grid, usable[0], columns, self.settings)
            names = self.grid.measurements["measurement"][columns].to_numpy()
            for name, units in zip(self.grid.methods[1:], units_of, strict=True):
                if units.kind != "model" or len(units.models) < self.settings.min_models:
                    continue
                about = {"method": np.full(len(names), name), "measurement": names}
                of = estimates(self.grid, units, both, None, None, self.settings, None)
                found += [about | columns_of(each, margins[columns], capability_margin) for each in of]
        return found


def without(grid: Grid, models: Bools, seeds: Bools) -> Grid:
    """The grid without the models and seeds that are False."""
    cut = {name: getattr(grid, name)[models] for name in ("families", "scale")}
    for name in BY_RUN:
        whole = getattr(grid, name)
        cut[name] = whole if whole is None else whole[:, models] if seeds.all() else whole[:, models][:, :, seeds]
    return replace(grid, models=[name for name, kept in zip(grid.models, models, strict=True) if kept], **cut)


def tested_without(found: dict[int, list[Columns]], settings: AuditSettings) -> pl.DataFrame:
    """The rows of several removals, by number, with degrees of freedom pooled within each, intervals and p-values."""
    parts = [(number, each) for number, of in found.items() for each in of]
    if not parts:
        return pl.DataFrame()
    columns = {name: np.concatenate([each[name] for _, each in parts]) for name in parts[0][1]}
    removal = np.repeat([number for number, _ in parts], [len(each["method"]) for _, each in parts])
    rows = pl.DataFrame(columns | {"removal": removal}).with_columns(pl.col(pl.Float64).fill_nan(None))
    return tested(with_pooled_df(rows, ("removal", "measurement")), settings, LEAST_DF)
