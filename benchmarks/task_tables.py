"""Tables of a finished study, task by task: the ladder of standard models, what each method changes, and seconds.

    python benchmarks/task_tables.py                    # in the folder of a study that has been run
    python benchmarks/task_tables.py --seconds          # and trains each method once at each model, for CPU seconds

Of every measurement: its mean over standard runs of the least and of the largest model, Spearman's rank correlation
with training FLOPs over models, the standard deviation over seeds within models, and its range over models. Of every
method, in capability and in each area: method less standard at the same model and seed, the mean over models with a
95 % interval (Student's t), and the verdict.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import polars as pl
import torch
from scipy.stats import spearmanr, t

from stages import domains
from stages.study import params

PAIRED = ["model", "seed"]


def last(results: pl.DataFrame) -> pl.DataFrame:
    """The whole values of the runs at the end of their training."""
    end = pl.col("step") == pl.col("step").max().over("method", "model", "seed")
    return results.filter(end, pl.col("part") == "all")


def ladder(results: pl.DataFrame) -> pl.DataFrame:
    """A row for each measurement of standard runs: least and largest model, rank correlation, seeds, range."""
    standard = last(results).filter(method="standard")
    of_model = (
        standard.group_by("axis", "measurement", "model")
        .agg(pl.col("value").mean(), pl.col("value").var().alias("variance"), pl.col("flops").mean())
        .sort("flops")
    )
    rows = []
    for (axis, name), group in of_model.group_by("axis", "measurement", maintain_order=True):
        values = group["value"].to_numpy()
        rows.append(
            {
                "axis": axis,
                "measurement": name,
                "least": values[0],
                "largest": values[-1],
                "rho": float(spearmanr(group["flops"], values).statistic),
                "SD over seeds": float(np.sqrt(np.nanmean(group["variance"].to_numpy()))),
                "range": float(np.ptp(values)),
            }
        )
    return pl.DataFrame(rows).sort("axis", "measurement")


def effects(results: pl.DataFrame, verdicts: pl.DataFrame) -> pl.DataFrame:
    """A row for each method: the paired difference and the verdict in each measurement of capability and each area."""
    runs = last(results)
    standard = runs.filter(method="standard").select(*PAIRED, "measurement", baseline="value")
    paired = runs.filter(pl.col("method") != "standard").join(standard, on=[*PAIRED, "measurement"])
    of_model = paired.group_by("axis", "measurement", "method", "model").agg(
        difference=(pl.col("value") - pl.col("baseline")).mean()
    )
    summed = of_model.group_by("axis", "measurement", "method").agg(
        mean=pl.col("difference").mean(), error=pl.col("difference").std() / pl.len().sqrt(), models=pl.len()
    )
    half = summed["error"].to_numpy() * t.ppf(0.975, np.maximum(summed["models"].to_numpy() - 1, 1))
    labels = verdicts.select("method", "measurement", "area", "label")
    found = summed.with_columns(half=half).join(labels, on=["method", "measurement"], how="left")
    shown = found.filter((pl.col("axis") == "capability") | pl.col("area").is_not_null()).sort("axis", "measurement")
    cells = [
        f"{row['mean']:+.3f} ± {row['half']:.3f} {row['label'] or ''}".strip() for row in shown.iter_rows(named=True)
    ]
    return (
        shown.with_columns(cell=pl.Series(cells)).pivot(on="measurement", index="method", values="cell").sort("method")
    )


def seconds(task_name: str) -> pl.DataFrame:
    """CPU seconds of one training of each method, the mean over the models, on one thread."""
    torch.set_num_threads(1)
    (task,) = [each for each in params.read(Path("params.yaml")).tasks if each.name == task_name]
    domain, running = domains.domain(task.domain), domains.running(task.domain)
    shape, data = domain.shape(task.data.spec()), domain.dataset(task.data.spec())
    rows = []
    for method in task.methods:
        for model in task.models:
            run = {
                "domain": task.domain,
                "method": method.spec(),
                "model": model.spec(),
                "training": task.training,
                "data": dict(shape.about),
                "sibling": None,
                "seed": 0,
            }
            start = time.process_time()
            running.train(run, data.splits, "cpu", ())
            rows.append({"method": method.name, "seconds": time.process_time() - start})
    return pl.DataFrame(rows).group_by("method", maintain_order=True).agg(pl.col("seconds").mean())


def markdown(frame: pl.DataFrame) -> str:
    """The frame as a table, numbers with three digits after the point."""

    def cell(value: object) -> str:
        return f"{value:.3f}" if isinstance(value, float) else "" if value is None else str(value)

    lines = [frame.columns, ["---"] * len(frame.columns), *([cell(value) for value in row] for row in frame.rows())]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", action="store_true", help="train each method once at each model")
    chosen = parser.parse_args()
    results, verdicts = pl.read_parquet("results.parquet"), pl.read_parquet("findings/verdicts.parquet")
    for task in results["task"].unique(maintain_order=True):
        own = results.filter(task=task)
        print(f"## {task}\n\n{markdown(ladder(own))}\n\n{markdown(effects(own, verdicts.filter(task=task)))}\n")
        if chosen.seconds:
            print(f"{markdown(seconds(task))}\n")


if __name__ == "__main__":
    main()
