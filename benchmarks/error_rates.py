"""The audit's own error rates, by simulation: a Markdown table with Wilson bounds.

python benchmarks/error_rates.py [--studies 400] [--draws 500] [--seed 1] [--only NAME]

Every row is many simulated studies of one kind, one method each, put through the whole audit. `safer`: the naive
reading, T's 95 % interval above 0.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from time import perf_counter

import numpy as np
import polars as pl
from numpy.random import Generator
from statsmodels.stats.proportion import proportion_confint

from analysis.audit.decision import GAINS
from analysis.audit.settings import AuditSettings
from analysis.audit.simulated import Method, World, simulated_study
from analysis.audit.simulated_examples import example_study
from analysis.audit.verdicts import audit

MARGIN = 0.105  # half of what a doubling of compute does in these worlds: 0.42 x 0.5 / 2
SCALED = World()  # 12 models in 3 families, 2 seeds
WIDE = replace(SCALED, families=4, widths=3, seeds=3)
# The claim is then about that one model, so there is no variation of the method's effect over models.
ONE = World(families=1, widths=9, seeds=5, doublings=1.0, method_models=1, method_seeds=10, interaction_spread=0.0)
FIVE = World(families=1, widths=9, seeds=2, doublings=1.0, method_models=5)
SETTINGS = AuditSettings()
Study = Callable[[World, Generator], tuple[pl.DataFrame, pl.DataFrame]]


@dataclass(frozen=True)
class Scenario:
    """Studies of one kind, the share of claims with one of these labels, and the bounds that share must keep."""

    name: str
    world: World
    method: Method
    labels: tuple[str, ...]
    least: float = 0.0
    most: float = 1.0
    study: Study = simulated_study
    known: bool = True  # D's true value is the method's `beyond`: coverage is counted


FALSE = GAINS
SCENARIOS = [
    *(
        Scenario(f"A/A, {size}", world, Method(), FALSE, most=0.05)
        for size, world in (("12 x 2", SCALED), ("12 x 3", WIDE), ("5 x 2", FIVE), ("1 x 10", ONE))
    ),
    *(
        Scenario(f"one doubling of capability only, {size}", world, Method(capability=0.5), FALSE, most=0.05)
        for size, world in (("12 x 2", SCALED), ("5 x 2", FIVE), ("1 x 10", ONE))
    ),
    Scenario(
        "capability only, noisy score, 12 x 2",
        replace(WIDE, seeds=2, capability_spread=0.5, true_share=0.0),
        Method(capability=0.5),
        FALSE,
        most=0.05,
    ),
    Scenario(
        "capability only, spread is true, 12 x 2",
        replace(WIDE, seeds=2, capability_spread=0.5, true_share=1.0),
        Method(capability=0.5),
        FALSE,
        most=0.05,
    ),
    Scenario(
        "capability only, curved ladder, 12 x 2",
        replace(SCALED, curvature=0.1),
        Method(capability=0.5),
        FALSE,
        most=0.05,
    ),
    Scenario(
        "two doublings, curved ladder, 1 x 10", replace(ONE, curvature=0.1), Method(capability=1.0), FALSE, most=0.05
    ),
    *(
        Scenario(
            f"planted, {k} margins, {size}",
            world,
            Method(beyond=k * MARGIN),
            ("DIFFERENTIAL",),
            least=0.8 if k == 3 else 0.0,
        )
        for size, world in (("1 x 10", ONE), ("5 x 2", FIVE), ("12 x 2", SCALED))
        for k in (1, 2, 3)
    ),
    Scenario(
        "planted, 3 margins, with a tax of a doubling, 12 x 2",
        SCALED,
        Method(beyond=3 * MARGIN, capability=-0.5),
        ("TRADE-OFF",),
        least=0.8,
    ),
    Scenario("twice the FLOPs for a doubling, 12 x 2", SCALED, Method(capability=0.5, flops=2.0), FALSE, most=0.05),
    Scenario(
        "planted, 3 margins, twice the FLOPs, 12 x 2",
        SCALED,
        Method(beyond=3 * MARGIN, flops=2.0),
        ("TRADE-OFF",),
        least=0.8,
    ),
    Scenario("masked defence, 12 x 2", SCALED, Method(beyond=1.0, flags="gradient-masking"), ("BLOCKED",), least=1.0),
    *(
        Scenario(
            f"more data, Brier and AURC, {size}",
            replace(world, examples=8000, capability_spread=0.07),
            Method(capability=0.5),
            ("WASHING",),
            0.8,
            1.0,
            example_study,
            False,
        )
        for size, world in (("12 x 2", SCALED), ("1 x 10", ONE))
    ),
]


def verdicts(scenario: Scenario, studies: int, draws: int, seed: int) -> pl.DataFrame:
    """All verdicts of `studies` studies of a scenario; study i is drawn from [seed, the name, i]."""
    world, settings = replace(scenario.world, methods={"method": scenario.method}), replace(SETTINGS, draws=draws)
    found = []
    for i in range(studies):
        rng = np.random.default_rng([seed, *scenario.name.encode(), i])
        results, scores = scenario.study(world, rng)
        primary = sorted(results.filter(pl.col("axis") == "safety")["measurement"].unique())
        found.append(audit(results, scores, primary=primary, settings=settings, rng=rng).verdicts)
    return pl.concat(found, how="diagonal_relaxed")


def family(studies: int, draws: int, seed: int) -> str:
    """A row for whole A/A studies: 6 pseudo-methods on 5 primary measurements; counted is a study with any false
    claim.
    """
    world = replace(SCALED, methods={f"method{k}": Method() for k in range(6)}, measurements=5)
    settings = replace(SETTINGS, draws=draws)
    hits = 0
    for i in range(studies):
        rng = np.random.default_rng([seed, i])
        results, scores = simulated_study(world, rng)
        primary = sorted(results["measurement"].unique())
        found = audit(results, scores, primary=primary, settings=settings, rng=rng).verdicts
        hits += int(found["label"].is_in(FALSE).any())
    counted, met = " or ".join(FALSE), _met(hits / studies <= 0.05)
    return f"| A/A, any of 30 claims, 12 x 2 | {studies} | | {counted} | {_share(hits, studies)} | | <= 0.05 | {met} |"


def row(scenario: Scenario, found: pl.DataFrame) -> str:
    """One line of the table."""
    hits, size = int(found["label"].is_in(scenario.labels).sum()), len(found)
    safer = float((found["total_lower"] > 0).to_numpy().mean())
    covers = (found["beyond_lower"] <= scenario.method.beyond) & (found["beyond_upper"] >= scenario.method.beyond)
    coverage = _share(int(covers.sum()), len(covers.drop_nulls())) if scenario.known else ""
    bound = f">= {scenario.least:g}" if scenario.least else f"<= {scenario.most:g}" if scenario.most < 1 else ""
    met = _met(scenario.least <= hits / size <= scenario.most) if bound else ""
    labels = " or ".join(scenario.labels)
    return (
        f"| {scenario.name} | {size} | {safer:.2f} | {labels} | {_share(hits, size)} | {coverage} | {bound} | {met} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--studies", type=int, default=400)
    parser.add_argument("--draws", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="scenarios whose name holds this")
    chosen = parser.parse_args()
    start = perf_counter()
    print("Sizes are models x seeds; shares with 95 % Wilson bounds.\n")
    print(
        "| scenario | claims | naively safer | label counted | share | coverage of D's 95 % interval | target | met |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for scenario in SCENARIOS:
        if chosen.only in scenario.name:
            print(row(scenario, verdicts(scenario, chosen.studies, chosen.draws, chosen.seed)), flush=True)
    if chosen.only in "A/A family":
        print(family(max(chosen.studies // 2, 1), chosen.draws, chosen.seed), flush=True)
    today = datetime.now(UTC).date()
    seconds = f"{perf_counter() - start:.0f} s"
    print(f"\n{today}, {chosen.studies} studies a row, {chosen.draws} draws, seed {chosen.seed}, {seconds}.")


def _share(hits: int, size: int) -> str:
    low, high = proportion_confint(hits, size, method="wilson") if size else (0.0, 1.0)
    return f"{hits / max(size, 1):.3f} [{low:.3f}, {high:.3f}]"


def _met(holds: bool) -> str:
    return "yes" if holds else "**no**"


if __name__ == "__main__":
    main()
