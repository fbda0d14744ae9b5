"""The first screen's words and columns over several tasks, and the Pareto front."""

from typing import Any

import numpy as np
import polars as pl
import pytest

from analysis.tables import RESULTS
from stages.page.overview import across, answer, overview, placebos_answer, task_answer
from stages.page.pareto import pareto_front
from stages.page.tasks import TaskResults
from tests.stages.test_verdict_words import ROW

LABELS = {  # task -> method -> area -> label
    "flows": {
        "shield": {"alarms": "DIFFERENTIAL", "drift": "REGRESSION"},
        "placebo": {"alarms": "NULL", "drift": "NO GAIN"},
        "cloak": {"alarms": "UNDETERMINED", "drift": "WASHING"},
    },
    "vision": {
        "armour": dict.fromkeys(("attacks", "fonts", "outliers"), "NULL"),
        "placebo": dict.fromkeys(("attacks", "fonts", "outliers"), "NULL"),
        "shield": {"attacks": "TRADE-OFF", "fonts": "GAIN, PRICE OPEN", "outliers": "GAIN, SIZE OPEN"},
    },
}


def judged(labels: dict[str, dict[str, dict[str, str]]] = LABELS) -> list[tuple[TaskResults, list[dict[str, Any]]]]:
    found = []
    for number, (task, methods) in enumerate(labels.items()):
        rows = [
            ROW
            | {"task": task, "method": method, "area": area, "label": label, "placebo": method == "placebo"}
            | {"starred": label == "DIFFERENTIAL", "claim": f"_{number}/0", "measurement": f"{area}/accuracy"}
            for method, areas in methods.items()
            for area, label in areas.items()
        ]
        found.append((TaskResults(task, f"{task}: digits", f"_{number}", RESULTS.empty(), {}, {}), rows))
    return found


def every() -> list[dict[str, Any]]:
    return [row for _, rows in judged() for row in rows]


def test_verdicts_of_all_tasks_are_counted_and_placebos_apart() -> None:
    assert answer(every(), 2) == [
        "2 tasks, 5 areas of safety, 3 methods: 10 verdicts, of which 9 (90\N{NO-BREAK SPACE}%) are answered.",
        "Safer beyond what capability explains, by more than the margin: 3 times (1 at no price in capability, "
        "1 paid for with it, 1 at a price that is open).",
        "Beyond it, the size open: 1; safer only as far as more capable: 1; no gain that matters: 3; "
        "less safe than standard: 1; open: 1.",
        "★ 1 of the gains holds by the stricter test, too.",
    ]
    placebos = [row for row in every() if row["placebo"]]
    assert placebos_answer(placebos, 2) == (
        "Placebos, which do nothing, in all tasks together: 4 NULL, 1 NO GAIN of 5 verdicts; "
        "no gain and no loss is claimed of them."
    )
    wrong = [placebos[0] | {"label": "REGRESSION"}, *placebos[1:]]
    assert placebos_answer(wrong, 2).endswith("; 1 of these claim a gain or a loss: false.")
    assert placebos_answer([], 2) == ""


def test_a_task_is_a_line_and_a_method_a_sentence_over_its_tasks() -> None:
    assert task_answer(judged()[0][1]) == (
        "4 verdicts on 2 methods: 1 safer by more than the margin, 1 no gain that matters, 1 less safe, 1 open."
    )
    assert across("shield", judged()) == (
        "In flows: safer on alarms at no price in capability; less safe on drift. "
        "In vision: safer on attacks, paid for with capability; safer on fonts at a price that is open; "
        "safer on outliers with the size open."
    )
    assert across("armour", judged()) == "In vision: no effect on all 3 areas."


def test_methods_of_several_tasks_are_the_first_columns_and_placebos_the_last() -> None:
    found = overview(judged())
    assert found is not None
    assert [column["name"] for column in found["columns"]] == ["shield", "cloak", "armour", "placebo"]
    vision = found["groups"][1]
    assert [row["area"] for row in vision["rows"]] == ["attacks", "fonts", "outliers"]
    assert [cell and cell["label"] for cell in vision["rows"][0]["cells"]] == ["TRADE-OFF", None, "NULL", "NULL"]


def test_a_study_of_one_task_has_no_table_over_tasks() -> None:
    assert overview(judged({"vision": LABELS["vision"]})) is None
    assert overview([]) is None


def test_the_front_has_whom_no_other_beats_on_both() -> None:
    points = pl.DataFrame(
        {"method": ["a", "b", "c", "d"], "capability": [-1.0, -0.5, -0.6, 0.2], "beyond": [0.9, 0.5, 0.4, -0.1]}
    )
    assert pareto_front(points)["method"].to_list() == ["a", "b", "standard", "d"]
    better = pl.DataFrame({"method": ["a"], "capability": [0.1], "beyond": [0.1]})
    assert pareto_front(better)["method"].to_list() == ["a"]
    assert pareto_front(better.clear())["method"].to_list() == ["standard"]


@pytest.mark.parametrize("seed", range(20))
def test_the_front_is_that_of_comparing_every_pair(seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = pl.DataFrame(
        {
            "method": [f"m{k}" for k in range(12)],
            "capability": rng.integers(-4, 5, 12).astype(float),
            "beyond": rng.integers(-4, 5, 12).astype(float),
        }
    )
    every = [*points.rows(), ("standard", 0.0, 0.0)]
    values = {(x, y) for _, x, y in every}
    best = {(x, y) for x, y in values if not any(a >= x and b >= y and (a, b) != (x, y) for a, b in values)}
    front = pareto_front(points)
    assert set(front.select("capability", "beyond").rows()) == best
    assert front["capability"].to_list() == sorted(front["capability"])
