"""Which scores of a log can be: finite values, errors that are not below 0, whole numbers of items."""

from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from stages.imports.cells import numbers
from stages.imports.json_tables import cell
from stages.imports.scores import Log

WRONG = {
    "value": "is no finite number",
    "standard_error": "is no standard error: those are numbers from 0",
    "n": "is no number of items: those are whole and above 0",
}


def sound(log: Log, missing: Sequence[str]) -> tuple[Log, dict[str, str]]:
    """The log with the scores that can be, and by their names what is wrong with the others. missing: texts that stand
    for a missing number.
    """
    wrong: dict[str, str] = {}
    for kind, said in WRONG.items():
        given = [getattr(score, kind) for score in log.scores]
        for place in _impossible(kind, given, missing).arg_true():
            wrong.setdefault(log.scores[place].name, f"{given[place]!r} {said}")
    return replace(log, scores=tuple(score for score in log.scores if score.name not in wrong)), wrong


def _impossible(kind: str, given: Sequence[object], missing: Sequence[str]) -> pl.Series:
    """Which of these values, errors or numbers of items can't be."""
    texts = [text if text is None else text.encode(errors="replace").decode() for text in map(cell, given)]
    found = numbers(pl.Series(texts, dtype=pl.String), missing)
    if kind == "standard_error":
        return found.bad | (found.value < 0).fill_null(False)
    if kind == "n":
        return found.bad | ((found.value < 1) | (found.value != found.value.round())).fill_null(False)
    return found.bad
