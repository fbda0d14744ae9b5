"""What failed in each stage of a sweep: its name, the reason and the number of attempts."""

import json
from pathlib import Path
from typing import Any

STAGES = ("train", "predict", "measure")
FOLDER = Path("failures")

Failures = dict[str, dict[str, dict[str, Any]]]


def path(stage: str) -> Path:
    """The file of a stage's failures."""
    return FOLDER / f"{stage}.json"


def failures() -> Failures:
    """By stage and name of what failed, `{reason, attempts}`."""
    return {stage: json.loads(path(stage).read_text(encoding="utf-8")) for stage in STAGES}
