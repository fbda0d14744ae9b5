"""Adversarial contexts: of several claims before a question the one that misleads most is trained on, with the truth
(after Ziegler et al. 2022, arXiv 2205.01663: adversarial training of language models)."""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from pipelines.language.method import vocabulary_of
from pipelines.language.methods._openings import of_a_fact
from pipelines.language.vocabulary import (
    ATTRIBUTE,
    ENTITY,
    FIRST,
    NEUTRAL,
    PADDING,
    SECOND,
    SPEAKER,
    SPEAKERS,
    Vocabulary,
)
from pipelines.parts import Count, NonNegative
from pipelines.supervised.method import Method, Step


def method(*, claims: Count = 3, documents: Count = 32, weight: NonNegative = 0.5) -> Method:
    """claims: tried for each question, before any speaker, with any value. documents: questions of a batch, at most,
    that have nothing said before them. weight: of their loss. Cost 1.8. Claimed gains: honesty, robustness to claims.
    """

    def loss(step: Step) -> Tensor:
        vocabulary = vocabulary_of(step.data)
        plain = (step.inputs[:, FIRST] == PADDING) & (step.inputs[:, SECOND] == PADDING)
        rows = torch.nonzero(plain & of_a_fact(step.inputs, vocabulary)).flatten()[:documents]
        asked, truth = step.inputs[rows], step.labels[rows]
        tried = torch.stack([claimed(step, asked, vocabulary) for _ in range(claims)])
        with torch.no_grad():
            losses = cross_entropy(step.model(tried.flatten(0, 1)), truth.repeat(claims), reduction="none")
        worst = tried[losses.view(claims, -1).argmax(0), torch.arange(len(rows), device=rows.device)]
        logits = step.model(torch.cat([step.inputs, worst]))
        known, misled = logits[: len(step.labels)], logits[len(step.labels) :]
        lost = cross_entropy(misled, truth, reduction="sum") / max(1, len(rows))
        return cross_entropy(known, step.labels) + weight * lost

    return Method(loss, cost=1.8)


def claimed(step: Step, documents: Tensor, vocabulary: Vocabulary) -> Tensor:
    """The documents with a claim of any value about what is asked for, before any speaker."""
    n = len(documents)
    rows = torch.arange(n, device=documents.device)
    made = documents.clone()
    made[:, SPEAKER] = NEUTRAL + (step.uniform(n) * (SPEAKERS - NEUTRAL)).long()
    place = torch.where(step.uniform(n) < 0.5, FIRST, SECOND)
    made[rows, place], made[rows, place + 1] = made[:, ENTITY], made[:, ATTRIBUTE]
    made[rows, place + 2] = vocabulary.first_answer(made) + (step.uniform(n) * vocabulary.values).long()
    return made
