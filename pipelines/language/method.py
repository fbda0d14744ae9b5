"""What methods for language models know beside the tokens."""

from dataclasses import dataclass

from pipelines.language.vocabulary import Vocabulary
from pipelines.supervised.method import TrainingData


@dataclass(frozen=True)
class Documents(TrainingData):
    """What a run may learn from, with the vocabulary of its documents; `classes` are all tokens."""

    vocabulary: Vocabulary


def vocabulary_of(data: TrainingData) -> Vocabulary:
    """The vocabulary of the documents that a run learns from. Raises TypeError where it learns from something else."""
    if not isinstance(data, Documents):
        raise TypeError(f"a method for language models was given {type(data).__name__}, not Documents")
    return data.vocabulary
