"""Standard training of a wider model: a control that raises capability alone."""

from typing import Annotated

from pipelines.parts import Range
from pipelines.supervised.method import Method


def method(*, factor: Annotated[int, Range(2, 8)] = 2) -> Method:
    """factor: of the model's width. Cost: its square, in FLOPs; a small model takes less time than that. Claimed gain:
    none but capability."""
    return Method(width=factor, cost=float(factor**2))
