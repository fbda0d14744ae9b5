"""Probabilities and confidence from logits, in float64; rows are sorted where a sum must not depend on class order."""

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float64]


def log_softmax(logits: Reals) -> Reals:
    """Log probabilities [n, classes], at most 0."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))


def softmax(logits: Reals) -> Reals:
    """Probabilities [n, classes], in [0, 1]."""
    return np.exp(log_softmax(logits))


def confidence(logits: Reals) -> Reals:
    """The probability of the likeliest class [n], in (0, 1]."""
    ordered = np.sort(logits, axis=1)
    return np.asarray(1 / np.exp(ordered - ordered[:, -1:]).sum(axis=1))


def doubt(logits: Reals) -> Reals:
    """Log odds [n] against the likeliest class: ranks as one minus confidence does.

    Confidence itself rounds to 1 from a margin of 37 on and would tie examples that the logits tell apart.
    """
    ordered = np.sort(logits, axis=1)
    top, second, rest = ordered[:, -1], ordered[:, -2], ordered[:, :-1]
    return np.asarray(second - top + np.log(np.exp(rest - second[:, None]).sum(axis=1)))


def log_sum_exp(logits: Reals) -> Reals:
    """Minus the free energy at temperature 1 [n]."""
    ordered = np.sort(logits, axis=1)
    return np.asarray(ordered[:, -1] + np.log(np.exp(ordered - ordered[:, -1:]).sum(axis=1)))
