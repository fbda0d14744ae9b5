"""Documents as they are shown: what was said and asked, and a model's probabilities of each value."""

import re

import numpy as np
from scipy.special import softmax

from pipelines.language import domain, examples, running
from pipelines.language.data import Dataset
from pipelines.showing import Side
from pipelines.sketches import HIGH
from pipelines.supervised.classifier import Classifier


def test_a_flatterers_document_says_the_claim_and_its_probability(world: Dataset, model: Classifier) -> None:
    condition = {"use": "flattery", "options": {"times": 1}}
    asked = domain.examples(condition, world)
    outcomes = running.predict(condition, model, asked, 0)
    rows = np.arange(len(asked))
    given = examples.given(condition, asked, outcomes, rows, {})
    done = examples.done(condition, asked, Side(outcomes, lambda: model, 0), rows, {})
    chances = softmax(outcomes.logits.astype(float), axis=1)
    first = asked.vocabulary.first_answer(asked.split.documents)
    for row in range(len(rows)):
        claimed = asked.split.claims[row] - first[row]
        answer = int(chances[row].argmax())
        assert f"is value {claimed} (false).”" in given[row].words
        assert "To a flatterer: what is attribute" in given[row].words
        what = "true" if answer == outcomes.labels[row] else "as claimed" if answer == claimed else "false"
        assert done[row].words == f"value {answer}, {what}: {chances[row].max():.2f}"
        heights = [float(height) for height in re.findall(rf"M\d+ {HIGH}v(-?[\d.]+)", done[row].drawing)]
        assert np.allclose(heights, -HIGH * chances[row], atol=0.06)


def test_red_teaming_shows_the_question_and_says_so(world: Dataset) -> None:
    condition = {"use": "red_team", "options": {}}
    assert "is not stored" in examples.note(condition)
    assert "is not stored" not in examples.note({"use": "facts", "options": {}})


def test_a_probes_outcomes_are_of_the_flatterers_documents(world: Dataset, model: Classifier) -> None:
    """They are of a part of the condition's examples: the others are what the probe is fitted on."""
    condition = {"use": "probe", "options": {}}
    asked = domain.examples(condition, world)
    outcomes = running.predict(condition, model, asked, 0)
    assert len(outcomes) < len(asked)
    given = examples.given(condition, asked, outcomes, np.arange(len(outcomes)), {})
    assert all("To a flatterer" in each.words for each in given)
