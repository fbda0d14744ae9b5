"""Early stopping: learning ends after a share of the updates, before the proxy is optimised to the end (Gao et al.
2022, arXiv 2210.10760)."""

from typing import Annotated

from pipelines.control.method import Method
from pipelines.parts import Range


def method(*, share: Annotated[float, Range(0.01, 0.99)] = 0.5) -> Method:
    """share: of the updates, on the schedule of all of them. Cost: the share. Claimed gain: less gaming."""
    return Method(share=share, cost=share)
