"""Images as they are shown: which image each outcome is of, and what is said where a model saw another."""

from typing import Any

import numpy as np
import pytest

from pipelines import parts
from pipelines.outcomes import Outcomes
from pipelines.showing import judged, places
from pipelines.supervised.classifier import Classifier
from pipelines.vision import domain, examples, running
from pipelines.vision.data import Dataset

AS_GIVEN: dict[str, dict[str, Any]] = {
    "attributions": {"images": 6},
    "linear_probe": {},
    "cue_swap": {},
    "robustness_curve": {"images": 4, "steps": 1, "square_queries": 1, "levels": [1, 2]},
}


def test_of_every_condition_it_is_known_whether_its_images_are_stored() -> None:
    names = set(parts.names("pipelines.vision.conditions"))
    assert names == {*examples.ATTACKED, *examples.AS_STORED, "smoothing"}
    assert "not stored" in examples.note({"use": "pgd", "options": {}})
    assert "before" not in examples.note({"use": "clean", "options": {}})
    assert "before a model sees them" in examples.note({"use": "mine", "options": {}})


@pytest.mark.parametrize("name", AS_GIVEN)
def test_each_outcome_is_shown_with_its_own_image(name: str, glyphs: Dataset, classifier: Classifier) -> None:
    """Also where outcomes are of some of the examples, or of each several times."""
    condition = {"use": name, "options": parts.full_options("pipelines.vision.conditions", name, AS_GIVEN[name])}
    made = domain.examples(condition, glyphs)
    outcomes = running.predict(condition, classifier, made, 0)
    found = places(outcomes, made.rows, made.split.labels, made.split.groups)
    assert found is not None
    assert np.array_equal(made.split.labels[found], outcomes.labels)
    assert np.array_equal(made.rows[found], outcomes.examples)
    if name == "attributions":  # images, not their masks
        assert set(made.split.groups[found]) == {0}
    shown = examples.given(condition, made, outcomes, np.array([0, len(outcomes) - 1]), domain.describe(glyphs))
    for each, row in zip(shown, (0, len(outcomes) - 1), strict=True):
        assert each.image is not None
        assert np.array_equal(each.image, made.split.images[found[row]])


def test_outliers_are_flagged_below_the_confidence_of_nearly_all_known_images() -> None:
    confident = np.linspace(0.6, 1, 101)
    sure = np.concatenate([confident, [0.61, 0.63]])
    logits = np.log(np.stack([sure, 1 - sure + 1e-9], axis=1)).astype(np.float32)
    labels = np.array([*[0] * 101, -1, -1])
    none = np.full(103, -1)
    found = judged(Outcomes(logits, labels, np.arange(103), none, none))
    assert found is not None
    assert found.good[-2:].tolist() == [1, 0]  # the threshold lies at .62, below which 5 % of the known are
    assert found.good[:101].all()


def test_outcomes_of_other_examples_have_no_place() -> None:
    none = np.full(4, -1)
    outcomes = Outcomes(np.zeros((4, 2), np.float32), np.zeros(4, int), np.arange(4), none, none)
    assert places(outcomes, np.arange(4), np.zeros(4, int), none) is not None
    assert places(outcomes, np.arange(4) + 1, np.zeros(4, int), none) is None
