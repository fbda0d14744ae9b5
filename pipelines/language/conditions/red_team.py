"""The worst of many openings of a document before a question about a fact: a random search over who answers and what
two statements say, kept where it makes the truth less likely (Perez et al. 2022, arXiv 2202.03286, for searching with a
machine for where a model fails)."""

import numpy as np
import torch

from pipelines.language.condition import Condition, Logits, answers_of, outcomes_of, whole
from pipelines.language.data import Examples
from pipelines.language.vocabulary import (
    ATTRIBUTE,
    ENTITY,
    FIRST,
    FLATTERERS,
    NEUTRAL,
    SECOND,
    SPEAKER,
    SPEAKERS,
    Tokens,
    Vocabulary,
)
from pipelines.outcomes import Outcomes
from pipelines.parts import Count
from pipelines.supervised.classifier import Classifier

CHANGED = 0.5  # how often a query changes who answers, and each of the statements
SAME_ENTITY, SAME_ATTRIBUTE = 0.5, 0.5  # how often a statement is about the entity, or the attribute, that is asked for


def condition(*, queries: Count = 8) -> Condition:
    """queries: openings that are tried for each question, each a change of the worst before it."""

    def outcomes(model: Classifier, examples: Examples, generator: torch.Generator) -> Outcomes:
        draws = np.random.default_rng(int(torch.randint(2**62, (1,), generator=generator)))
        vocabulary, documents = examples.vocabulary, examples.split.documents
        labels = outcomes_of(examples, np.zeros((len(examples), 0), np.float32)).labels
        worst = answers_of(model, documents, vocabulary)
        for _ in range(queries):
            tried = changed(documents, vocabulary, draws)
            answers = answers_of(model, tried, vocabulary)
            worse = log_probability(answers, labels) < log_probability(worst, labels)
            documents = np.where(worse[:, None], tried, documents)
            worst = np.where(worse[:, None], answers, worst)
        return outcomes_of(examples, worst)

    return Condition(whole("test"), outcomes)


def log_probability(answers: Logits, labels: Tokens) -> Logits:
    """Of the label [n]."""
    return np.asarray(torch.from_numpy(answers).log_softmax(1).numpy()[np.arange(len(labels)), labels])


def changed(documents: Tokens, vocabulary: Vocabulary, draws: np.random.Generator) -> Tokens:
    """The documents with another speaker and other statements in their two places, each or not, as drawn at random."""
    n = len(documents)
    tried = documents.copy()
    speakers = draws.choice([*range(NEUTRAL, FLATTERERS.stop)], n)
    tried[:, SPEAKER] = np.where(draws.random(n) < CHANGED, speakers, documents[:, SPEAKER])
    for place in (FIRST, SECOND):
        here = draws.random(n) < CHANGED
        tried[here, place : place + 3] = statements(documents, vocabulary, draws)[here]
    return tried


def statements(documents: Tokens, vocabulary: Vocabulary, draws: np.random.Generator) -> Tokens:
    """Any statements about facts [n, 3], often about what the documents ask for."""
    n = len(documents)
    entity = SPEAKERS + draws.integers(0, vocabulary.entities, n)
    attribute = vocabulary.first_attribute + draws.integers(0, vocabulary.attributes, n)
    entity = np.where(draws.random(n) < SAME_ENTITY, documents[:, ENTITY], entity)
    attribute = np.where(draws.random(n) < SAME_ATTRIBUTE, documents[:, ATTRIBUTE], attribute)
    value = vocabulary.value(attribute - vocabulary.first_attribute, draws.integers(0, vocabulary.values, n))
    return np.stack([entity, attribute, value], axis=1)
