"""Agreement on the line: accuracy under a shift, predicted without labels (Baek et al. 2022, arXiv 2206.13089).

Where accuracy under a shift lies on a line against accuracy without it, both on the probit scale, agreement between
models lies on the same line; and agreement needs no labels. Where agreement is on no line, nothing is predicted.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.stats import norm

from analysis.schema import checked
from analysis.tables import AGREEMENT, AGREEMENT_LINE

Floats = NDArray[np.float64]
LEAST_R_SQUARED = 0.95  # of agreement, for a prediction to count (as in the paper)
FEWEST_MODELS = 3
PLACE = ["domain", "dataset", "method"]


def agreement_on_the_line(agreement: pl.DataFrame) -> pl.DataFrame:
    """The table AGREEMENT_LINE: for each run and shifted condition, the accuracy predicted from agreement (ALine-D),
    its own, and whether the agreement of its method's runs is on a line (R squared at least .95), so that the
    prediction counts. A method of fewer than three runs, or whose runs agree alike, has none.
    """
    agreement = checked(agreement, AGREEMENT)
    pair = [*PLACE, "first", "second"]
    unshifted = agreement.filter(~pl.col("shifted")).drop("condition", "shifted")
    both = agreement.filter("shifted").join(unshifted, on=pair, suffix="_unshifted")
    rows = []
    for key, of_condition in both.group_by(*PLACE, "condition", maintain_order=True):
        found = line(of_condition)
        if found is not None:
            about = dict(zip((*PLACE, "condition"), key, strict=True))
            rows.append(found.with_columns(pl.lit(value).alias(name) for name, value in about.items()))
    table = pl.concat(rows).select(*AGREEMENT_LINE.columns) if rows else AGREEMENT_LINE.empty()
    return checked(table, AGREEMENT_LINE)


def line(pairs: pl.DataFrame) -> pl.DataFrame | None:
    """One method's runs under one condition, from its pairs; None where there is no line."""
    runs = sorted({*pairs["first"], *pairs["second"]})
    place = {run: number for number, run in enumerate(runs)}
    without, shifted = probits(pairs, "_unshifted"), probits(pairs, "")
    x, y = without["agreement"], shifted["agreement"]
    if len(runs) < FEWEST_MODELS or np.ptp(x) == 0:
        return None
    slope, intercept = np.polyfit(x, y, 1)
    residual, total = ((y - intercept - slope * x) ** 2).sum(), ((y - y.mean()) ** 2).sum()
    r_squared = 1 - residual / total if total > 0 else 0.0
    first, second = (
        pairs[name].replace_strict(place, return_dtype=pl.Int64).to_numpy() for name in ("first", "second")
    )
    design = np.zeros((len(pairs), len(runs)))
    design[np.arange(len(pairs)), first] = design[np.arange(len(pairs)), second] = 0.5
    mean_without = (without["first_accuracy"] + without["second_accuracy"]) / 2
    solved, *_ = np.linalg.lstsq(design, slope * mean_without + y - slope * x, rcond=None)
    return pl.DataFrame(
        {
            "run": runs,
            "unshifted_accuracy": by_run(pairs, runs, "_unshifted"),
            "predicted": norm.cdf(solved),
            "accuracy": by_run(pairs, runs, ""),
            "slope": float(slope),
            "r_squared": float(r_squared),
            "on_the_line": bool(r_squared >= LEAST_R_SQUARED),
        }
    )


def probits(pairs: pl.DataFrame, suffix: str) -> dict[str, Floats]:
    """Agreement and accuracies on the probit scale, half an example away from 0 and 1."""
    n = pairs[f"n{suffix}"].to_numpy()
    names = ("agreement", "first_accuracy", "second_accuracy")
    return {name: norm.ppf((n * pairs[f"{name}{suffix}"].to_numpy() + 0.5) / (n + 1)) for name in names}


def by_run(pairs: pl.DataFrame, runs: list[str], suffix: str) -> list[float]:
    """Each run's accuracy."""
    known = dict(zip(pairs["first"], pairs[f"first_accuracy{suffix}"], strict=True))
    known |= dict(zip(pairs["second"], pairs[f"second_accuracy{suffix}"], strict=True))
    return [known[run] for run in runs]
