"""Looks, taken one after the other in the current folder: a part of the study made, judged and recorded."""

from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cached_property
from time import monotonic
from typing import Any

import polars as pl

from analysis.audit.looks import OPEN, TESTS
from analysis.audit.schema import VERDICTS
from stages import artifacts, tables
from stages.artifacts import REPORT, finding
from stages.cli import run_stage
from stages.commands import estimate
from stages.deciding import choice, records
from stages.deciding.choice import Counts, Names
from stages.deciding.costs import Costs, costs
from stages.deciding.records import Record, found_by
from stages.needed import of_plan
from stages.part import LOOKS, PART, Part
from stages.store.store import Store
from stages.study import nested
from stages.study.checks import WrongParams
from stages.study.expansion import expanded
from stages.study.model import Study
from stages.study.nested import part_of

MAKING = ("train", "predict", "measure", "collect", "analyse")


class Refused(Exception):
    """A stage that did not come to its end; it has said why."""

    def __init__(self, status: int):
        super().__init__(status)
        self.status = status


class Looking:
    """The looks of a study in the current folder. `home` is the study's own folder, `taken` the looks that were taken,
    `left` the core-seconds that are left, given those of runs and the seconds since the start.
    """

    def __init__(self, study: Study, home: str, taken: list[Record], left: Callable[[float, float], float]):
        self.study, self.home, self.records, self.left = study, home, taken, left
        self.shares: list[float] = study.audit.options["looks"]
        self.start, self.worked, self.prepared = monotonic(), 0.0, False
        if not any(choice.real(study).values()):
            raise WrongParams(["params.yaml: there is no method to decide on"])

    @cached_property
    def rows(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]]]:
        """The rows of the whole plan's tables."""
        return expanded(self.study)

    @cached_property
    def planned(self) -> pl.DataFrame:
        """The table PLANNED_RUNS of the whole plan."""
        return artifacts.PLANNED_RUNS.frame(self.rows[0])

    def run(self) -> str:
        """Take the looks that are left; why it stops."""
        records.check_runs(self.records, self.planned, estimate.prepared(self.study) if self.records else None)
        while not (why := self._end()):
            if why := self._look():
                break
        if self.records and not _reported():
            self._stages("report")
        return why

    def explore(self) -> str:
        """Make all of the study as it is now, and judge nothing anew; what was done."""
        if not self.records:
            raise WrongParams([f"{LOOKS}: no look was taken yet; `diffprog decide` takes the first"])
        last = self.records[-1]
        everything = {
            task.name: {
                part.name: len(nested.cells(self.planned.filter(task=task.name), part.name)) for part in task.methods
            }
            for task in self.study.tasks
        }
        idle = {task: [*counts] for task, counts in everything.items()}
        found = found_by(last.look).as_posix()
        _write(Part(self.home, everything, last.look, 1.0, idle, found, exploratory=True))
        self._stages("plan", "prepare", *MAKING, "report")
        return "exploratory: all runs, and no claim beyond those that the looks had found"

    def _end(self) -> str:
        """Why there is no other look; empty where there is one."""
        if self.records and not any(self.records[-1].left.values()):
            return "every method is decided, or can't be within this plan"
        if len(self.records) == len(self.shares):
            return f"the study has used its {len(self.shares)} looks; further runs are exploratory (--exploratory)"
        return ""

    def _look(self) -> str:
        """Take the next look; why there is none."""
        number = len(self.records) + 1
        before: Counts = {task: dict(counts) for task, counts in self.records[-1].taken.items()} if self.records else {}
        going: Names = (
            {task: list(names) for task, names in self.records[-1].left.items()}
            if self.records
            else choice.real(self.study)
        )
        part = self._plan(number, before, going)
        known = self._costs()
        left = self.left(self.worked, monotonic() - self.start)
        needed = known.missing_of(part_of(self.planned, part.taken))
        if needed > left:
            if self.records:
                verdicts = pl.read_parquet(found_by(number - 1))
                going = choice.afforded(self.study, self.planned, before, going, number, verdicts, known, left)
            if not self.records or not any(going.values()):
                hours = f"{needed / 3600:.2g} core-hours, and {max(left, 0) / 3600:.2g} are left"
                return f"the budget is used: look {number} takes about {hours}"
            part = self._plan(number, before, going)
        said = "; ".join(f"{task}: {', '.join(names)}" for task, names in going.items() if names)
        print(f"look {number} of {len(self.shares)}, at {part.share:g} of q: {said}", flush=True)
        self._stages(*MAKING)
        self._record(part, before)
        self._stages("report")
        return ""

    def _plan(self, number: int, before: Counts, going: Names) -> Part:
        """The part for a look, written and planned."""
        taken = choice.next_part(self.study, self.planned, before, going, number)
        idle = choice.waiting(self.study, going)
        found = found_by(number - 1).as_posix() if self.records else None
        part = Part(self.home, taken, number, self.shares[number - 1], idle, found)
        _write(part)
        self._stages("plan", *(() if self.prepared else ("prepare",)))
        if not self.prepared:  # the data may have come out otherwise than at the looks before
            records.check_runs(self.records, self.planned, artifacts.prepared_data())
        self.prepared = True
        return part

    def _costs(self) -> Costs:
        _, cells, measurements = self.rows
        asked = of_plan(
            self.planned,
            artifacts.PLANNED_CELLS.frame(cells),
            artifacts.PLANNED_MEASUREMENTS.frame(measurements),
            artifacts.prepared_data(),
        )
        return costs(self.study, asked, Store.from_environment())

    def _record(self, part: Part, before: Counts) -> None:
        """Keep what a look found, then say so in looks.json."""
        verdicts = finding(VERDICTS)
        found_by(part.look).parent.mkdir(exist_ok=True)
        verdicts.write_parquet(found_by(part.look), statistics=False)
        new = part_of(self.planned, part.taken)
        if before:
            new = new.join(part_of(self.planned, before), on="run", how="anti")
        worked = self._costs().done_of(new)
        self.worked += worked
        dropped = {task: dict(names) for task, names in self.records[-1].dropped.items()} if self.records else {}
        left: Names = {}
        for task, methods in choice.real(self.study).items():
            for method in (name for name in methods if name not in dropped.get(task, {})):
                taken = part.taken[task][method]
                why = choice.why_dropped(self.study, self.planned, verdicts, task, method, taken, part.look)
                if why:
                    dropped.setdefault(task, {})[method] = why
                else:
                    left.setdefault(task, []).append(method)
        judged = verdicts.filter(pl.col("area").is_not_null(), ~pl.col("placebo"))
        still = int(judged["label"].is_in(OPEN).sum())
        record = Record(
            look=part.look,
            share=part.share,
            q=part.share * self.study.audit.options["q"],
            taken=part.taken,
            runs=records.runs_of(self.planned, part.taken),
            digest=records.keys_digest(self.planned, part.taken, artifacts.prepared_data()),
            date=datetime.now(UTC).isoformat(timespec="seconds"),
            found={task.name: [*_found(self.study, verdicts, task.name)] for task in self.study.tasks},
            left=left,
            dropped=dropped,
            decided=len(judged) - still,
            open=still,
            core_seconds=round(worked, 3),
        )
        self.records.append(record)
        records.write(self.study.audit.digest, self.records)

    def _stages(self, *names: str) -> None:
        for name in names:
            print(f"-- {name}", flush=True)
            if status := run_stage(name):
                raise Refused(status)

    def table(self) -> list[str]:
        """What each look was of, and what it found."""
        lines = [f"{'look':>4}{'runs':>7}{'q spent':>9}{'decided':>9}{'open':>6}{'core-hours':>12}  no more runs of"]
        for each in self.records:
            gone = [
                f"{task}: {', '.join(f'{name} ({why})' for name, why in names.items())}"
                for task, names in each.dropped.items()
                if names
            ]
            hours = f"{each.core_seconds / 3600:.2g}"
            numbers = f"{each.look:>4}{each.runs:>7}{each.q:>9.3g}{each.decided:>9}{each.open:>6}{hours:>12}"
            lines.append(f"{numbers}  {'; '.join(gone) or '-'}")
        return lines


def _write(part: Part) -> None:
    tables.write_json(asdict(part), PART)


def _reported() -> bool:
    """Whether the report is of the last look that was recorded."""
    page = REPORT / "index.html"
    return page.exists() and page.stat().st_mtime_ns >= LOOKS.stat().st_mtime_ns


def _found(study: Study, verdicts: pl.DataFrame, task: str) -> Iterator[str]:
    """What has been found of each claim that is not blocked: kinds of claims, and the tests of a gain's price."""
    settings = study.audit.of(task).settings
    rate, alpha = settings.false_discovery_rate, settings.alpha
    bounds = {name: rate if name.startswith("q_") or name == "p_family_wise" else alpha for name in TESTS}
    bounds |= {"p_paid": alpha / 2, "p_paid_epochs": alpha / 2}
    for row in verdicts.filter(pl.col("label") != "BLOCKED", task=task).iter_rows(named=True):
        found = [name for name, bound in bounds.items() if row[name] is not None and row[name] <= bound]
        if found:
            kinds = ", ".join(name.removeprefix("q_").removeprefix("p_") for name in found)
            yield f"{row['method']}, {row['measurement']}: {kinds}"
