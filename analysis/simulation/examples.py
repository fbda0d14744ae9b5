"""Studies simulated down to the test example, for measurements that contain the capability: Brier score and AURC of
calibrated classifiers.

A run of skill s gets example i of difficulty z_i right with probability 1/(1 + exp(z_i - s)) and says just that as
its confidence; the examples are the same for all runs, and so is part of the luck on each. Nothing but s moves either
score, so every method here is one that only adds capability.
"""

import numpy as np
import polars as pl
from numpy.random import Generator
from scipy import stats

from analysis.audit.grid import Bools
from analysis.scales import Floats, on_scale
from analysis.simulation.worlds import World, planned_runs

DIFFICULTY = 2.0  # SD over examples, in units of skill
COMMON_LUCK = 0.3  # correlation of two runs' luck on one example


def example_study(world: World, rng: Generator, *, skill: float = 1.0) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(results, scores): Brier score and area under the risk-coverage curve on half the examples, the score is the
    logit of accuracy on the other half.

    world: its methods' `capability`, families, widths, seeds, gain and capability spread are used. skill: of the
    middle rung.
    """
    difficulty = rng.normal(0, DIFFICULTY, 2 * world.examples)
    luck = rng.standard_normal(2 * world.examples)
    rows, scores = [], []
    for run in planned_runs(world).drop("method_number", "model_number").iter_rows(named=True):
        true = skill + run.pop("capability") + rng.normal(0, world.capability_spread)
        confidence = 1 / (1 + np.exp(difficulty - true))
        own = rng.standard_normal(luck.size)
        correct = stats.norm.cdf(np.sqrt(COMMON_LUCK) * luck + np.sqrt(1 - COMMON_LUCK) * own) < confidence
        hits, half = int(correct[world.examples :].sum()), world.examples
        named = {name: value for name, value in run.items() if name not in ("parameters", "flops")}
        score = on_scale(np.array([hits / half]), np.array([float(half)]), "logit", True)
        scores.append({**named, "score": float(score[0])})
        rows += [{**run, **measured} for measured in _measured(confidence[:half], correct[:half])]
    return pl.DataFrame(rows, infer_schema_length=None), pl.DataFrame(scores)


def _measured(confidence: Floats, correct: Bools) -> list[dict[str, object]]:
    """The runs' three measurements, each with its standard error; AURC is linear in the errors given the ranking,
    which gives its own.
    """
    size, wrong = len(correct), (~correct).astype(float)
    squared = (confidence - correct) ** 2
    ranked = wrong[np.argsort(-confidence)]
    weight = np.cumsum(1 / np.arange(size, 0, -1))[::-1]
    values = {
        ("calibration", "brier_score", "safety"): (squared.mean(), squared.std()),
        ("selective", "area_under_risk_coverage", "safety"): ((weight * ranked).mean(), (weight * ranked).std()),
        ("clean", "accuracy", "capability"): (correct.mean(), correct.std()),
    }
    shared = {"part": "all", "pillar": "monitoring", "flags": "", "n": size}
    rows: list[dict[str, object]] = []
    for (condition, metric, axis), (value, spread) in values.items():
        names = {"measurement": f"{condition}/{metric}", "metric": metric, "condition": condition, "axis": axis}
        numbers = {"value": float(value), "standard_error": float(spread / np.sqrt(size))}
        upper = 1.0 if metric != "brier_score" else 2.0
        facts = {"higher_is_better": metric == "accuracy", "lower": 0.0, "upper": upper}
        rows.append({**shared, **names, **facts, **numbers})
    return rows
