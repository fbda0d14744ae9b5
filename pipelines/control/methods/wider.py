"""Standard training of a wider agent: a control that raises capability alone."""

from typing import Annotated

from pipelines.control.method import Method
from pipelines.parts import Range


def method(*, factor: Annotated[int, Range(2, 8)] = 2) -> Method:
    """factor: of the model's width. Cost: 1.2, most of an agent's time does not depend on its width. Claimed gain: none
    but capability."""
    return Method(width=factor, cost=1.2)
