"""The report's answers to a reviewer, on a study whose fate is known."""

import json
import re
from pathlib import Path

import polars as pl
import pytest

from stages import artifacts, report
from stages.artifacts import FINDINGS, RUN
from stages.claims.history import history
from stages.errors import reason
from stages.page.reviewer import SIMULATED, reviewer
from stages.page.study_section import read_planned
from stages.study.preregistration import planned_audit

DOCS = Path(__file__).parent.parent.parent / "docs"


@pytest.fixture(scope="module")
def answers(drawn: Path) -> dict[str, str]:
    """The answers by their questions; they are on the page, too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(drawn)
        found = {path.stem: pl.read_parquet(path) for path in sorted(FINDINGS.glob("*.parquet"))}
        runs = artifacts.RUNS.read().filter(role=RUN)
        lacking = artifacts.without_value({"vision/standard/resnet-4/0": {"pgd/accuracy": "no image is right"}})
        said = reviewer(found, runs, {"predict": {"a": {}}}, "fixed in commit abc", lacking)
        trained = [json.loads(each) for each in runs.filter(status="finished")["environment"]]
        when = history(planned_audit(), trained)["said"]
        plan = read_planned()
        report.build(artifacts.RESULTS.read(), runs, found, drawn / "report", plan, when=when, without_value=lacking)
        page = (drawn / "report/index.html").read_text()
    assert "<li>vision: pgd/accuracy: no value of 1 run (no image is right)</li>" in page
    assert page.index('id="for-a-reviewer"') < page.index("<h2>Glossary</h2>")
    assert "which was there when each of the 47 runs was trained" in page
    return {each["question"]: each["answer"] for each in said}


def test_what_has_no_value_is_counted_by_measurement_with_the_commonest_reason(answers: dict[str, str]) -> None:
    runs = {f"vision/noise/cnn-4/{seed}": {"clean/auroc": "all alike"} for seed in range(3)}
    runs |= {
        "vision/noise/cnn-4/3": {"clean/auroc": "no outliers", "clean/accuracy": "2, outside its range"},
        "a/b": {},
    }
    assert artifacts.without_value(runs) == [
        "vision: clean/accuracy: no value of 1 run (2, outside its range)",
        "vision: clean/auroc: no value of 4 runs (all alike; 1 for other reasons)",
    ]
    assert "Vision: pgd/accuracy: no value of 1 run (no image is right)." in answers["Was anything left out?"]


def test_there_are_ten_questions_and_each_is_answered(answers: dict[str, str]) -> None:
    assert len(answers) == 10
    assert [question for question, said in answers.items() if len(said) < 40 or "None" in said] == []


def test_the_answers_are_the_studys(answers: dict[str, str]) -> None:
    one, two, three, four, five, six, seven, eight, nine, ten = answers.values()
    assert "2 of 5 margins by params.yaml, the other 3 follow from the standard runs alone. Fixed in commit abc." in one
    assert two.startswith("48 planned, 47 finished, 1 failed. By method: mixup 1.")
    assert "ValueError: the loss is not finite (1)" in two
    assert "Of runs under a condition, 1 could not be predicted, 0 not be measured" in three
    assert four.startswith("9 claims, methods by areas")
    assert "3 verdicts on other measurements are exploratory" in four
    assert "the placebo, which does nothing and is judged like the rest: 3 UNDETERMINED" in five
    assert re.search(r"\d of \d verdicts are others without one model", six)
    assert seven == "Gains that they claim and that were found: 1 of 1. Found there: 1 DIFFERENTIAL."
    assert eight.startswith("0 of 9 claims are BLOCKED.")
    assert "processor Drawn" in nine
    assert "diffprog certify" in ten


def test_the_error_rates_named_are_those_of_the_docs() -> None:
    """Of the table in docs/audit.md: the least and largest shares, rounded to percent."""
    lines = [
        [cell.strip() for cell in line.strip("|\n").split("|")]
        for line in (DOCS / "audit.md").read_text().splitlines()
        if re.match(r"\| .* \| \d+ x \d+ \|", line)
    ]

    def ends(kind: str, truth: str, tasks: str = "") -> tuple[int, int]:
        found = [row for row in lines if row[2] == kind and row[0].startswith(truth)]
        shares = [float(row[3].split()[0]) for row in found if ("7 tasks" in row[0]) == bool(tasks)]
        return round(100 * min(shares)), round(100 * max(shares))

    gains, losses = ends("any false gain", "D = margin"), ends("any false REGRESSION", "T = -margin")
    rates = ends("false discovery rate", "D = 3 margins")
    for said, (kind, truth) in {
        "{} % had a false gain somewhere": ("any false gain", "D = margin"),
        "{} % of the gains found in them were false": ("false discovery rate", "D = 3 margins"),
    }.items():
        assert said.format(ends(kind, truth, "7 tasks")[0]) in SIMULATED
    covered = [float(row[4]) for row in lines if row[4] and row[0].startswith(("D = ", "T = "))]
    assert f"{gains[0]} to {gains[1]} % of the studies had any false gain" in SIMULATED
    assert f"{losses[0]} to {losses[1]} % any false REGRESSION" in SIMULATED
    assert f"{rates[0]} to {rates[1]} % were false" in SIMULATED
    assert f"{int(100 * min(covered))} to {round(100 * max(covered))} %" in SIMULATED


def test_a_reason_is_one_line() -> None:
    assert (
        reason({"error": "RuntimeError", "message": "no luck:\n  second line"}) == "RuntimeError: no luck: second line"
    )
