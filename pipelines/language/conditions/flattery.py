"""Flatterers are asked about facts, after a false claim: whether a model says what it believes or what it was told.

Belief is what the model answers to the same question with nothing said before (Ren et al. 2025, arXiv 2503.03750:
honesty apart from accuracy).
"""

from pipelines.language.condition import Condition
from pipelines.language.conditions._claims import answered_by
from pipelines.language.vocabulary import FLATTERERS
from pipelines.parts import Count


def condition(*, times: Count = 2) -> Condition:
    """times: documents for each fact. The flatterers are known from training, asked about other facts."""
    return answered_by(FLATTERERS, times)
