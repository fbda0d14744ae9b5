"""Error rates of the jump protocol by simulation, naive rules beside it, and published curves of known shape.

Cells are (positions, seeds, standard deviation); every shape rises by 1 over the range. A rate is the share of curves
with that label or alarm: on smooth shapes it should be at most 0.05, on full steps at least 0.9. `w.25` lies within
the jump family on purpose, `w.45` just outside. `stress` has what the protocol does not assume: noise that is
correlated along training, or models that are shifted along x, with one value each.

OMP_NUM_THREADS=1 python benchmarks/jumps.py --curves 200
OMP_NUM_THREADS=1 python benchmarks/jumps.py --curves 0 --reference DIR

DIR holds the published tables in obsscaling/ and pythia/. Status 1 where a curve is not as expected.
"""

import argparse
import importlib
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from analysis.jumps.artefact import Companion, pushed_through
from analysis.jumps.comparison import Comparison
from analysis.jumps.curve import Curve, curve_over_scale, curves_over_steps
from analysis.jumps.decision import Judged, judge
from analysis.jumps.labels import JUMP, METRIC_ARTEFACT, label

Shape = Callable[[np.ndarray], np.ndarray]
CELLS = ((8, 3, 0.1), (8, 5, 0.2), (12, 5, 0.1), (12, 10, 0.2), (27, 5, 0.2))
SMALLEST = 0.1
PARAMETERS = {  # of the Pythia models, in millions
    "70m": 70.4,
    "160m": 162.3,
    "410m": 405.3,
    "1b": 1011.8,
    "1.4b": 1414.6,
    "2.8b": 2775.2,
    "6.9b": 6857.3,
    "12b": 11846.1,
}


def logistic(u: np.ndarray, width: float) -> np.ndarray:
    """From 10 to 90 % over that width, around the middle."""
    return np.asarray(1 / (1 + np.exp(-(u - 0.5) * 2 * np.log(9) / width)))


SMOOTH_SHAPES: dict[str, Shape] = {
    "linear": lambda u: u,
    "saturating": lambda u: -np.expm1(-4 * u) / -np.expm1(-4),
    "convex": lambda u: np.expm1(4 * u) / np.expm1(4),
    "logistic .5": lambda u: logistic(u, 0.5),
    "logistic .8": lambda u: logistic(u, 0.8),
    "kink": lambda u: 2 * np.maximum(u - 0.5, 0),
}
STEEP_SHAPES: dict[str, Shape] = {
    "step": lambda u: 1.0 * (u > 0.5),
    "w.1": lambda u: logistic(u, 0.1),
    "w.25": lambda u: logistic(u, 0.25),
    "w.45": lambda u: logistic(u, 0.45),
    "half step": lambda u: 0.5 * u + 0.5 * (u > 0.5),
}


def naive_alarms(x: np.ndarray, y: np.ndarray) -> dict[str, bool]:
    """What rules without a smooth alternative say of y (seeds, points)."""
    seeds, mean = len(y), y.mean(axis=0)
    variance = y.var(axis=0, ddof=1).mean()
    largest = np.abs(np.diff(mean)).max()
    alarms = {"difference > 3 SE": bool(largest > 3 * np.sqrt(2 * variance / seeds))}
    if importlib.util.find_spec("ruptures"):
        ruptures: Any = importlib.import_module("ruptures")
        fitted = ruptures.Pelt(model="l2", min_size=2, jump=1).fit(mean * np.sqrt(seeds / variance))
        found = fitted.predict(pen=2 * np.log(len(x)))
        alarms["PELT"] = len(found) > 1
    return alarms


def calibration(curves: int, draws: int) -> None:
    """Print the share of curves that each rule calls a jump, per cell and shape."""
    shapes = SMOOTH_SHAPES | STEEP_SHAPES
    print(f"| positions, seeds, sd | rule | {' | '.join(shapes)} |\n|---|---|{'---|' * len(shapes)}")
    for points, seeds, deviation in CELLS:
        rates: dict[str, list[float]] = {}
        x = np.arange(points, dtype=float)
        for place, shape in enumerate(shapes.values()):
            rng = np.random.default_rng([points, seeds, place])
            alarms = []
            for _ in range(curves):
                y = shape(x / (points - 1)) + rng.normal(0, deviation, (seeds, points))
                judged = _judged(curve_over_scale(np.tile(x, seeds), y.ravel()), draws, rng)
                of_protocol = {"protocol": judged.abrupt(judged.p), "gain > 6 alone": judged.gain > 6}
                alarms.append(of_protocol | naive_alarms(x, y))
            for rule in alarms[0]:
                rates.setdefault(rule, []).append(float(np.mean([alarm[rule] for alarm in alarms])))
        for rule, row in rates.items():
            rates_of_rule = " | ".join(f"{rate:.3f}" for rate in row)
            print(f"| {points}, {seeds}, {deviation} | {rule} | {rates_of_rule} |", flush=True)


