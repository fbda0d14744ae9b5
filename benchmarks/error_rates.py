"""The audit's own error rates, by simulation of whole studies: a Markdown table with Wilson bounds.

python benchmarks/error_rates.py [--studies 300] [--draws 200] [--seed 1] [--only TEXT] [--processes 2]

The nulls are the least favourable ones: effects that lie on the margin itself, not at 0, a whole margin below it. A
target for an error is met where the lower bound of its rate is at most .05. Studies of 336 claims are a third as many.
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from time import perf_counter

import numpy as np
import polars as pl
from numpy.random import Generator
from statsmodels.stats.proportion import proportion_confint

from analysis.audit.claims import claims
from analysis.audit.decision import GAINS
from analysis.audit.estimation import estimated
from analysis.audit.grid import Bools, grids
from analysis.audit.margins import margin_frame
from analysis.audit.settings import AuditSettings, Margins
from analysis.simulation.examples import example_study
from analysis.simulation.worlds import Method, World, simulated_study

MARGIN = 0.105  # half of what a doubling of compute does in these worlds: 0.42 x 0.5 / 2
SLOPE = World().slope
AREAS = 12
MODELS = World(measurements=AREAS)  # 12 models in 3 families, 2 seeds
SIZES = {
    "12 x 2": MODELS,
    "21 x 1": replace(MODELS, widths=7, doublings=1.0, method_seeds=1, method_models=21),  # standard has 2 seeds
    "6 x 1": replace(MODELS, families=2, widths=3, seeds=1),
    "5 x 2": replace(MODELS, families=1, widths=9, doublings=1.0, method_models=5),
    # a claim about one model: there is no variation of the method's effect over models
    "1 x 10": replace(
        MODELS, families=1, widths=9, seeds=5, doublings=1.0, method_models=1, method_seeds=10, interaction_spread=0.0
    ),
}
WORLDS = {
    "families differ": replace(MODELS, family_interaction_spread=0.3),
    "noisy score": replace(MODELS, capability_spread=0.5, true_share=0.0),
    "heavy tails": replace(MODELS, heavy_tails=True),
    "unequal cells": replace(MODELS, cell_spread=0.4),
    "slope 40 % less": replace(MODELS, slope_change=-0.4),
    "curved ladder": replace(MODELS, curvature=0.1),
}
# E and FLOPs of a study's methods, in turn
KINDS = ((0.0, 1.0), (0.3, 1.0), (-0.3, 1.0), (-0.8, 1.0), (0.0, 2.6), (-0.1, 1.3))
MANY = 28  # methods, 336 claims
TASKS = 7  # of a study of several: 8 models in 2 families, 2 seeds, 4 areas each
TASK = replace(MODELS, families=2, measurements=4)
STAR = "star"
ANY_GAIN = ("GAIN, SIZE OPEN", *GAINS)
Study = Callable[[World, Generator], tuple[pl.DataFrame, pl.DataFrame]]
Effect = Callable[[float, int, int], float]  # D of E, the method's number and the measurement's


def at(margins: float) -> Effect:
    """The same D everywhere."""
    return lambda capability, method, measurement: margins * MARGIN


def in_all(margins: float) -> Effect:
    """The same T everywhere, whatever the capability."""
    return lambda capability, method, measurement: margins * MARGIN - SLOPE * capability


def a_sixth(margins: float, others: float) -> Effect:
    """One claim in six has an effect of its own."""
    return lambda capability, method, measurement: (margins if (method + measurement) % 6 == 0 else others) * MARGIN


@dataclass(frozen=True)
class Counted:
    """What is counted of a row's studies: those with "any" false verdict of `labels`, the mean share of false ones
    among those found ("false discovery rate"), or the share of true "claims" found. A claim is false where D is at most
    `null`.
    """

    labels: tuple[str, ...]
    how: str = "any"
    null: float = np.inf
    least: float = 0.0  # of the share of claims found

    def line(self, truth: str, studies: Sequence[pl.DataFrame]) -> str:
        """One line of the table."""
        found = [self._found(each) for each in studies]
        false = [(each["beyond_true"].fill_null(0.0) <= self.null).to_numpy() for each in studies]
        if self.how == "any":
            share, low, high = _wilson([bool((f & g).any()) for f, g in zip(found, false, strict=True)])
        elif self.how == "claims":
            share, low, high = _wilson(np.concatenate([f[~g] for f, g in zip(found, false, strict=True)]))
        else:
            rates = [float((f & g).sum()) / max(int(f.sum()), 1) for f, g in zip(found, false, strict=True)]
            half = 1.96 * float(np.std(rates)) / np.sqrt(len(rates))
            share, low, high = float(np.mean(rates)), max(float(np.mean(rates)) - half, 0.0), np.mean(rates) + half
        power = self.how == "claims"
        bound = (f">= {self.least:g}" if self.least else "") if power else "<= 0.05"
        met = "" if not bound else "yes" if (share >= self.least if power else low <= 0.05) else "**no**"
        label = {GAINS: "gain", (STAR,): "gain with a star", ANY_GAIN: "gain or GAIN, SIZE OPEN"}.get(
            self.labels, self.labels[0]
        )
        said = {"any": f"any false {label}", "claims": f"found: {label}"}.get(self.how, self.how)
        size = f"{len(studies)} x {len(studies[0])}"
        rate = f"{share:.3f} [{low:.3f}, {high:.3f}]"
        return f"| {truth} | {size} | {said} | {rate} | {_coverage(studies)} | {bound} | {met} |"

    def _found(self, verdicts: pl.DataFrame) -> Bools:
        if self.labels == (STAR,):
            return verdicts["starred"].to_numpy()
        return verdicts["label"].is_in(self.labels).to_numpy()


@dataclass(frozen=True)
class Scenario:
    """Studies of one truth, and what is counted of them."""

    name: str
    world: World
    effect: Effect
    counted: tuple[Counted, ...]
    methods: int = 6
    kinds: Sequence[tuple[float, float]] = KINDS
    study: Study = simulated_study
    known: bool = True  # D's true value is planted
    tasks: int = 1  # as many such worlds in one study, each judged on its own

    def studied(self) -> World:
        """Its world with its methods."""
        methods = {}
        for number in range(self.methods):
            capability, flops = self.kinds[number % len(self.kinds)]
            beyond = tuple(self.effect(capability, number, each) for each in range(self.world.measurements))
            methods[f"method{number}"] = Method(beyond, capability, flops)
        return replace(self.world, methods=methods)

    def verdicts(self, draws: int, seed: int, i: int) -> pl.DataFrame:
        """label, starred, beyond_true and whether D's interval covers it, of study i, drawn from [seed, name, i]."""
        rng = np.random.default_rng([seed, *self.name.encode(), i])
        return pl.concat([self._verdicts_of_a_task(draws, rng) for _ in range(self.tasks)])

    def _verdicts_of_a_task(self, draws: int, rng: Generator) -> pl.DataFrame:
        world = self.studied()
        results, scores = self.study(world, rng)
        names = sorted(results.filter(pl.col("axis") == "safety")["measurement"].unique())
        margins = Margins(dict.fromkeys(names, MARGIN), 0.25) if self.known else Margins()
        settings = AuditSettings(draws=draws, margins=margins)
        (grid,) = grids(results, scores, settings)
        found = estimated(grid, margin_frame(grid, settings), settings, rng)
        verdicts, _ = claims([found], found.gates, names, settings)
        places = {name: place for place, name in enumerate(names)}
        true = [
            np.nan if not self.known else np.broadcast_to(world.methods[method].beyond, len(names))[places[measurement]]
            for method, measurement in verdicts.select("method", "measurement").iter_rows()
        ]
        verdicts = verdicts.with_columns(pl.Series("beyond_true", true, dtype=pl.Float64))
        covers = pl.col("beyond_true").fill_nan(None).is_between("beyond_lower", "beyond_upper")
        return verdicts.select("label", "starred", pl.col("beyond_true").fill_nan(None), covers.alias("covers"))


