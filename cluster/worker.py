"""What runs on the cluster: an item, guarded, and the clock that its time limit goes by."""

import time
import traceback
from typing import Any

from cluster.packing import Packed, pickled, unpacked, unpickled


class Clock:
    """An actor that knows how long ago each item's last attempt began, by its own clock."""

    def __init__(self) -> None:
        self.began: dict[int, float] = {}

    def begin(self, number: int) -> None:
        """Say that an item's attempt begins now."""
        self.began[number] = time.monotonic()

    def ages(self) -> dict[int, float]:
        """Seconds since each began."""
        now = time.monotonic()
        return {number: now - began for number, began in self.began.items()}


def guarded(function: bytes, item: bytes, shared: Packed, clock: Any, number: int) -> tuple[bool, Any, float]:
    """Run in the worker: whether a pickled function took a pickled item, its value, pickled, and the seconds that took.
    An exception comes back as text, since its class may not exist where it is read.
    """
    if clock is not None:
        clock.begin.remote(number)
    start = time.perf_counter()
    try:
        value = pickled(unpickled(function)(unpickled(item), unpacked(shared)))
        return True, value, time.perf_counter() - start
    except Exception as error:
        return False, (type(error).__name__, str(error), traceback.format_exc()), time.perf_counter() - start
