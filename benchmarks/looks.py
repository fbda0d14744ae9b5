"""Looks at a growing study: how often it is wrong, how much it finds, how many of its runs it needs.

python benchmarks/looks.py [--studies 150] [--seed 1] [--only TEXT] [--processes 1]

Whole simulated studies of 6 methods x 12 areas, judged at each of three looks as `diffprog decide` does: methods that
are decided, or can't be, get no more runs. Beside it, one look at the whole study, and looks that each use all of q.
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from time import perf_counter

import numpy as np
import polars as pl
from error_rates import KINDS, MARGIN
from numpy.random import Generator
from statsmodels.stats.proportion import proportion_confint

from analysis.audit.claims import claims
from analysis.audit.decision import GAINS
from analysis.audit.estimation import Estimated, estimated
from analysis.audit.grid import grids
from analysis.audit.looks import HELD, OPEN, Look, chance
from analysis.audit.margins import margin_frame
from analysis.audit.settings import AuditSettings, Margins
from analysis.simulation.worlds import Method, World, simulated_study
from stages.deciding.choice import HOPELESS
from stages.study.nested import cells, part_of, size

AREAS = 12
METHODS = 6
PROCEDURES = {
    "one look at the end": (1.0,),
    "looks at all of q": (1.0, 1.0, 1.0),
    "looks at .1 .3 .6 of q": (0.1, 0.3, 0.6),
    "looks at .05 .15 .8 of q": (0.05, 0.15, 0.8),
}
SIZES = {
    "12 x 6": World(measurements=AREAS, seeds=6),
    "21 x 1": World(measurements=AREAS, widths=7, doublings=1.0, method_seeds=1, method_models=21),
    "12 x 2": World(measurements=AREAS),
}


@dataclass(frozen=True)
class Scenario:
    """Studies in which every method has the same D everywhere, in margins."""

    size: str
    margins: float

    @property
    def name(self) -> str:
        """As the table has it."""
        return f"D = {self.margins:g} margins, {self.size}"

    def studied(self, seed: int, i: int) -> list[dict[str, object]]:
        """Of study i, by procedure: whether there is any gain, the share of claims that are, the share of runs made."""
        kinds = [KINDS[number % len(KINDS)] for number in range(METHODS)]
        methods = {f"method{n}": Method(self.margins * MARGIN, e, flops) for n, (e, flops) in enumerate(kinds)}
        world = replace(SIZES[self.size], methods=methods)
        rng = np.random.default_rng([seed, *self.name.encode(), i])
        study = Growing(*simulated_study(world, rng), rng)
        return [{"how": how, **study.judged(shares)} for how, shares in PROCEDURES.items()]


class Growing:
    """A simulated study of which parts are judged; each part is estimated once."""

    def __init__(self, results: pl.DataFrame, scores: pl.DataFrame, rng: Generator):
        self.results, self.scores, self.rng = results, scores, rng
        self.names = sorted(results["measurement"].unique())
        self.settings = AuditSettings(draws=100, margins=Margins(dict.fromkeys(self.names, MARGIN), 0.25))
        flops = results.select("model", "method", "flops").unique()
        named = scores.with_columns(task=pl.lit("t"), role=pl.lit("run"))
        self.planned = named.join(flops, on=["model", "method"])
        methods = sorted(set(self.planned["method"]) - {"standard"})
        self.every = {method: len(cells(self.planned, method)) for method in methods}
        self.kept: dict[tuple[tuple[str, int], ...], Estimated] = {}

    def estimated(self, taken: Mapping[str, int]) -> Estimated:
        """The estimates of a part."""
        key = tuple(sorted(taken.items()))
        if key not in self.kept:
            part, run = part_of(self.planned, {"t": taken}), ["method", "model", "seed"]
            results, scores = (
                frame.join(part, on=run, how="semi", maintain_order="left") for frame in (self.results, self.scores)
            )
            (grid,) = grids(results, scores, self.settings)
            self.kept[key] = estimated(grid, margin_frame(grid, self.settings), self.settings, self.rng)
        return self.kept[key]

    def judged(self, shares: Sequence[float]) -> dict[str, object]:
        """What looks with these shares find, and the share of its runs that they need."""
        going, taken = set(self.every), dict[str, int]()
        earlier, verdicts = None, pl.DataFrame()
        for number, share in enumerate(shares, 1):
            taken |= {method: size(self.planned, method, number, len(shares)) for method in sorted(going)}
            found = self.estimated(taken)
            look = Look(number, share, earlier, frozenset(self.every.keys() - going))
            verdicts, _ = claims([found], found.gates, self.names, self.settings, look)
            earlier = verdicts.select(HELD)
            growth = {method: self.every[method] / taken[method] for method in going}
            going -= {name for name in growth if _done(verdicts, name, growth[name], shares[-1] / share, self.settings)}
            if not going:
                break
        gains = verdicts["label"].is_in(GAINS).to_numpy()
        runs = len(part_of(self.planned, {"t": taken})) / len(part_of(self.planned, {"t": self.every}))
        known = 1 - float(verdicts["label"].is_in(OPEN).to_numpy().mean())
        return {"any": bool(gains.any()), "gains": float(gains.mean()), "runs": runs, "decided": known}


def _done(verdicts: pl.DataFrame, method: str, growth: float, share: float, settings: AuditSettings) -> bool:
    """Whether a method gets no more runs, as `stages.deciding.choice` says."""
    left = verdicts.filter(pl.col("label").is_in(OPEN), method=method).to_dicts()
    chances = [chance(row, growth, share, settings) for row in left]
    return all(each is not None and each < HOPELESS for each in chances)


def scenarios() -> Iterator[Scenario]:
    """All studies of the table."""
    for size_of in SIZES:
        for margins in (1, 2, 3):
            yield Scenario(size_of, margins)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--studies", type=int, default=150)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="truths whose name holds this")
    parser.add_argument("--processes", type=int, default=1)
    chosen = parser.parse_args()
    start = perf_counter()
    print("Sizes are models x seeds; shares with 95 % Wilson bounds; means over studies.\n")
    print("| truth, study | procedure | studies with any gain | claims called a gain | decided | runs made |")
    print("|---|---|---|---|---|---|")
    with ProcessPoolExecutor(chosen.processes) as pool:
        for scenario in scenarios():
            if chosen.only not in scenario.name:
                continue
            studies = pool.map(partial(scenario.studied, chosen.seed), range(chosen.studies))
            rows = pl.DataFrame([row for study in studies for row in study])
            for how in PROCEDURES:
                of = rows.filter(how=how)
                low, high = proportion_confint(int(of["any"].sum()), len(of), method="wilson")
                share, *means = (float(np.mean(of[name].to_numpy())) for name in ("any", "gains", "decided", "runs"))
                error = f"{share:.3f} [{low:.3f}, {high:.3f}]"
                shown = " | ".join(f"{mean:.3f}" for mean in means)
                print(f"| {scenario.name} | {how} | {error} | {shown} |", flush=True)
    seconds = f"{perf_counter() - start:.0f} s with {chosen.processes} processes"
    print(f"\n{datetime.now(UTC).date()}, {chosen.studies} studies a row, seed {chosen.seed}, {seconds}.")


if __name__ == "__main__":
    main()
