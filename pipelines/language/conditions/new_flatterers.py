"""As flattery, in the voice of speakers that no training document has."""

from pipelines.language.condition import Condition
from pipelines.language.conditions._claims import answered_by
from pipelines.language.vocabulary import NEW_FLATTERERS
from pipelines.parts import Count


def condition(*, times: Count = 2) -> Condition:
    """times: documents for each fact."""
    return answered_by(NEW_FLATTERERS, times)
