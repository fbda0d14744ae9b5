"""The gate of lost runs: where a method's runs are lost more often than others', those that are left are no fair sample
of it.
"""

import numpy as np
import polars as pl
from scipy.stats import fisher_exact

from analysis.audit.grid import Grid
from analysis.audit.schema import GATES
from analysis.audit.settings import AuditSettings
from analysis.schema import TASK


def survivor_gates(grid: Grid, planned: pl.DataFrame, settings: AuditSettings) -> pl.DataFrame:
    """A row of GATES, blocking, for every method and safety measurement: whether so many of its planned runs without a
    value or a capability score could be chance, by Fisher's exact test (one-sided, at alpha) against those of all other
    methods. A method that has nothing left passes: nothing is claimed of it.

    planned: every run that was planned, finished or not, by method.
    """
    counts = dict(planned["method"].value_counts().iter_rows())
    runs = np.array([counts.get(name, 0) for name in grid.methods])
    usable = np.isfinite(grid.y) & np.isfinite(grid.capability)[..., None]
    kept = usable.sum((1, 2))  # [method, measurement]
    lost = np.maximum(runs[:, None] - kept, 0)
    rows = []
    for column in np.flatnonzero((grid.measurements["axis"] == "safety").to_numpy()):
        own, all_lost, all_kept = lost[:, column], lost[:, column].sum(), kept[:, column].sum()
        for method in range(1, len(grid.methods)):
            others = all_lost - own[method], all_kept - kept[method, column]
            table = [[own[method], kept[method, column]], others]
            p = float(fisher_exact(table, alternative="greater").pvalue)
            passed = not kept[method, column] or p > settings.alpha
            detail = f"{own[method]} of {runs[method]} runs are lost, of the others' {others[0]} of {sum(others)}"
            name = {"method": grid.methods[method], "measurement": grid.measurements["measurement"][int(column)]}
            rows.append({**name, "gate": "survivors", "passed": passed, "blocking": True, "detail": detail})
    frame = pl.DataFrame(rows, schema={name: dtype for name, dtype in GATES.columns.items() if name not in TASK})
    return frame.select(pl.lit(grid.domain).alias("domain"), pl.lit(grid.dataset).alias("dataset"), pl.all())
