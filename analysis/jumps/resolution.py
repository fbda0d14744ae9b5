"""Which positions to run next inside a jump's bracket, and whether the jump stayed sharp once they were run.

A real jump stays as abrupt as the grid allows when the grid is refined; a steep smooth curve shows its width.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from analysis.jumps.families import Array
from analysis.jumps.shape import Jump

RUNGS = 3


def proposed(x: Array, change: Jump, *, rungs: int = RUNGS) -> Array:
    """The positions (rungs,) to run: evenly inside the interval of the change point, widened to the positions next to
    it.

    x (points,) are the positions there are, increasing.
    """
    low = x[max(int(np.searchsorted(x, change.change_low, side="right")) - 1, 0)]
    high = x[min(int(np.searchsorted(x, change.change_high, side="left")), len(x) - 1)]
    if high <= low:
        low, high = x[max(int(np.searchsorted(x, low)) - 1, 0)], x[min(int(np.searchsorted(x, high)) + 1, len(x) - 1)]
    result: Array = np.linspace(low, high, rungs + 2)[1:-1]
    return result


class Extent(NamedTuple):
    """Where a jump is and how large: what of it must hold when the grid is refined."""

    change_point: float
    change_low: float
    change_high: float
    amplitude_low: float
    amplitude_high: float
    width: float


def extent(source: Any) -> Extent:
    """The extent of a Jump, or of a row of the table JUMPS."""
    of = source.get if isinstance(source, Mapping) else lambda name: getattr(source, name)
    return Extent(*map(of, Extent._fields))


def stays_sharp(before: Extent, after: Extent) -> bool:
    """Whether, with the proposed positions run, the transition fits inside the former interval of the change point,
    which itself narrowed to half or less, and the amplitude kept its 90 % interval.
    """
    former = before.change_high - before.change_low
    narrowed = after.change_high - after.change_low <= former / 2 and after.width <= former
    inside = before.change_low <= after.change_point <= before.change_high
    kept = before.amplitude_low <= after.amplitude_high and after.amplitude_low <= before.amplitude_high
    return bool(narrowed and inside and kept)
