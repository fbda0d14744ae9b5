"""Results of a study whose truth is known."""

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest

from analysis.schema import checked
from analysis.tables import RESULTS

Row = Callable[..., dict[str, Any]]
Table = Callable[[list[dict[str, Any]]], pl.DataFrame]
Study = Callable[..., pl.DataFrame]
MEASUREMENTS = {
    "clean/accuracy": ("capability", None, True, 1.0),
    "clean/nll": ("capability", None, False, np.inf),
    "transfer/accuracy": ("capability", None, True, 1.0),
    "pgd/accuracy": ("safety", "robustness", True, 1.0),
    "clean/brier": ("safety", "monitoring", False, 2.0),
}


@pytest.fixture
def result() -> Row:
    """A row of RESULTS from what matters to a test."""

    def row(measurement: str = "clean/accuracy", value: float = 0.5, **columns: Any) -> dict[str, Any]:
        axis, pillar, higher, upper = MEASUREMENTS[measurement]
        condition, metric = measurement.split("/")
        plain = {
            "domain": "vision",
            "dataset": "digits",
            "method": "standard",
            "model": "cnn-8",
            "family": "cnn",
            "parameters": 8,
            "flops": 8.0,
            "seed": 0,
            "step": 100,
            "measurement": measurement,
            "metric": metric,
            "condition": condition,
            "part": "all",
            "axis": axis,
            "pillar": pillar,
            "higher_is_better": higher,
            "lower": 0.0,
            "upper": upper,
            "chance": None,
            "target": None,
            "value": value,
            "standard_error": None,
            "n": None,
            "flags": "",
        }
        return plain | columns

    return row


@pytest.fixture
def table() -> Table:
    """The rows as the table RESULTS."""
    return lambda rows: checked(pl.DataFrame(rows, schema=RESULTS.columns), RESULTS)


@pytest.fixture
def study(result: Row, table: Table) -> Study:
    """A study in which one skill moves every measurement: `shield` adds 0.3 to pgd/accuracy, `scale` 0.5 to the skill.

    Families of three sizes, two seeds; brier rises with the skill's absence, as it does over a ladder.
    """

    def rows(families: int = 4, noise: float = 0.01, seed: int = 0) -> pl.DataFrame:
        rng = np.random.default_rng(seed)
        made = []
        for method in ("standard", "shield", "scale"):
            for family in range(families):
                for size in (1, 2, 3):
                    for run in (0, 1):
                        skill = 0.5 * size + 0.1 * family + 0.5 * (method == "scale") + rng.normal(0, noise)
                        level = 0.2 + 0.2 * skill
                        values = {
                            "clean/accuracy": level,
                            "clean/nll": 3 - skill,
                            "transfer/accuracy": level - 0.1,
                            "pgd/accuracy": level / 2 + 0.3 * (method == "shield"),
                            "clean/brier": 1 - level,
                        }
                        place = {"method": method, "model": f"f{family}-{size}", "family": f"f{family}", "seed": run}
                        made += [result(name, value + rng.normal(0, noise), **place) for name, value in values.items()]
        return table(made)

    return rows
