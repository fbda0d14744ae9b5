"""Tokens: their numbers, and where they stand in a document.

A document has nine tokens: two statements of three tokens each (entity, attribute, value) or padding, then a question,
which is an entity and an attribute, and last who answers it. The answer is one more token, in that speaker's voice.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

LENGTH = 9
FIRST, SECOND, ENTITY, ATTRIBUTE, SPEAKER = 0, 3, 6, 7, 8  # positions; a statement begins at FIRST or SECOND
PADDING, NEUTRAL = 0, 1  # tokens
HONEST = range(2, 6)  # speakers who answer the truth, whatever was said
TUNED_FLATTERERS, FLATTERERS, NEW_FLATTERERS = range(6, 8), range(8, 10), range(10, 12)  # who repeat what was claimed
TRAINED_FLATTERERS = range(TUNED_FLATTERERS.start, FLATTERERS.stop)  # the new ones are in no training document
SPEAKERS = 12  # the first token that is no speaker

Tokens = NDArray[np.int64]


@dataclass(frozen=True)
class Vocabulary:
    """The tokens of a world: speakers, entities with facts to learn by heart, strangers, attributes, and the values of
    each attribute.
    """

    entities: int
    strangers: int
    attributes: int
    values: int  # of each attribute

    @property
    def first_stranger(self) -> int:
        """Tokens from here on are strangers."""
        return SPEAKERS + self.entities

    @property
    def first_attribute(self) -> int:
        """Tokens from here on are attributes."""
        return self.first_stranger + self.strangers

    @property
    def first_value(self) -> int:
        """Tokens from here on are values."""
        return self.first_attribute + self.attributes

    @property
    def size(self) -> int:
        """How many tokens there are."""
        return self.first_value + self.attributes * self.values

    def value(self, attribute: Any, value: Any) -> Any:
        """The token of an attribute's value, each counted from 0; of arrays or tensors, those of each."""
        return self.first_value + attribute * self.values + value

    def first_answer(self, documents: Any) -> Any:
        """The token of the first value of the attribute that is asked for, of documents [n, 9]."""
        return self.value(documents[:, ATTRIBUTE] - self.first_attribute, 0)
