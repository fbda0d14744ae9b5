"""When a number that was made again is the same as the one held, but for rounding."""

import math


def near(again: float, held: float) -> bool:
    """Whether two numbers differ by rounding at most."""
    return math.isclose(again, held, rel_tol=1e-9, abs_tol=1e-12)
