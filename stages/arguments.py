"""Arguments that several commands take: what they accept, and what is said of the rest."""

from argparse import ArgumentTypeError, Namespace
from collections.abc import Callable
from math import inf
from pathlib import Path

from analysis.model_scores import COMPONENT
from analysis.schema import TableError


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


def score_of(chosen: Namespace) -> str:
    """The capability score that is asked for of an imported study. Raises TableError where none is named."""
    if chosen.score and not chosen.study:
        raise TableError("--score has no effect without --study: the capability score of a trained study is pc1")
    found: str = chosen.score or COMPONENT
    return found


def made(folder: Path, option: str = "--out") -> None:
    """Make a folder that is to be written into, named by this option. Raises TableError where it cannot be one."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TableError(f"{option}: {str(folder)!r} cannot be a folder: {error.strerror}") from error