def correlated(shape: Shape, rng: np.random.Generator, rho: float, seeds: int) -> Curve:
    """Training curves with AR(1) noise of deviation 0.1 at 27 steps."""
    noise = rng.normal(size=(seeds, 27))
    for step in range(1, 27):
        noise[:, step] = rho * noise[:, step - 1] + np.sqrt(1 - rho**2) * noise[:, step]
    x = np.arange(27.0)
    return curves_over_steps(x, shape(x / 26) + 0.1 * noise)


def single(shape: Shape, rng: np.random.Generator, points: int, shift: float, deviation: float) -> Curve:
    """One value per model, at uneven positions, each model ahead or behind by `shift` of the range."""
    u = np.sort(rng.random(points))
    u = (u - u[0]) / (u[-1] - u[0])
    return curve_over_scale(u, shape(u + rng.normal(0, shift, points)) + rng.normal(0, deviation, points))


def stress(curves: int, draws: int) -> None:
    """Print the protocol's rates where its assumptions fail or its data are thin."""
    shapes = SMOOTH_SHAPES | STEEP_SHAPES
    cases: dict[str, Callable[[Shape, np.random.Generator], Curve]] = {
        "steps, rho .6, 1 seed": lambda shape, rng: correlated(shape, rng, 0.6, 1),
        "steps, rho .6, 3 seeds": lambda shape, rng: correlated(shape, rng, 0.6, 3),
        "shifted, 12 models": lambda shape, rng: single(shape, rng, 12, 0.05, 0.02),
        "shifted, 60 models": lambda shape, rng: single(shape, rng, 60, 0.05, 0.02),
        "one value, 8 models": lambda shape, rng: single(shape, rng, 8, 0.0, 0.1),
        "one value, 20 models": lambda shape, rng: single(shape, rng, 20, 0.0, 0.1),
    }
    for place, (name, make) in enumerate(cases.items()):
        row = []
        for shape in shapes.values():
            rng = np.random.default_rng(place)
            judged = [_judged(make(shape, rng), draws, rng) for _ in range(curves)]
            row.append(np.mean([each.abrupt(each.p) for each in judged]))
        print(f"| {name} | protocol | " + " | ".join(f"{rate:.3f}" for rate in row) + " |", flush=True)


def _judged(curve: Curve, draws: int, rng: np.random.Generator) -> Judged:
    return judge(Comparison(curve), SMALLEST, draws=draws, rng=rng)


def reference(folder: Path) -> bool:
    """Whether all published curves are as expected; prints each."""
    checks = [
        *_over_flops(folder / "obsscaling"),
        *_over_parameters(folder / "pythia"),
        *_over_steps(folder / "pythia"),
    ]
    for name, expected, found, holds in checks:
        print(f"{'as expected' if holds else 'DIFFERS':<12} {name:<34} {expected:<42} {found}")
    return all(holds for *_, holds in checks)


Check = tuple[str, str, str, bool]


def _over_flops(folder: Path) -> list[Check]:
    """Models of many families, one value each: jumps, with a logistic's midpoint where it is published."""
    tables = [pl.read_csv(folder / f"base_llm_{part}_eval.csv") for part in ("emergent_capability", "benchmark")]
    models = tables[0].join(tables[1], on="Model").with_columns(x=pl.col("FLOPs (1E21)").log10() + 21)
    checks = []
    tasks = {"word_unscrambling_2_exact_match": 23.86, "parsinlu_qa_2_acc": 24.11, "arithmetic_3ds_2_acc": 22.60}
    for task, midpoint in tasks.items():
        rows = models.drop_nulls(["x", task]).sort("x")
        curve = curve_over_scale(x := rows["x"].to_numpy(), y := rows[task].to_numpy())
        judged, losses = _judged(curve, 9999, np.random.default_rng(0)), Comparison(curve).observed
        best = min(losses.rss[family].item() for family in ("smooth", "between", "jump"))
        aic = len(x) * np.log(np.polyfit(x, y, 1, full=True)[1][0] / best) - 4
        jump, name = judged.jump, label(judged, judged.p, judged.p_acceleration)[0]
        found = f"{name}, p {judged.p:.3f}, p of acceleration {judged.p_acceleration:.3f}, AIC {aic:.0f}, midpoint "
        found += (
            f"{jump.midpoint:.2f}, width {jump.width:.2f}, change at {jump.change_low:.2f} to {jump.change_high:.2f}"
        )
        expected = f"a jump, midpoint {midpoint:.2f} within 0.15"
        checks.append((task, expected, found, name == JUMP and abs(jump.midpoint - midpoint) <= 0.15))
    return checks


