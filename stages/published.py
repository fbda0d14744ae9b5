"""The plan, the verdicts and the report kept with the plan's parent run in MLflow."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from stages import artifacts
from stages.artifacts import PARAMS, REPORT, SUMMARY
from stages.described import plan_digest
from stages.errors import TrackingError, masked
from stages.tracking import Tracking

PAGE = REPORT / "index.html"


def publish() -> None:
    """Keep what there is of them, describe the plan, and end its run. What MLflow does not take is said."""
    summary = artifacts.read_planned(SUMMARY)
    try:
        runs = artifacts.RUNS.read()
        tracking = Tracking(artifacts.study_name(), plan_digest(runs["run_key"], artifacts.prepared_data()))
        tracking.end(dict(files()), note(summary))
    except TrackingError as error:
        print(masked(f"{error}; the report is not kept there: `diffprog sync` does that"))


def files() -> Iterator[tuple[Path, str]]:
    """What is kept, and in which folder."""
    yield from ((path, "") for path in (PARAMS, SUMMARY) if path.exists())
    yield from ((path, "plan") for path in sorted(artifacts.STUDY.parent.glob("*")) if path.is_file())
    yield from ((path, "verdicts") for path in sorted((REPORT / "plots").glob("*.csv")))
    yield PAGE, "report"


def note(summary: Mapping[str, Any]) -> str:
    """What MLflow's page says of the plan, in Markdown."""
    runs = ", ".join(f"{count} {status}" for status, count in summary["runs"].items() if count)
    labels = ", ".join(f"{count} {label}" for label, count in summary["labels"].items())
    return f"Runs: {runs}.\n\nVerdicts: {labels or 'none'}.\n\nThe report, the verdicts and the plan are its artifacts."
