"""The pages of runs, one for each method of a task: each run beside the standard run of the same model and seed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from analysis.tables import BASELINE
from stages.artifacts import RUN, SIBLING, Failures
from stages.page.beside import plain, run_place, runs_page
from stages.page.format import DASH, Measure, Row, difference, label_of, measures, number
from stages.page.rendering import rendered
from stages.page.run_curve import FEWEST, curve
from stages.page.run_parts import parts_text
from stages.page.study_section import Planned, options_text

Which = tuple[str, str, int]  # method, model and seed
OF_EVERY = (
    "method",
    "data",
    "trained on",
    "training",
    "digest of its code",
    "made with",
)  # said once where they are one
SHOWN = ("measurement", "part", "step", "value", "standard_error", "n", "flags")


@dataclass(frozen=True)
class Known:
    """What is known of runs beside the plan and their values.

    runs        the table RUNS
    facts       by key, what the store has recorded of a run: its seconds
    unmeasured  by run, the reason of each measurement that has no value
    failures    what failed in each stage
    """

    runs: pl.DataFrame
    facts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    unmeasured: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    failures: Failures = field(default_factory=dict)


def write_run_pages(results: pl.DataFrame, plan: Planned, known: Known, folder: Path) -> frozenset[str]:
    """Write the pages; the addresses of all runs, and of the pages, from index.html. `results` is the table RESULTS."""
    written = set()
    for task in plan.data:
        of_task = _Task(task, results.filter(task=task), plan, known)
        for method, runs in of_task.methods():
            page = runs_page(task, method)
            shown = [of_task.run(row) for row in runs]
            shared = _shared(shown)
            about = {"task": task, "method": method, "shared": shared, "names": of_task.names}
            text = rendered("runs.html", title=f"{method}: runs", runs=shown, **about)
            (folder / page).parent.mkdir(parents=True, exist_ok=True)
            (folder / page).write_text(text, encoding="utf-8")
            written |= {page, *(f"{page}#{run['place']}" for run in shown)}
    return frozenset(written)


class _Task:
    """The runs of a task with their values."""

    def __init__(self, task: str, results: pl.DataFrame, plan: Planned, known: Known):
        self.task, self.known, self.data = task, known, plan.data[task]["data"]
        self.splits = plan.prepared[task]["splits"]
        self.measures = measures(results)
        self.targets = dict(plan.measurements.filter(task=task).select("measurement", "target").iter_rows())
        self.areas = [name for name in self.measures if name in self.targets]
        self.values = _values(results)
        made = {row["run"]: row for row in known.runs.filter(task=task).to_dicts()}
        planned = plan.runs.filter(task=task)
        self.rows = [{**row, "made": made.get(row["run"], {})} for row in planned.filter(role=RUN).to_dicts()]
        self.siblings: dict[Which, list[Row]] = {}
        for row in planned.filter(role=SIBLING).to_dicts():
            self.siblings.setdefault(_which(row), []).append({**row, "made": made.get(row["run"], {})})
        self.names = [label_of(name, None) for name in self.areas]

    def methods(self) -> list[tuple[str, list[Row]]]:
        """Each method and its runs, standard first, by model and seed."""
        by_method: dict[str, list[Row]] = {}
        for row in sorted(self.rows, key=lambda row: (row["parameters"], row["model"], row["seed"])):
            by_method.setdefault(row["method"], []).append(row)
        return sorted(by_method.items(), key=lambda item: (item[0] != BASELINE, item[0]))

    def run(self, row: Row) -> dict[str, Any]:
        """What the template shows of a run."""
        which = _which(row)
        standard = (BASELINE, row["model"], row["seed"])
        beside = self.values.get(standard, {}) if row["method"] != BASELINE else {}
        values = self.values.get(which, {})
        return {
            "place": run_place(row["model"], row["seed"]),
            "model": row["model"],
            "seed": row["seed"],
            "parameters": row["parameters"],
            "status": row["made"].get("status", "planned"),
            "reason": row["made"].get("reason") or "",
            "facts": self._facts(row),
            "standard": f"{plain(BASELINE)}.html#{run_place(row['model'], row['seed'])}" if beside else "",
            "measured": [self._value(name, values, beside) for name in self.areas if name in values],
            "parts": [(label_of(name, None), said) for name in self.areas if (said := self._parts(name, values))],
            "cells": [self._cell(name, values, beside) for name in self.areas],
            "curves": self._curves(row, values),
            "failures": self._failures(row),
        }

    def _facts(self, row: Row) -> list[tuple[str, str]]:
        spec, made = json.loads(row["spec"]), row["made"]
        facts = self.known.facts.get(made.get("run_key", ""), {})
        digests = [f"{name} {self.splits.get(name, {}).get('digest', DASH)}" for name in row["splits"].split(",")]
        siblings = [
            f"{each['sibling']}: {each['made'].get('status', 'planned')} ({each['made'].get('run_key', DASH)})"
            for each in self.siblings.get(_which(row), [])
        ]
        environment = json.loads(made.get("environment") or "{}")
        found = [
            ("method", _part(spec["method"])),
            ("model", f"{_part(spec['model'])}; {number(row['parameters'])} parameters"),
            ("seed", str(row["seed"])),
            ("data", _part(self.data)),
            ("trained on", ", ".join(digests)),
            ("training", options_text(spec["training"])),
            ("training FLOPs", number(made.get("flops"))),
            ("steps", number(made.get("steps"))),
            ("loss at the end", number(made.get("loss"))),
            ("seconds of training", number(facts.get("seconds"))),
            ("key", made.get("run_key", DASH)),
            ("digest of its code", row["code"]),
            ("sibling models", ", ".join(siblings)),
            ("made with", options_text(environment)),
        ]
        return [(name, said) for name, said in found if said]

    def _value(self, name: str, values: Mapping[str, Any], beside: Mapping[str, Any]) -> dict[str, Any]:
        measure, own, other = self.measures[name], values[name]["end"], beside.get(name, {}).get("end")
        return {
            "name": label_of(name, None),
            "group": measure.group,
            "value": _shown(own, measure),
            "n": own["n"],
            "standard": _shown(other, measure) if other else "",
            "difference": difference(own["value"] - other["value"], measure) if other else "",
            "better": self._better(name),
            "flags": own["flags"].replace(",", ", "),
        }

    def _parts(self, name: str, values: Mapping[str, Any]) -> str:
        parts = values[name]["parts"] if name in values else {}
        return parts_text({part: _plain(row["value"], self.measures[name]) for part, row in parts.items()})

    def _better(self, name: str) -> str:
        target = self.targets[name]
        return f"nearer to {target:g}" if target is not None else "lower" if self.measures[name].falling else "higher"

    def _cell(self, name: str, values: Mapping[str, Any], beside: Mapping[str, Any]) -> dict[str, str]:
        if name not in values:
            return {"value": DASH, "difference": ""}
        measure, own = self.measures[name], values[name]["end"]["value"]
        apart = difference(own - beside[name]["end"]["value"], measure) if name in beside else ""
        return {"value": _plain(own, measure), "difference": apart.removesuffix(" points")}

    def _curves(self, row: Row, values: Mapping[str, Any]) -> list[dict[str, str]]:
        """The loss of training, and each value that was measured on the way."""
        loss = self.known.facts.get(row["made"].get("run_key", ""), {}).get("curve", [])
        found = [("loss in training", loss, number)]
        for name in self.areas:
            shown = partial(_plain, measure=self.measures[name])
            found.append((label_of(name, None), values.get(name, {}).get("steps", []), shown))
        return [curve(name, points, shown) for name, points, shown in found if len(points) >= FEWEST]

    def _failures(self, row: Row) -> list[tuple[str, str]]:
        found = [("training", row["made"]["reason"])] if row["made"].get("reason") else []
        found += [
            (f"sibling model for {each['sibling']}", each["made"]["reason"])
            for each in self.siblings.get(_which(row), [])
            if each["made"].get("reason")
        ]
        for stage in ("predict", "measure"):
            for name, about in self.known.failures.get(stage, {}).items():
                run, _, condition = name.partition(" under ")
                if run == row["run"]:
                    found.append((f"{stage}, {condition}", f"{about['reason']} (attempts: {about['attempts']})"))
        return found + sorted((name, why) for name, why in self.known.unmeasured.get(row["run"], {}).items())


def _shared(runs: list[Row]) -> list[tuple[str, str]]:
    """Of OF_EVERY what several runs all have, taken out of what each of them says."""
    if len(runs) < 2:
        return []
    first = [fact for fact in runs[0]["facts"] if fact[0] in OF_EVERY]
    shared = [fact for fact in first if all(fact in run["facts"] for run in runs)]
    for run in runs:
        run["facts"] = [fact for fact in run["facts"] if fact not in shared]
    return shared


def _values(results: pl.DataFrame) -> dict[Which, dict[str, dict[str, Any]]]:
    """By run and measurement: the row at its end, those of its parts there, and the value at each step."""
    found: dict[Which, dict[str, dict[str, Any]]] = {}
    ordered = results.select("method", "model", "seed", *SHOWN).sort("method", "model", "seed", "step", "part")
    for row in ordered.to_dicts():
        of = found.setdefault(_which(row), {}).setdefault(row["measurement"], {"steps": [], "parts": {}})
        if row["part"] == "all":
            of["end"] = row
            of["steps"].append((row["step"], row["value"]))
        else:
            of["parts"][row["part"]] = row
    return {which: {name: of for name, of in each.items() if "end" in of} for which, each in found.items()}


def _which(row: Row) -> Which:
    return row["method"], row["model"], row["seed"]


def _part(spec: Mapping[str, Any]) -> str:
    options = options_text(spec["options"])
    return f"{spec['use']}{': ' if options else ''}{options}"


def _plain(value: float, measure: Measure) -> str:
    return f"{100 * value:.1f}" if measure.percent else number(value)


def _shown(row: Row, measure: Measure) -> str:
    error = row["standard_error"]
    beside = "" if error is None else f" ± {100 * error:.1f}" if measure.percent else f" ± {error:.2g}"
    return f"{_plain(row['value'], measure)}{beside}{' %' if measure.percent else ''}"
