"""The Pareto front of capability and safety beyond it."""

import polars as pl

from analysis.tables import BASELINE


def pareto_front(points: pl.DataFrame) -> pl.DataFrame:
    """The methods that no other is as good as on both and better on one, standard training at (0, 0) among them, in
    order of capability. `points` has method, capability and beyond; both are the better, the higher.
    """
    standard = {"method": [BASELINE], "capability": [0.0], "beyond": [0.0]}
    every = pl.concat([points.select(list(standard)), pl.DataFrame(standard)])
    rows = every.sort("capability", "beyond", "method", descending=[True, True, False]).to_dicts()
    front: list[dict[str, object]] = []
    best = float("-inf")
    for row in rows:
        if row["beyond"] > best:
            best = row["beyond"]
            front.append(row)
    return pl.DataFrame(front[::-1], schema=every.schema)
