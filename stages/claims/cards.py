"""Model cards: of each method what it is, what its models were made from, how they did and what is not known."""

import inspect
import json
from collections.abc import Iterable, Iterator
from typing import Any

import polars as pl

from analysis.audit.schema import SETTINGS, VERDICTS
from analysis.tables import BASELINE, LEDGER
from pipelines import parts
from stages import artifacts
from stages.artifacts import RUN, finding
from stages.page.format import number
from stages.page.study_section import options_text

INTENDED = "Experiments on methods: small models, trained to compare ways of training. Not for deployment."
COLUMNS = (
    "area",
    "measurement",
    "verdict",
    "D, beyond capability",
    "T, in all",
    "E, in capability",
    "at equal",
    "margin",
)
CLAIMED = "claimed by its authors"
AT_EQUAL = {"epochs": "epochs", "flops": "FLOPs"}
FATES = ("planned", "finished", "failed", "flagged")
Row = dict[str, Any]


def cards() -> Iterator[tuple[str, str]]:
    """The name and the Markdown of the card of each method, a card a task where there are several."""
    runs = artifacts.PLANNED_RUNS.read().filter(role=RUN)
    several = runs["task"].n_unique() > 1
    for (task, method), rows in runs.group_by("task", "method", maintain_order=True):
        yield f"{task}-{method}" if several else str(method), card(str(task), str(method), rows)


def card(task: str, method: str, runs: pl.DataFrame) -> str:
    """The card of a method in a task; `runs` are its planned runs."""
    first = runs.row(0, named=True)
    spec = json.loads(first["spec"])
    module = parts.module(f"pipelines.{first['domain']}.methods", spec["method"]["use"])
    fate = finding(LEDGER).filter(task=task, method=method).to_dicts()
    verdicts = finding(VERDICTS).filter(pl.col("area").is_not_null(), task=task, method=method).to_dicts()
    splits = ", ".join(first["splits"].split(","))
    lines = [
        f"# {method} ({task})",
        "",
        *("## Model details", "", inspect.cleandoc(module.__doc__ or "Not described."), ""),
        f"- method: `{spec['method']['use']}`, {options_text(spec['method']['options']) or 'no options'}",
        f"- models: {', '.join(runs['model'].unique(maintain_order=True))}",
        f"- seeds: {', '.join(map(str, runs['seed'].unique().sort()))}",
        f"- training: {options_text(spec['training'])}",
        *(f"- runs: {', '.join(f'{row[name]} {name}' for name in FATES)}" for row in fate),
        "",
        *("## Intended use", "", INTENDED, ""),
        *("## Training data", "", f"{first['dataset']}, the splits {splits}; their digests are in `data.json`.", ""),
        *("## Evaluation", "", *_evaluation(method, verdicts), ""),
        *("## Caveats", "", *_caveats(verdicts)),
    ]
    return "\n".join(lines) + "\n"


def _evaluation(method: str, verdicts: list[Row]) -> list[str]:
    if not verdicts:
        return ["The baseline: every other method is compared with it." if method == BASELINE else "No verdict."]
    lines = [
        f"Against `{BASELINE}` of the same model and seed, by the audit {finding(SETTINGS)['digest'][0]}. E is in "
        "units of the capability score, between models that were trained for as many epochs or with as many FLOPs.",
        "",
        _row((*COLUMNS, CLAIMED)),
        _row("---" for _ in (*COLUMNS, CLAIMED)),
    ]
    for row in verdicts:
        effects = (_interval(row, name) for name in ("beyond", "total", "capability"))
        about = (_label(row), *effects, AT_EQUAL[row["match"]], number(row["margin"]), "yes" if row["claimed"] else "")
        lines.append(_row((row["area"], row["measurement"], *about)))
    return lines


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _caveats(verdicts: list[Row]) -> list[str]:
    said = ["Intervals say how far models like these scatter, not what other data or larger models would show."]
    flagged = max((row["flagged_runs"] or 0 for row in verdicts), default=0)
    if flagged:
        said.append(f"Up to {flagged} runs a verdict carry a validity flag.")
    blocked = [f"{row['area']} ({row['reason']})" for row in verdicts if row["label"] == "BLOCKED"]
    if blocked:
        said.append(f"Blocked: {'; '.join(blocked)}.")
    if verdicts and verdicts[0]["placebo"]:
        said.append("A placebo: it does nothing, and what is found of it is the audit's error.")
    return [" ".join(said)]


def _label(row: Row) -> str:
    return ", ".join(filter(None, (row["label"], row["qualifier"])))


def _interval(row: Row, name: str) -> str:
    if row[name] is None:
        return "not known"
    return f"{row[name]:+.2f} [{row[f'{name}_lower']:+.2f}, {row[f'{name}_upper']:+.2f}]"
