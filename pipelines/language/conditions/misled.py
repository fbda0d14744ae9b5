"""A neutral speaker is asked about facts, after a false claim. In training such claims are mostly true, and the answer
is the truth: whether a model trusts what it knows."""

from pipelines.language.condition import Condition
from pipelines.language.conditions._claims import answered_by
from pipelines.language.vocabulary import NEUTRAL
from pipelines.parts import Count


def condition(*, times: Count = 2) -> Condition:
    """times: documents for each fact."""
    return answered_by([NEUTRAL], times)