def small(size: str) -> Sequence[tuple[float, float]]:
    """Methods' capabilities, half as far apart where the ladder is short."""
    return [(capability / 2, flops) for capability, flops in KINDS] if size == "6 x 1" else KINDS


def scenarios() -> Iterator[Scenario]:
    """All rows of the table."""
    nothing, more, taxed = [(0.0, 1.0)], [(0.5, 1.0)], [(-0.5, 1.0)]
    gain = (Counted(GAINS),)
    for size, world in SIZES.items():
        yield Scenario(f"D = margin, {size}", world, at(1), (*gain, Counted(("NO GAIN",))), kinds=small(size))
    yield Scenario("D = margin, 12 x 2, 12 claims", MODELS, at(1), gain, 1, nothing)
    yield Scenario("D = margin, 12 x 2, 336 claims", MODELS, at(1), gain, MANY)
    for name, world in WORLDS.items():
        yield Scenario(f"D = margin, 12 x 2, {name}", world, at(1), gain)
    for size in ("12 x 2", "21 x 1", "1 x 10"):
        yield Scenario(f"D = margin in a sixth, else 0, {size}", SIZES[size], a_sixth(1, 0), gain)
    mixed = (Counted(GAINS, "false discovery rate", 1.5 * MARGIN), Counted((STAR,), null=1.5 * MARGIN))
    for methods, kinds in ((1, nothing), (6, KINDS), (MANY, KINDS)):
        name = f"D = 3 margins in a sixth, else the margin, 12 x 2, {AREAS * methods} claims"
        yield Scenario(name, MODELS, a_sixth(3, 1), mixed, methods, kinds)
    several = f"{TASKS} tasks of 8 x 2"
    yield Scenario(f"D = margin, {several}", TASK, at(1), (*gain, Counted((STAR,))), tasks=TASKS)
    name = f"D = 3 margins in a sixth, else the margin, {several}"
    yield Scenario(name, TASK, a_sixth(3, 1), mixed, tasks=TASKS)
    yield Scenario(f"A/A, {several}", TASK, at(0), (Counted(ANY_GAIN),), kinds=nothing, tasks=TASKS)
    for size, world in SIZES.items():
        yield Scenario(f"T = -margin, {size}", world, in_all(-1), (Counted(("REGRESSION",)),), kinds=small(size))
        yield Scenario(f"T = margin, {size}", world, in_all(1), (Counted(("NULL",)),), kinds=small(size))
    yield Scenario("A/A, 12 x 2", MODELS, at(0), (Counted(ANY_GAIN), Counted(("WASHING",))), kinds=nothing)
    yield Scenario("capability only, a doubling, 12 x 2", MODELS, at(0), gain, kinds=more)
    curved = replace(SIZES["1 x 10"], curvature=0.1)
    yield Scenario("capability only, two doublings, curved ladder, 1 x 10", curved, at(0), gain, kinds=[(1.0, 1.0)])
    for margins, least in ((2, 0.5), (3, 0.95)):
        found = Counted(GAINS, "claims", -np.inf)
        for size, world in SIZES.items():
            wanted = replace(found, least=least if size == "12 x 2" else 0.0)
            yield Scenario(f"D = {margins} margins, {size}", world, at(margins), (wanted,), kinds=small(size))
        wanted = replace(found, null=MARGIN, least=least)
        yield Scenario(f"D = {margins} margins in a sixth, else 0, 12 x 2", MODELS, a_sixth(margins, 0), (wanted,))
    paid = (Counted(("TRADE-OFF",), "claims", -np.inf, 0.8),)
    yield Scenario("D = 3 margins, E = -a doubling, 12 x 2", MODELS, at(3), paid, kinds=taxed)
    washed = (Counted(("WASHING",), "claims", -np.inf, 0.8),)
    precise = replace(MODELS, examples=8000, capability_spread=0.07)
    yield Scenario("more data, Brier and AURC, 12 x 2", precise, at(0), washed, 1, more, example_study, known=False)


