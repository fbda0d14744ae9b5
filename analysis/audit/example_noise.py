"""The noise of the test examples that runs share: how far an estimate would move had other examples been drawn.

Every run sees the same examples, so this noise does not average out over runs and no resampling of runs shows it. It is
known where results carry `deviations`: what each value would move by in draws of the examples that all runs have in
common (their influences, weighted by standard normals: the multiplier bootstrap). Where they don't, it is assumed:
`example_share` of the stored standard errors.
"""

import numpy as np

from analysis.audit.grid import Bools, Grid, Ints
from analysis.scales import Floats


def unit_deviations(grid: Grid, method: int, both: Bools, columns: Ints) -> Floats | None:
    """What each pair's differences, baseline subtracted, move by in each draw of the examples: [pair, measurement, then
    capability, draw], pairs in the order of `both` [model, seed]. None where results carry no deviations.
    """
    if grid.deviations is None:
        return None
    moved = (grid.deviations[method] - grid.deviations[0])[both]
    return np.asarray(moved[:, [*columns, -1]])


def example_parts(deviations: Floats | None, assumed: Floats) -> Floats:
    """Independent parts [part, measurement, then capability] whose squares sum to the variance of what the units' mean
    moves by with the examples; the sum of the products of two columns is their covariance.

    deviations: [unit, measurement, then capability, draw of the examples]. Part of it is the units' own and shows in
    their spread already; what is left is what they have in common, estimated by the analysis of variance. A measurement
    without deviations has none. Where there are none at all: `assumed`, the standard error of each measurement, a part
    for each and none of capability.
    """
    if deviations is None:
        return np.concatenate([np.diag(assumed), np.zeros((len(assumed), 1))], axis=1)
    known = np.nan_to_num(deviations)
    units, size = len(known), known.shape[-1]
    mean = known.mean(axis=0)
    whole = (mean**2).mean(axis=-1)
    own = ((known - mean) ** 2).mean(axis=-1).sum(axis=0) / max(units * (units - 1), 1)
    share = np.sqrt(np.clip(1 - own / np.maximum(whole, 1e-300), 0, 1))
    return np.asarray((share[:, None] * mean).T / np.sqrt(size))
