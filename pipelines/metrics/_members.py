"""Models that average several."""

from pipelines.metrics._examples import recorded
from pipelines.outcomes import Outcomes, Unmeasurable


def require_members(outcomes: Outcomes) -> None:
    """Raise Unmeasurable for a model that averages no others."""
    if recorded(outcomes, "members").max() < 2:
        raise Unmeasurable("a model alone: it averages no members that could disagree")