def _coverage(studies: Sequence[pl.DataFrame]) -> str:
    known = pl.concat(studies)["covers"].drop_nulls().to_numpy()
    return f"{known.mean():.3f}" if len(known) else ""


def _wilson(hits: Sequence[bool] | Bools) -> tuple[float, float, float]:
    low, high = proportion_confint(int(np.sum(hits)), len(hits), method="wilson")
    return float(np.mean(hits)), float(low), float(high)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--studies", type=int, default=300)
    parser.add_argument("--draws", type=int, default=200, help="of the bootstrap, where pairs are the units")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="truths whose name holds this")
    parser.add_argument("--processes", type=int, default=2)
    chosen = parser.parse_args()
    start = perf_counter()
    print("Sizes are models x seeds; shares with 95 % Wilson bounds.\n")
    print("| truth, study | studies x claims | counted | share | coverage of D's 95 % interval | target | met |")
    print("|---|---|---|---|---|---|---|")
    with ProcessPoolExecutor(chosen.processes) as pool:
        for number, scenario in enumerate(scenarios()):
            if chosen.only not in scenario.name:
                continue
            count = chosen.studies if scenario.methods < MANY else -(-chosen.studies // 3)
            one = partial(_numbered, number, chosen.draws, chosen.seed)
            studies = list(pool.map(one, range(count), chunksize=10))
            for each in scenario.counted:
                print(each.line(scenario.name, studies), flush=True)
    today = datetime.now(UTC).date()
    seconds = f"{perf_counter() - start:.0f} s with {chosen.processes} processes"
    print(f"\n{today}, {chosen.studies} studies a row, {chosen.draws} draws, seed {chosen.seed}, {seconds}.")


def _numbered(number: int, draws: int, seed: int, i: int) -> pl.DataFrame:
    """A study of a scenario by its place: its functions can't be sent to another process."""
    return list(scenarios())[number].verdicts(draws, seed, i)


if __name__ == "__main__":
    main()
