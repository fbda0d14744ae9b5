"""Does training in bfloat16 change what is measured? The task `vision` of a study, one model of each family, at several
seeds, in float32 and in bfloat16, as one study of two tasks. What it gains, `training_step.py --precision` says.

    python benchmarks/precision.py [params.yaml] [--seeds 5] [--models resnet-8 convnext-12 vit-32]

Of each measurement: the mean difference between the two at the same model and seed, with its 95 % interval over seeds
within families, and the standard deviation of these differences; beside it that between the placebo, standard training
in another order, and standard training, in float32: what a change that means nothing does. p is of the t-test, with
Holm's correction over all measurements.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray
from ruamel.yaml import YAML
from scipy import stats
from statsmodels.stats.multitest import multipletests

from analysis.tables import BASELINE
from cluster.process import SESSION_OF

ROOT = Path(__file__).parent.parent
PRECISIONS = ("float32", "bfloat16")
STAGES = ("plan", "prepare", "train", "predict", "measure", "collect")


def study(vision: dict[str, Any], models: list[str], seeds: int) -> dict[str, Any]:
    """The task twice, in each precision."""
    families: dict[str, Any] = {}
    for model in models:
        family, _, width = model.rpartition("-")
        families[family] = {"widths": [int(width)]}
    task = {
        **{name: part for name, part in vision.items() if name not in ("evaluate_at", "agreement")},
        "domain": "vision",
        "models": families,
        "seeds": list(range(seeds)),
        "methods": {BASELINE: None, "placebo": None},
    }
    tasks = {name: {**task, "training": {**vision["training"], "precision": name}} for name in PRECISIONS}
    return {"study": "precision", **tasks}


def run(params: dict[str, Any]) -> pl.DataFrame:
    """The results of a study, made in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        YAML().dump(params, Path(folder, "params.yaml"))
        environment = {**os.environ, "PYTHONPATH": str(ROOT), SESSION_OF: str(os.getpid())}
        for stage in STAGES:
            subprocess.run([sys.executable, "-m", "stages", stage], cwd=folder, env=environment, check=True)
        return pl.read_parquet(Path(folder, "results.parquet"))


def float32(results: pl.DataFrame) -> pl.DataFrame:
    """Of the standard models in float32, over all parts of a condition."""
    return results.filter(pl.col("part") == "all", method=BASELINE, task=PRECISIONS[0])


def differences(results: pl.DataFrame) -> dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """By measurement, [families, seeds]: bfloat16 less float32, of standard training, and placebo less standard, in
    float32; of the measurements that have a value of every run.
    """
    whole = results.filter(part="all").with_columns(way=pl.concat_str("task", "method", separator=" "))
    runs = whole.select("model", "seed").n_unique()
    found = {}
    for (name,), of_measurement in whole.sort("model", "seed").group_by("measurement", maintain_order=True):
        wide = of_measurement.pivot("way", index=("model", "seed"), values="value")
        ways = [f"{PRECISIONS[0]} {BASELINE}", f"{PRECISIONS[1]} {BASELINE}", f"{PRECISIONS[0]} placebo"]
        if len(wide) == runs and not wide.select(ways).null_count().sum_horizontal().item():
            values = wide.select(ways).to_numpy().reshape(wide["model"].n_unique(), -1, len(ways))
            found[str(name)] = (values[..., 1] - values[..., 0], values[..., 2] - values[..., 0])
    return found


class Difference(NamedTuple):
    """A mean, half the width of its 95 % interval, the standard deviation within families, and the p-value of none."""

    mean: float
    half: float
    deviation: float
    p: float


def within(differences: NDArray[np.float64]) -> Difference:
    """Of differences [families, seeds]."""
    families, seeds = differences.shape
    freedom = families * (seeds - 1)
    deviation = float(np.sqrt(differences.var(axis=1, ddof=1).mean()))
    error = deviation / np.sqrt(differences.size)
    mean = float(differences.mean())
    if error == 0:
        return Difference(mean, 0.0, 0.0, 1.0 if mean == 0 else 0.0)
    half, p = stats.t.ppf(0.975, freedom) * error, 2 * stats.t.sf(abs(mean / error), freedom)
    return Difference(mean, float(half), deviation, float(p))


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", nargs="?", type=Path, default=Path("params.yaml"))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--models", nargs="+", default=["resnet-8", "convnext-12", "vit-32"])
    chosen = parser.parse_args()
    vision = YAML(typ="safe").load(chosen.study)["vision"]
    results = run(study(vision, chosen.models, chosen.seeds))
    measured = differences(results)
    found = {name: (within(precision), within(placebo)) for name, (precision, placebo) in measured.items()}
    rejected, corrected, *_ = multipletests([precision.p for precision, _ in found.values()], method="holm")
    print("| measurement | float32 | difference | ± | its SD | placebo's difference | ± | its SD | p, corrected |")
    print("|---|---|---|---|---|---|---|---|---|")
    means = dict(float32(results).group_by("measurement").agg(pl.col("value").mean()).iter_rows())
    for (name, (precision, placebo)), p in sorted(zip(found.items(), corrected, strict=True)):
        numbers = (means[name], precision.mean, precision.half, precision.deviation)
        beside = (placebo.mean, placebo.half, placebo.deviation, p)
        print(f"| {name} |", *(f"{number:.3f} |" for number in (*numbers, *beside)))
    ratios = [precision.deviation / placebo.deviation for precision, placebo in found.values() if placebo.deviation]
    print(f"\n{len(found)} measurements, {sum(rejected)} of them changed (Holm, 5 %);", end=" ")
    print(f"median ratio of standard deviations, bfloat16 to placebo: {np.median(ratios):.2f}")
    if left := sorted(set(means) - set(found)):
        print(f"Without a value of every run, and left out: {', '.join(left)}")


if __name__ == "__main__":
    main()
