"""What stands before the question of a document, as tensors."""

import torch
from torch import Tensor

from pipelines.language.vocabulary import ATTRIBUTE, ENTITY, FIRST, NEUTRAL, PADDING, SECOND, SPEAKER, Vocabulary


def bare(documents: Tensor) -> Tensor:
    """The same questions to a neutral speaker, with nothing said before."""
    alone = documents.clone()
    alone[:, SPEAKER] = NEUTRAL
    alone[:, FIRST:ENTITY] = PADDING
    return alone


def of_a_fact(documents: Tensor, vocabulary: Vocabulary) -> Tensor:
    """Whether each asks for a fact, not for what it tells of a stranger."""
    return documents[:, ENTITY] < vocabulary.first_stranger


def claims_an_answer(documents: Tensor, vocabulary: Vocabulary) -> Tensor:
    """Whether something is said about the fact that is asked for, in each."""
    question = documents[:, ENTITY : ATTRIBUTE + 1]
    said = [(documents[:, place : place + 2] == question).all(1) for place in (FIRST, SECOND)]
    return torch.stack(said).any(0) & of_a_fact(documents, vocabulary)
