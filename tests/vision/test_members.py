"""What members say: closed forms, a model alone, several; and the images that uncertainty is judged on."""

import numpy as np
import pytest
import torch
from scipy.stats import entropy
from torch import Tensor

from pipelines import parts
from pipelines.metrics import aleatoric_auroc, epistemic_auroc
from pipelines.outcomes import Outcomes, Unmeasurable
from pipelines.supervised.classifier import Classifier
from pipelines.vision.architecture import ImageClassifier, build
from pipelines.vision.condition import Condition
from pipelines.vision.conditions._members import MEMBERS, agreement
from pipelines.vision.data import Dataset

PACKAGE = "pipelines.vision.conditions"


class Several(ImageClassifier):
    """Averages the logits of small networks of other seeds."""

    def __init__(self, seeds: int):
        made = [
            build(parts.load("pipelines.vision.models", "resnet", {"width": 4}), 10, 32, seed=s) for s in range(seeds)
        ]
        super().__init__(made[0].backbone)
        self.made = torch.nn.ModuleList(made)

    def member_logits(self, images: Tensor) -> Tensor:
        return torch.stack([one(images) for one in self.made])

    def forward(self, images: Tensor) -> Tensor:
        return self.member_logits(images).mean(0)


def outcomes_of(name: str, glyphs: Dataset, classifier: Classifier, **options: object) -> Outcomes:
    condition: Condition = parts.load(PACKAGE, name, options)
    examples = condition.examples(glyphs, np.random.default_rng(0))
    return condition.outcomes(classifier, examples, torch.Generator().manual_seed(0))


def test_members_that_are_sure_of_different_classes() -> None:
    """Their mean is a coin toss or a die, all of it for want of knowledge; uniform members know that it is one."""
    sure = 1e4 * np.eye(3, dtype=np.float32)
    logits = np.stack([sure, sure[[0, 0, 1]], np.zeros((3, 3), np.float32)])  # [examples, members, classes]
    found = agreement(logits)
    assert found["mutual_information"] == pytest.approx([np.log(3), entropy([2 / 3, 1 / 3]), 0], abs=1e-6)
    assert found["aleatoric"] == pytest.approx([0, 0, np.log(3)], abs=1e-6)
    assert found["disagreement"] == pytest.approx([1, 2 / 3, 0])
    assert (found["members"] == 3).all()


def test_values_are_their_definitions() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 3, (40, 4, 5)).astype(np.float32)
    p = np.exp(logits.astype(np.float64)) / np.exp(logits.astype(np.float64)).sum(axis=2, keepdims=True)
    answers = logits.argmax(axis=2)
    pairs = [(a, b) for a in range(4) for b in range(a)]
    found = agreement(logits)
    aleatoric = np.mean([entropy(p[:, k], axis=1) for k in range(4)], axis=0)
    assert np.allclose(found["aleatoric"], aleatoric, atol=1e-6)
    assert np.allclose(found["mutual_information"], entropy(p.mean(axis=1), axis=1) - aleatoric, atol=1e-6)
    assert np.allclose(found["disagreement"], np.mean([answers[:, a] != answers[:, b] for a, b in pairs], axis=0))


@pytest.mark.parametrize("name", ["uncertainty", "members"])
def test_a_model_alone_is_one_member(name: str, glyphs: Dataset, classifier: Classifier) -> None:
    options = {"images": 3} if name == "members" else {}
    found = outcomes_of(name, glyphs, classifier, **options)
    assert set(found.values) == set(MEMBERS)
    assert (found.values["members"] == 1).all()
    assert not found.values["mutual_information"].any()
    assert not found.values["disagreement"].any()
    assert (found.values["aleatoric"] > 0).all()


def test_blends_show_two_classes_and_share_no_image_with_those_of_one(glyphs: Dataset, classifier: Classifier) -> None:
    condition: Condition = parts.load(PACKAGE, "uncertainty")
    split, rows = (made := condition.examples(glyphs, np.random.default_rng(0))).split, made.rows
    test = glyphs.splits["test"]
    alone, blended, outlying = split.labels >= 0, split.groups >= 0, split.labels < 0
    alone &= ~blended
    assert alone.sum() + blended.sum() == len(test)
    assert not set(rows[alone]) & set(rows[blended])
    assert np.array_equal(split.images[alone], test.images[rows[alone]])
    assert np.array_equal(split.labels[alone | blended], test.labels[rows[alone | blended]])
    assert (split.groups[blended] != split.labels[blended]).all()
    # twice a blend less its first image is its second, one of the test images of the group's class
    second = 2.0 * split.images[blended] - test.images[rows[blended]]
    others = test.images[rows[blended]].astype(float)
    distance = np.abs(second[:, None] - others[None]).max(axis=(2, 3, 4))
    assert (distance.min(axis=1) <= 1).all()
    assert np.array_equal(test.labels[rows[blended]][distance.argmin(axis=1)], split.groups[blended])
    assert np.array_equal(split.images[outlying], glyphs.splits["far_outliers"].images)


def test_several_members_have_both_kinds_of_uncertainty(glyphs: Dataset) -> None:
    found = outcomes_of("uncertainty", glyphs, Several(3), features=True)
    assert (found.values["members"] == 3).all()
    assert (found.values["mutual_information"] > 0).mean() > 0.9
    assert found.features is not None
    assert len(found.features) == len(found)
    assert 0 <= aleatoric_auroc.metric()(found).value <= 1
    assert 0 <= epistemic_auroc.metric()(found).value <= 1
    with pytest.raises(Unmeasurable, match=r"^no outcomes on training and validation images$"):
        epistemic_auroc.metric(by="density")(found)


@pytest.mark.parametrize(("shift", "parts_of_it"), [("none", 0), ("corruptions", 85), ("held_out_fonts", None)])
def test_members_see_shifted_images(shift: str, parts_of_it: int | None, glyphs: Dataset) -> None:
    found = outcomes_of("members", glyphs, Several(2), shift=shift, images=2)
    assert set(np.unique(found.values["disagreement"])) <= {0, 1}
    if parts_of_it is None:
        assert found.part_names == glyphs.splits["held_out_fonts"].part_names
    else:
        assert len(found.part_names) == parts_of_it
