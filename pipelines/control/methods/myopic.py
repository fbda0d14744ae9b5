"""Myopic training: later rewards count for less, so that what pays only after many steps is not planned for (compare
Farquhar et al. 2025, arXiv 2501.13011, who keep an overseer's foresight in the reward)."""

from typing import Annotated

from pipelines.control.method import Method
from pipelines.parts import Range


def method(*, discount: Annotated[float, Range(0, 0.999)] = 0.8) -> Method:
    """discount: of a reward one step later. Cost 1. Claimed gains: less gaming of the reward, fewer switches thrown."""
    return Method(discount=discount)
