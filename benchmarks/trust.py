"""CPU seconds of fragility and of the multiverse for studies of the default's size, on one core.

    OMP_NUM_THREADS=1 python benchmarks/trust.py

Six methods in twelve areas, 12 models x 2 seeds and 21 x 1; what every value moves by is known for 200 draws of
examples. The second capability score is the first with noise.
"""

from time import process_time

import numpy as np
import polars as pl

from analysis.audit.fragility import fragility
from analysis.audit.multiverse import multiverse
from analysis.audit.settings import AuditSettings
from analysis.audit.verdicts import audit
from analysis.simulation.worlds import Method, World, simulated_study

EXAMPLE_DRAWS = 200
METHODS = {
    "placebo": Method(),
    "safer": Method(beyond=0.2),
    "dear": Method(beyond=0.3, capability=-0.3, flops=1.3),
    "worse": Method(beyond=-0.2, capability=-0.8, flops=2.6),
    "capable": Method(beyond=0.1, capability=0.3),
    "near": Method(beyond=0.05),
}
SIZES = {
    "12 x 2": World(measurements=12, methods=METHODS),
    "21 x 1": World(widths=7, seeds=1, doublings=1.0, measurements=12, methods=METHODS),
}


def main() -> None:
    """Print a line per size: CPU seconds of each, and how many claims have which fragility and keep their label."""
    settings = AuditSettings(placebos=("placebo",))
    for name, world in SIZES.items():
        rng = np.random.default_rng(0)
        results, scores = simulated_study(world, rng)
        moves = rng.normal(0, 0.01, (len(results), EXAMPLE_DRAWS))
        results = results.with_columns(pl.Series("deviations", moves.tolist()))
        accuracy = scores.with_columns(pl.col("score") + pl.Series(rng.normal(0, 0.05, len(scores))))
        names = sorted(results["measurement"].unique())
        found = audit(results, scores, primary=names, settings=settings, rng=np.random.default_rng(0))
        start = process_time()
        fragile = fragility(results, scores, found.verdicts, found.margins, settings)
        between = process_time()
        kept = multiverse(results, scores, accuracy, found.verdicts, settings, seed=0)
        end = process_time()
        counts = fragile.filter(of="model")["fewest"].value_counts().sort("fewest", nulls_last=True)
        said = ", ".join(f"{count} claims at {fewest or 'none'}" for fewest, count in counts.iter_rows())
        print(f"{name}: {len(found.verdicts)} claims")
        print(f"  fragility  {between - start:5.1f} s; fewest models: {said}")
        same = int((kept["kept"] == 1).sum())
        counted = kept["analyses"].to_list()
        analyses = f"{min(counted)} to {max(counted)} analyses a claim"
        print(f"  multiverse {end - between:5.1f} s; {analyses}, {same} claims the same in all")


if __name__ == "__main__":
    main()
