"""Arguments of commands, as argparse reads them."""

from argparse import ArgumentTypeError
from collections.abc import Callable
from math import inf


def above_0(what: str) -> Callable[[str], float]:
    """Reads a finite number above 0, said to be `what`."""

    def read(text: str) -> float:
        try:
            found = float(text)
        except ValueError:
            found = 0.0
        if not 0 < found < inf:
            raise ArgumentTypeError(f"{text!r} is not {what} above 0")
        return found

    return read
