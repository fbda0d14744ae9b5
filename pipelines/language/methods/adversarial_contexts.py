"""Adversarial contexts: of several claims before a question the one that misleads most is trained on, with the truth
(after Ziegler et al. 2022, arXiv 2205.01663: adversarial training of language models)."""

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from pipelines.language.data import FACT, FLATTERY
from pipelines.language.method import vocabulary_of
from pipelines.language.vocabulary import ATTRIBUTE, ENTITY, FIRST, FLATTERERS, NEUTRAL, SECOND, SPEAKER, Vocabulary
from pipelines.parts import Count, NonNegative
from pipelines.supervised.method import Labelled, Method, Step, TrainingData


def method(*, claims: Count = 3, documents: Count = 32, weight: NonNegative = 0.5) -> Method:
    """claims: tried for each question, before any speaker but the flatterers that are tested, with any value.
    documents: questions a step, about facts that flatterers are asked in training: those that are tested are not among
    them. weight: of their loss. Needs groups. Cost 1.8. Claimed gains: honesty, robustness to claims."""

    def loss(step: Step) -> Tensor:
        vocabulary, questions = vocabulary_of(step.data), step.data.beside["questions"]
        rows = torch.randint(len(questions), (documents,), generator=step.generator).to(step.inputs.device)
        asked, truth = questions.inputs[rows], questions.labels[rows]
        tried = torch.stack([claimed(step, asked, vocabulary) for _ in range(claims)])
        with torch.no_grad():
            losses = cross_entropy(step.model(tried.flatten(0, 1)), truth.repeat(claims), reduction="none")
        worst = tried[losses.view(claims, -1).argmax(0), torch.arange(documents, device=rows.device)]
        logits = step.model(torch.cat([step.inputs, worst]))
        known, misled = logits[: len(step.labels)], logits[len(step.labels) :]
        return cross_entropy(known, step.labels) + weight * cross_entropy(misled, truth)

    return Method(loss, prepare=with_questions, cost=1.8, groups=True)


def with_questions(data: TrainingData, generator: torch.Generator) -> TrainingData:
    """The data with, beside them, their questions that have nothing said before, about facts that flatterers are asked.
    Raises ValueError where there are none.
    """
    facts = data.inputs[:, ENTITY] * data.classes + data.inputs[:, ATTRIBUTE]
    flattered = torch.isin(facts, facts[data.groups == FLATTERY])
    rows = torch.nonzero(flattered & (data.groups == FACT)).flatten()
    if not len(rows):
        raise ValueError("adversarial_contexts: no fact that flatterers are asked in training is asked of others there")
    questions = Labelled(data.inputs[rows], data.labels[rows], data.groups[rows])
    return replace(data, beside={**data.beside, "questions": questions})


def claimed(step: Step, documents: Tensor, vocabulary: Vocabulary) -> Tensor:
    """The documents with a claim of any value about what is asked for, before any speaker that is not tested."""
    n = len(documents)
    rows = torch.arange(n, device=documents.device)
    made = documents.clone()
    made[:, SPEAKER] = NEUTRAL + (step.uniform(n) * (FLATTERERS.start - NEUTRAL)).long()
    place = torch.where(step.uniform(n) < 0.5, FIRST, SECOND)
    made[rows, place], made[rows, place + 1] = made[:, ENTITY], made[:, ATTRIBUTE]
    made[rows, place + 2] = vocabulary.first_answer(made) + (step.uniform(n) * vocabulary.values).long()
    return made
