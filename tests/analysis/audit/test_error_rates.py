"""The audit's own error rates, in a small form. Bounds that a right audit breaks in about two of a thousand draws of
the studies, whose seeds are fixed; `benchmarks/error_rates.py` has the rates themselves.
"""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from analysis.audit.decision import GAINS
from analysis.audit.settings import AuditSettings, Margins
from analysis.audit.verdicts import audit
from analysis.simulation.examples import example_study
from analysis.simulation.worlds import Method, World, planned_runs, simulated_study

SETTINGS = AuditSettings(draws=300)
SCALED = World(measurements=6)
ONE = World(
    families=1,
    widths=9,
    seeds=5,
    doublings=1.0,
    method_models=1,
    method_seeds=10,
    interaction_spread=0.0,
    measurements=6,
)
FALSE = GAINS


def verdicts(world: World, method: Method, studies: int = 20) -> pl.DataFrame:
    found = []
    for seed in range(studies):
        rng = np.random.default_rng([7, seed])
        results, scores = simulated_study(replace(world, methods={"method": method}), rng)
        primary = sorted(results["measurement"].unique())
        found.append(audit(results, scores, primary=primary, settings=SETTINGS, rng=rng).verdicts)
    return pl.concat(found, how="diagonal_relaxed")


@pytest.mark.parametrize("world", [SCALED, ONE])
def test_the_baseline_against_itself_is_almost_never_differential_and_intervals_cover(world: World) -> None:
    found = verdicts(world, Method())
    assert found["label"].is_in(FALSE).sum() <= 2
    assert ((found["beyond_lower"] <= 0) & (found["beyond_upper"] >= 0)).sum() >= 0.88 * len(found)


@pytest.mark.parametrize("curvature", [0.0, 0.1])
@pytest.mark.parametrize("world", [SCALED, ONE])
def test_capability_alone_is_almost_never_differential(world: World, curvature: float) -> None:
    found = verdicts(replace(world, curvature=curvature), Method(capability=0.5), 12)
    assert (found["total_lower"] > 0).sum() > 0.5 * len(found)  # an ordinary test would call it safer
    assert found["label"].is_in(FALSE).sum() <= 2


@pytest.mark.parametrize("world", [SCALED, ONE])
def test_three_margins_are_found(world: World) -> None:
    found = verdicts(world, Method(beyond=0.315))
    assert (found["label"] == "DIFFERENTIAL").sum() >= 0.7 * len(found)


def test_more_data_is_washing_on_scores_that_contain_capability() -> None:
    world = replace(SCALED, methods={"more": Method(capability=0.5)}, examples=8000, capability_spread=0.07)
    for seed in range(4):
        rng = np.random.default_rng(seed)
        results, scores = example_study(world, rng)
        primary = ["calibration/brier_score", "selective/area_under_risk_coverage"]
        found = audit(results, scores, primary=primary, settings=SETTINGS, rng=rng)
        assert found.verdicts["label"].to_list() == ["WASHING", "WASHING"]
        assert found.restatements["label"].to_list() == ["capability-determined", "capability-determined"]


@pytest.mark.parametrize(
    ("truth", "labels"), [("D = margin", GAINS), *(pytest.param(*each, marks=pytest.mark.slow) for each in (
        ("D = margin", ("NO GAIN",)), ("T = -margin", ("REGRESSION",)), ("T = margin", ("NULL",))))]
)  # fmt: skip
def test_whole_studies_on_a_margin_have_hardly_a_false_verdict(truth: str, labels: tuple[str, ...]) -> None:
    """Every one of 36 claims lies on the margin: the worst case. A right audit has a false one in 1 study of 20."""
    margin, slope = 0.105, SCALED.slope
    effects = (0.0, 0.3, -0.3, -0.8, 0.0, -0.1)
    beyond = {
        "D = margin": [margin] * 6,
        "T = -margin": [-margin - slope * effect for effect in effects],
        "T = margin": [margin - slope * effect for effect in effects],
    }[truth]
    methods = {f"m{k}": Method(beyond=beyond[k], capability=effect) for k, effect in enumerate(effects)}
    wrong = 0
    for seed in range(12):
        rng = np.random.default_rng([11, seed])
        results, scores = simulated_study(replace(SCALED, methods=methods), rng)
        names = sorted(results["measurement"].unique())
        settings = AuditSettings(draws=100, margins=Margins(dict.fromkeys(names, margin), 0.25))
        found = audit(results, scores, primary=names, settings=settings, rng=rng).verdicts
        wrong += int(found["label"].is_in(labels).any())
    assert wrong <= 3


def test_a_gain_of_three_margins_is_found_among_many_claims() -> None:
    """One claim in six, the others at 0: of the planted ones nearly all are found, whatever the number of claims."""
    planted = tuple(0.315 if k == 0 else 0.0 for k in range(6))
    methods = {f"m{k}": Method(beyond=planted) for k in range(6)}
    found = []
    for seed in range(6):
        rng = np.random.default_rng([12, seed])
        results, scores = simulated_study(replace(SCALED, methods=methods), rng)
        names = sorted(results["measurement"].unique())
        settings = AuditSettings(draws=100, margins=Margins(dict.fromkeys(names, 0.105), 0.25))
        rows = audit(results, scores, primary=names, settings=settings, rng=rng).verdicts
        found += rows.filter(measurement=names[0])["label"].is_in(GAINS).to_list()
    assert np.mean(found) >= 0.8


def test_what_halves_a_rare_error_gains_no_more_than_that() -> None:
    """Errors of a hundredth, counted on 300 examples, so that many runs have none: D is log 2 at most in the mean, and
    a margin of as much is hardly ever passed.
    """
    world = World(measurements=1, methods={"halved": Method(beyond=float(np.log(2))), "idle": Method()})
    settings = AuditSettings(draws=100, margins=Margins({"rare/error": float(np.log(2))}, 0.25))
    beyond, gains = [], 0
    for seed in range(24):
        rng = np.random.default_rng([13, seed])
        runs = planned_runs(world)
        capability = runs["capability"].to_numpy() + rng.normal(0, 0.1, len(runs))
        effect = np.log(2) * (runs["method"] == "halved").to_numpy()
        rates = np.exp(np.log(0.01) - world.slope * capability - effect + rng.normal(0, 0.05, len(runs)))
        values = rng.binomial(300, rates) / 300
        named = runs.drop("capability", "method_number", "model_number")
        scores = named.drop("parameters", "flops").with_columns(score=capability + rng.normal(0, 0.1, len(runs)))
        facts: dict[str, object] = {
            "measurement": "rare/error",
            "metric": "error",
            "condition": "rare",
            "part": "all",
            "axis": "safety",
        }
        facts |= {"pillar": "robustness", "higher_is_better": False, "lower": 0.0, "upper": 1.0, "flags": ""}
        absent = {name: pl.lit(None, dtype=pl.Float64) for name in ("chance", "target")}
        results = named.with_columns(
            *(pl.lit(value).alias(name) for name, value in facts.items()),
            value=values,
            standard_error=np.sqrt(values * (1 - values) / 300),
            n=pl.lit(300, dtype=pl.Int64),
            **absent,
        )
        found = audit(results, scores, primary=["rare/error"], settings=settings, rng=rng).verdicts
        row = found.filter(method="halved").row(0, named=True)
        beyond.append(row["beyond"])
        gains += row["p_gain"] <= 0.05
    assert 0.4 < np.mean(beyond) < np.log(2) + 0.02
    assert gains <= 3
