"""What standard training gets wrong and a method right under a condition, and the reverse, from stored outcomes."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from analysis.tables import BASELINE
from pipelines.domain import Showing
from pipelines.outcomes import Outcomes
from pipelines.showing import Judged, Picture, Side
from stages import domains
from stages.artifacts import RUN
from stages.needed import planned_cells
from stages.page.study_section import Planned
from stages.records import Cell
from stages.store import codecs
from stages.store.store import Store

PAIRS = 8  # of runs that examples are taken from: spread over the models by size

Pair = tuple[Cell, Cell]  # of standard and of the method
Found = Mapping[int, Sequence[int]]  # by row, the pairs in which it was found


@dataclass(frozen=True)
class Stored:
    """What the examples are drawn from beside the plan: the tables RUNS and OUTCOMES, and the store."""

    runs: pl.DataFrame
    outcomes: pl.DataFrame
    store: Store


@dataclass(frozen=True)
class Shown:
    """An example: the model and seed, and what was given and done, by standard and by the method."""

    model: str
    seed: int
    given: Picture
    standard: Picture
    method: Picture


@dataclass(frozen=True)
class Way:
    """One of the two ways in which standard and a method differ: how often they do, and some examples."""

    title: str
    number: int
    shown: Sequence[Shown]


@dataclass(frozen=True)
class MethodWall:
    """What is shown of a method: the ways, of so many outcomes of so many pairs of runs."""

    method: str
    pairs: int
    judged: int
    ways: Sequence[Way]


class Wall:
    """One condition of a task, in a domain that shows examples."""

    def __init__(self, task: str, condition: str, plan: Planned, stored: Stored, showing: Showing):
        self.showing, self.store, self.domain = showing, stored.store, str(plan.data[task]["domain"])
        self.name = json.dumps([task, condition])
        planned = plan.cells.filter(task=task, condition=condition)
        self.spec: Mapping[str, Any] = json.loads(planned["spec"][0])
        self.about: Mapping[str, Any] = plan.prepared[task]["about"]
        rows = stored.runs.filter(task=task).to_dicts()
        self.runs = {row["run"]: row for row in rows if row["role"] == RUN}
        self.models = {row["run_key"]: row for row in rows}
        done = set(stored.outcomes.filter(condition=condition, status="finished")["cell_key"])
        cells = planned_cells(stored.runs.filter(task=task), planned, plan.prepared)
        self.cells = {_which(self.runs[cell.run]): cell for cell in cells if cell.key in done and cell.run in self.runs}
        self.read: dict[str, tuple[Outcomes, Judged | None]] = {}
        self.sides: dict[str, Side] = {}

    @property
    def methods(self) -> list[str]:
        """The methods that have outcomes."""
        return sorted({method for method, _, _ in self.cells} - {BASELINE})

    def of(self, method: str, most: int) -> MethodWall | None:
        """What is shown of a method, at most so many examples each way. None where nothing is judged, or no two runs
        are paired. Raises StoreError.
        """
        pairs = self._pairs(method)
        found: dict[int, dict[int, list[int]]] = {1: {}, -1: {}}  # by the sign of what the method has above standard
        number, total, words = {1: 0, -1: 0}, 0, None
        for place, pair in enumerate(pairs):
            one, other = (self._outcomes(cell)[1] for cell in pair)
            if one is None or other is None or one.good.shape != other.good.shape:
                return None
            words, apart = one, other.good - one.good
            total += int(np.isfinite(apart).sum())
            for sign, by_row in found.items():
                rows = np.flatnonzero(sign * apart >= one.least)
                number[sign] += len(rows)
                for row in rows.tolist():
                    by_row.setdefault(row, []).append(place)
        if words is None:
            return None
        titles = {
            1: f"{BASELINE} {words.worse}, {method} {words.better}",
            -1: f"{method} {words.worse}, {BASELINE} {words.better}",
        }
        ways = [
            Way(titles[sign], number[sign], self._shown(self._drawn(found[sign], most, len(words.good)), pairs))
            for sign in (1, -1)
        ]
        return MethodWall(method, len(pairs), total, ways)

    def _pairs(self, method: str) -> list[Pair]:
        both = [
            (self.cells[BASELINE, model, seed], cell)
            for (name, model, seed), cell in self.cells.items()
            if name == method and (BASELINE, model, seed) in self.cells
        ]
        both.sort(key=lambda pair: [self.runs[pair[0].run][name] for name in ("parameters", "model", "seed")])
        spread = np.linspace(0, len(both) - 1, min(PAIRS, len(both))).round().astype(int)
        return [both[place] for place in dict.fromkeys(spread.tolist())]

    def _outcomes(self, cell: Cell) -> tuple[Outcomes, Judged | None]:
        if cell.key not in self.read:
            outcomes = codecs.outcomes_from(self.store.read("cells", cell.key))
            self.read[cell.key] = outcomes, self.showing.judge(self.spec, outcomes)
        return self.read[cell.key]

    def _drawn(self, found: Found, most: int, rows: int) -> list[tuple[int, int]]:
        """Some of the rows at random, in an order that is the same for every method, each of one of its pairs: the pair
        and the row.
        """
        draws = np.random.default_rng(list(hashlib.sha256(self.name.encode()).digest()))
        order = [row for row in draws.permutation(rows).tolist() if row in found][:most]
        turn = draws.integers(PAIRS, size=len(order)).tolist()
        return sorted((found[row][which % len(found[row])], row) for row, which in zip(order, turn, strict=True))

    def _shown(self, drawn: Sequence[tuple[int, int]], pairs: Sequence[Pair]) -> list[Shown]:
        shown = []
        for place in sorted({place for place, _ in drawn}):
            rows: NDArray[np.int64] = np.array([row for of, row in drawn if of == place], dtype=np.int64)
            sides = [self._side(cell) for cell in pairs[place]]
            given = self.showing.given(self.spec, self.examples, sides[0].outcomes, rows, self.about)
            done = [self.showing.done(self.spec, self.examples, side, rows, self.about) for side in sides]
            run = self.runs[pairs[place][1].run]
            shown += [Shown(run["model"], run["seed"], *each) for each in zip(given, *done, strict=True)]
        return shown

    @cached_property
    def examples(self) -> Any:
        """The condition's examples, the same for every model."""
        payload = self.store.read("data", next(iter(self.cells.values())).examples)
        return domains.arrays(self.domain).examples_from(codecs.arrays(payload))

    def _side(self, cell: Cell) -> Side:
        if cell.key not in self.sides:
            seed = json.loads(self.models[cell.model_key]["spec"])["seed"]
            self.sides[cell.key] = Side(self._outcomes(cell)[0], partial(self._model, cell.model_key), seed)
        return self.sides[cell.key]

    def _model(self, key: str) -> Any:
        running = domains.running(self.domain)
        weights = codecs.weights_from(self.store.read("runs", key))
        return running.restore(json.loads(self.models[key]["spec"]), weights, running.device_for(1.0, 0.0))


def _which(row: Mapping[str, Any]) -> tuple[str, str, int]:
    return row["method"], row["model"], row["seed"]
