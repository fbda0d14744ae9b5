"""Standard training of a wider model: a control that raises capability alone."""

from typing import Annotated

from pipelines.games.method import Method
from pipelines.parts import Range


def method(*, factor: Annotated[int, Range(2, 8)] = 2) -> Method:
    """factor: of the model's width. Cost 1: networks are small beside what solving for payoffs takes. Claimed gain:
    none but capability."""
    return Method(width=factor)
