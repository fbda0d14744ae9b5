"""Answers to pairs of images that should be answered alike: a frame and the one it is compared with."""

import numpy as np
from numpy.typing import NDArray

from pipelines.metrics._examples import known, known_rows
from pipelines.outcomes import Measured, Outcomes, Unmeasurable


def flips(outcomes: Outcomes) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which rows are compared [all rows], and whether the answer to each of these differs from the answer to the frame
    `compared_with` of the same part and example. Rows of no known class, and those whose other frame is not there, are
    not compared. Raises Unmeasurable.
    """
    logits, _ = known(outcomes)
    there = outcomes.inliers()
    answer = logits.argmax(axis=1)
    frame, other = (there.values[name].astype(np.int64) for name in ("frame", "compared_with"))
    keys = np.stack([np.tile(there.parts, 2), np.tile(there.examples, 2), np.concatenate([frame, other])])
    place = np.unique(keys, axis=1, return_inverse=True)[1].ravel()
    row_at = np.full(place.max() + 1, -1)
    row_at[place[: len(there)]] = np.arange(len(there))
    partner = row_at[place[len(there) :]]
    compared = (other >= 0) & (partner >= 0)
    if not compared.any():
        raise Unmeasurable("no examples that are compared with another frame")
    rows = known_rows(outcomes)
    rows[rows] = compared
    return rows, answer[compared] != answer[partner[compared]]


def mean_over_films(values: NDArray[np.bool_], rows: NDArray[np.bool_], outcomes: Outcomes) -> Measured:
    """The mean of one value for each of the chosen rows. Rows of one example go together, so the standard error is
    over examples, and an example's influence stands at the first of its rows; no error for one example.
    """
    _, first, film = np.unique(outcomes.examples[rows], return_index=True, return_inverse=True)
    n, films = len(values), len(first)
    each = np.bincount(film, weights=values - values.mean()) / n
    influence = np.zeros(len(rows))
    influence[np.flatnonzero(rows)[first]] = each
    error = float(np.sqrt(each @ each * films / (films - 1))) if films > 1 else None
    return Measured(float(values.mean()), error, n, influence)
