"""What tests log to MLflow."""

from collections.abc import Mapping
from typing import Any

from stages.tracking import Tracking
from stages.tracking_run import Described, Logged
from stages.tracking_values import Values


def log(
    tracking: Tracking,
    key: str,
    name: str,
    params: Mapping[str, Any],
    metrics: Mapping[str, float],
    step: int,
    tags: Mapping[str, str] | None = None,
) -> Logged:
    """A run with values at one step, logged."""
    return tracking.log(Described(key, name, params, tags or {}), Values({step: metrics}))
