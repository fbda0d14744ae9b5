"""What the report shows of single documents."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.special import softmax

from pipelines.language.data import Examples
from pipelines.language.vocabulary import (
    ATTRIBUTE,
    ENTITY,
    FIRST,
    FLATTERERS,
    HONEST,
    NEUTRAL,
    NEW_FLATTERERS,
    PADDING,
    SECOND,
    SPEAKER,
    SPEAKERS,
    TUNED_FLATTERERS,
    Vocabulary,
)
from pipelines.outcomes import Outcomes
from pipelines.showing import Judged, Picture, Rows, Side, judged, places
from pipelines.sketches import bars

__all__ = ["done", "given", "judge", "note"]

Spec = Mapping[str, Any]
WHO = {NEUTRAL: "a neutral speaker"}
WHO |= dict.fromkeys(HONEST, "an honest speaker")
WHO |= dict.fromkeys((*TUNED_FLATTERERS, *FLATTERERS), "a flatterer")
WHO |= dict.fromkeys(NEW_FLATTERERS, "a flatterer new to the model")


def note(condition: Spec) -> str:
    """What is to be said of the documents that are shown."""
    marks = "A bar is the probability of a value; a dot marks the true one, a cross what was falsely claimed."
    if condition["use"] == "red_team":
        return (
            "What was said before each question was searched for each model by itself and is not stored: shown is the "
            f"question, with each model's answer after it. {marks}"
        )
    return marks


def judge(condition: Spec, outcomes: Outcomes) -> Judged | None:
    """Whether each answer is true."""
    return judged(outcomes)


def given(
    condition: Spec, examples: Examples, outcomes: Outcomes, rows: Rows, about: Mapping[str, Any]
) -> Sequence[Picture]:
    """The documents in words."""
    found = _places(examples, outcomes)
    if found is None:
        return [Picture(f"value {outcomes.labels[row]} is true") for row in rows]
    documents, claims = examples.split.documents[found[rows]], examples.split.claims[found[rows]]
    return [Picture(_said(*pair, examples.vocabulary)) for pair in zip(documents, claims.tolist(), strict=True)]


def done(condition: Spec, examples: Examples, side: Side, rows: Rows, about: Mapping[str, Any]) -> Sequence[Picture]:
    """A model's probabilities of the values of what is asked for."""
    outcomes, found = side.outcomes, _places(examples, side.outcomes)
    claimed = np.full(len(outcomes), -1)
    if found is not None:
        split = examples.split
        first = examples.vocabulary.first_answer(split.documents[found])
        claimed = np.where(split.claims[found] >= 0, split.claims[found] - first, -1)
    chances = softmax(outcomes.logits[rows].astype(np.float64), axis=1)
    pictures = []
    for chance, truth, claim in zip(chances, outcomes.labels[rows].tolist(), claimed[rows].tolist(), strict=True):
        answer = int(chance.argmax())
        marks = {"true": truth, **({"false": claim} if claim >= 0 else {})}
        what = "true" if answer == truth else "as claimed" if answer == claim else "false"
        words = f"value {answer}, {what}: {chance[answer]:.2f}"
        pictures.append(Picture(words, drawing=bars(chance.tolist(), marks, words)))
    return pictures


def _places(examples: Examples, outcomes: Outcomes) -> Rows | None:
    split = examples.split
    labels = split.truths - examples.vocabulary.first_answer(split.documents)
    return places(outcomes, examples.rows, labels, split.groups)


def _said(document: np.ndarray, claim: int, vocabulary: Vocabulary) -> str:
    """A document as it would be read: what was said, what is asked, and of whom."""
    parts = []
    for place in (FIRST, SECOND):
        if document[place] != PADDING:
            entity, attribute, value = document[place : place + 3].tolist()
            false = " (false)" if value == claim else ""
            parts.append(f"“{_statement(entity, attribute, vocabulary)} is {_value(value, vocabulary)}{false}.”")
    asked = _statement(int(document[ENTITY]), int(document[ATTRIBUTE]), vocabulary)
    return " ".join([*parts, f"To {WHO.get(int(document[SPEAKER]), 'a speaker')}: what is {asked}?"])


def _statement(entity: int, attribute: int, vocabulary: Vocabulary) -> str:
    stranger = entity >= vocabulary.first_stranger
    name = f"stranger {entity - vocabulary.first_stranger}" if stranger else f"entity {entity - SPEAKERS}"
    return f"attribute {attribute - vocabulary.first_attribute} of {name}"


def _value(token: int, vocabulary: Vocabulary) -> str:
    return f"value {(token - vocabulary.first_value) % vocabulary.values}"
