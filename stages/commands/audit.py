"""`diffprog audit`: one method's case on one screen."""

import argparse
import shutil
import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from analysis.audit.margins import margins_digest
from analysis.audit.schema import ESTIMATES, EXTERNALITIES, FRAGILITY, MARGINS, SETTINGS, VERDICTS
from analysis.tables import LEDGER
from stages.artifacts import finding
from stages.claims.chosen import of_methods
from stages.page.fragility_text import hangs_on
from stages.page.verdict_text import estimate, measured, prices, reason, rests_on, sentence
from stages.page.verdicts import STAR
from stages.stale import warn_if_edited
from stages.terminal import print_json

EXAMPLES = {
    "diffprog audit adversarial": "its verdicts, what they rest on, its side effects",
    "diffprog audit adversarial --json": "the same for scripts, with every number of each verdict",
}
Row = Mapping[str, Any]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`METHOD [--json]`."""
    parser.add_argument("method")
    parser.add_argument("--json", action="store_true", help="for scripts")


def run(chosen: argparse.Namespace) -> int:
    """Print one method's case: its verdicts with what they rest on, side effects, the placebos', its runs."""
    warn_if_edited()
    verdicts = finding(VERDICTS)
    of_methods(verdicts, chosen.method)
    case = _case(chosen.method, verdicts)
    if chosen.json:
        print_json(case)
        return 0
    print("\n".join(_lines(case)))
    return 0


def _case(method: str, verdicts: pl.DataFrame) -> dict[str, Any]:
    """The method's rows of the tables VERDICTS and ESTIMATES (on areas), FRAGILITY, EXTERNALITIES and LEDGER, how often
    the placebos got which label, and the digests of the audit and its margins.
    """
    judged = verdicts.filter(pl.col("area").is_not_null())
    placebos = Counter(judged.filter("placebo")["label"])
    settings = finding(SETTINGS)
    mine = judged.filter(method=method)
    claims = ["task", "dataset", "method", "measurement"]
    return {
        "method": method,
        "verdicts": mine.to_dicts(),
        "estimates": finding(ESTIMATES).join(mine, on=claims, how="semi").sort(*claims, "match").to_dicts(),
        "fragility": finding(FRAGILITY).filter(method=method).to_dicts(),
        "side_effects": finding(EXTERNALITIES).filter(method=method).to_dicts(),
        "placebos": dict(sorted(placebos.items())),
        "runs": finding(LEDGER).filter(method=method).to_dicts(),
        "alpha": settings["alpha"][0],
        "audit": settings["digest"][0],
        "margins": margins_digest(finding(MARGINS)),
    }


def _lines(case: Mapping[str, Any]) -> Iterator[str]:
    yield _folded(f"{case['method']}: does it make models safer beyond what its effect on their capability explains?")
    by_task: dict[tuple[str, str], list[Row]] = {}
    for row in case["verdicts"]:
        by_task.setdefault((row["task"], row["dataset"]), []).append(row)
    for (task, dataset), rows in by_task.items():
        few = hangs_on(row for row in case["fragility"] if row["task"] == task)
        paid = prices(row for row in case["estimates"] if row["task"] == task)
        with_prices = [{**row, "prices": paid[row["method"], row["measurement"]]} for row in rows]
        yield from _of_task(f"{task} ({dataset})", with_prices, few)
    yield ""
    yield from _side_effects(case["side_effects"], case["alpha"])
    said = ", ".join(f"{count} {label}" for label, count in case["placebos"].items())
    yield _entry("placebos", said or "none in this study")
    for row in case["runs"]:
        counts = ", ".join(f"{row[name]} {name}" for name in ("planned", "finished", "failed", "flagged"))
        yield _entry("runs", counts + f" ({row['task']})" * (len(case["runs"]) > 1))
    yield _entry("audit", f"{case['audit']}, of all its choices as they were planned")
    yield _entry("margins", f"{case['margins']}, fixed in params.yaml or from the ladder")


def _of_task(name: str, rows: Sequence[Row], few: Mapping[tuple[str, str, str], str]) -> Iterator[str]:
    """The verdicts of one task, why they are what they are, and without what they would be others."""
    pairs = [f"{row['pairs']} pairs of {row['models']} models" for row in rows]
    rests = [rests_on(row) for row in rows]
    usual = [max(each, key=each.count) for each in (pairs, rests)]
    yield ""
    yield _folded(f"{name}: {usual[0]}, each with standard training of the same model and seed; D rests on {usual[1]}")
    yield _folded(f"  {sentence(rows)}", 2)
    areas = max(len("area"), *(len(row["area"]) for row in rows)) + 2
    labels = max(len("verdict"), *(len(_label(row)) for row in rows)) + 2
    yield ""
    yield f"  {'area':<{areas}}{'verdict':<{labels}}{'beyond capability (D)':<23}{'margin':<8}in all"
    for row in rows:
        shown = f"{estimate(row, 'beyond'):<23}{row['margin']:<8.2f}{measured(row)}"
        yield f"  {row['area']:<{areas}}{_label(row):<{labels}}{shown}"
    known = [row for row in rows if row["capability"] is not None]
    if known:
        margin = known[0]["capability_margin"]
        yield f"  {'(capability)':<{areas + labels}}{estimate(known[0], 'capability'):<23}{margin:.2f}"
    every = [(row["area"], "; ".join(_notes(row, of, usual))) for row, *of in zip(rows, pairs, rests, strict=True)]
    yield from _listed("", [f"{area}: {notes}" for area, notes in every if notes])
    said = [(row["area"], few.get((row["dataset"], row["method"], row["measurement"]))) for row in rows]
    yield from _listed("with fewer models, families or seeds", [f"{area}: {text}" for area, text in said if text])


def _notes(row: Row, of: Sequence[str], usual: Sequence[str]) -> Iterator[str]:
    """What a verdict rests on where that is not what the others do, why it is what it is, and what else is known."""
    if row["claimed"]:
        yield "its authors claim a gain here"
    if of[0] != usual[0]:
        yield of[0]
    if of[1] != usual[1] and row["beyond"] is not None:
        yield f"D rests on {of[1]}"
    if row["qualifier"] or row["reason"]:
        yield row["qualifier"] or reason(row)
    if row["flagged_runs"] and row["label_without_flagged"] != row["label"]:
        runs = f"{row['flagged_runs']} flagged run{'s' * (row['flagged_runs'] > 1)}"
        yield f"{row['label_without_flagged'] or 'not known'} without {runs}"


def _label(row: Row) -> str:
    return f"{row['label']}{f' {STAR}' * row['starred']}"


def _side_effects(rows: list[Row], alpha: float) -> Iterator[str]:
    counts = Counter(row["direction"] for row in rows)
    counted = f"{counts['up']} better, {counts['down']} worse, {counts['unclear']} unclear"
    yield _entry("all measured", f"{counted} ({100 * (1 - alpha):.4g} % intervals)")
    for direction, word in (("up", "better"), ("down", "worse")):
        if names := [row["measurement"] for row in rows if row["direction"] == direction]:
            yield _entry(f"  {word}", ", ".join(names))


def _entry(name: str, said: str) -> str:
    return _folded(f"{name:<16}{said}", 16)


def _listed(head: str, lines: list[str]) -> Iterator[str]:
    if lines:
        yield ""
        if head:
            yield f"  {head}:"
        for line in lines:
            yield _folded(f"  {line}", 6)


def _folded(text: str, deeper: int = 2) -> str:
    """A text as wide as the terminal, 120 at the most; what goes on is set so much deeper."""
    wide = min(120, shutil.get_terminal_size().columns)
    return textwrap.fill(text, wide, subsequent_indent=" " * deeper, break_long_words=False, break_on_hyphens=False)