def _over_parameters(folder: Path) -> list[Check]:
    """Eight sizes, one value each with its standard error over test examples: no jump."""
    table = pl.read_csv(folder / "zero_shot.csv").filter(
        pl.col("suite") == "pythia-v1",
        pl.col("step") == 143000,
        pl.col("metric") == "acc",
        pl.col("mode") == "zero-shot",
    )
    checks = []
    for deduplicated in (False, True):
        models = table.filter(pl.col("model").str.ends_with("-deduped") == deduplicated)
        for task in ("piqa", "arc_easy", "arc_challenge", "wsc"):
            rows = models.filter(pl.col("task") == task)
            x = np.log2([PARAMETERS[model.split("-")[1]] for model in rows["model"]])
            curve = curve_over_scale(x, rows["value"].to_numpy(), rows["stderr"].to_numpy())
            judged = _judged(curve, 999, np.random.default_rng(0))
            name = label(judged, judged.p, judged.p_acceleration)[0]
            found = f"{name}, p {judged.p:.3f}, p of no change {judged.p_flat:.3f}, power {judged.power:.2f}"
            holds = name != JUMP and (judged.p_flat >= 0.05) == (task == "wsc")
            expected = "no jump, no change" if task == "wsc" else "no jump, a change"
            checks.append((f"pythia{' deduped' * deduplicated} {task}", expected, found, holds))
    return checks


def _over_steps(folder: Path) -> list[Check]:
    """Accuracy over training with its log-perplexity beside: an artefact of the metric."""
    rows = pl.read_csv(folder / "zero_shot.csv").filter(
        pl.col("suite") == "pythia-v1", pl.col("model") == "pythia-6.9b", pl.col("task") == "lambada_openai"
    )
    rows = rows.filter(pl.col("step") >= 1).sort("step")
    accuracy, perplexity = (rows.filter(pl.col("metric") == metric) for metric in ("acc", "ppl"))
    x, rng = np.log2(accuracy["step"].to_numpy()), np.random.default_rng(0)
    curves = curves_over_steps(x, accuracy["value"].to_numpy()[None])
    discrete, continuous = (
        Comparison(each) for each in (curves, curves_over_steps(x, np.log(perplexity["value"].to_numpy())[None]))
    )
    judged, companion = judge(discrete, 0.1, draws=999, rng=rng), judge(continuous, 1.0, draws=999, rng=rng)
    beside = Companion(companion, companion.p, companion.p_acceleration)
    name, reason = label(judged, judged.p, judged.p_acceleration, companion=beside)
    pushed = pushed_through(discrete, continuous, probability=False, draws=199, rng=rng)
    changes = (f"{each.jump.change_low:.2f} to {each.jump.change_high:.2f}" for each in (judged, companion))
    found = (
        f"{name}: {reason}; change at log2 step {', the companion at '.join(changes)}; pushed through p {pushed.p:.3f}"
    )
    return [("pythia-6.9b lambada over steps", METRIC_ARTEFACT, found, name == METRIC_ARTEFACT)]


def main() -> None:
    """Run the simulations, then the published curves where a folder is given; status 1 where one differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--curves", type=int, default=100, help="simulated curves per cell and shape; 0 for none")
    parser.add_argument("--draws", type=int, default=199, help="bootstrap replicates per simulated curve")
    parser.add_argument("--reference", type=Path, help="folder of published tables")
    options = parser.parse_args()
    if options.curves:
        calibration(options.curves, options.draws)
        stress(options.curves, options.draws)
    if options.reference and not reference(options.reference):
        sys.exit(1)


if __name__ == "__main__":
    main()
