"""Rows of the table RESULTS, as jumps are looked for in."""

from typing import Any

from analysis.tables import RESULTS


def row(measurement: str, value: float, **columns: Any) -> dict[str, Any]:
    """A measured value; columns that are named are as they are given."""
    condition, metric = measurement.split("/")
    plain = dict.fromkeys(RESULTS.columns) | {
        "domain": "vision",
        "dataset": "digits",
        "method": "standard",
        "model": "m",
        "family": "cnn",
        "part": "all",
        "parameters": 8,
        "flops": 8.0,
        "seed": 0,
        "step": 100,
        "axis": "safety",
        "pillar": "robustness",
        "flags": "",
        "measurement": measurement,
        "condition": condition,
        "metric": metric,
        "value": value,
        "higher_is_better": metric == "accuracy",
    }
    return plain | columns
