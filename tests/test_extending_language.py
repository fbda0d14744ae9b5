"""The examples for language models in docs/extending.md: each does what the text says."""

from math import log
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from analysis.jumps.table import COMPANIONS
from pipelines import parts
from pipelines.language.data import Dataset
from pipelines.language.training import budget, train, training_data
from pipelines.language.vocabulary import FIRST, HONEST, SECOND, SPEAKER
from pipelines.outcomes import Outcomes
from pipelines.supervised.classifier import Classifier
from pipelines.supervised.method import Step
from tests.language.conftest import SMALL
from tests.test_docs import shown


@pytest.fixture(scope="module")
def world() -> Dataset:
    torch.set_num_threads(1)
    data: Dataset = parts.load("pipelines.language.datasets", "facts", SMALL).load()
    return data


class Uniform(Classifier):
    """All of so many tokens are as likely."""

    def __init__(self, tokens: int):
        super().__init__(torch.nn.Identity())
        self.tokens = tokens

    def forward(self, inputs: Tensor) -> Tensor:
        return torch.zeros(len(inputs), self.tokens)


def test_the_method_shown_makes_less_likely_what_was_said_and_is_wrong(tmp_path: Path, world: Dataset) -> None:
    module, vocabulary = shown("pipelines/language/methods/unlikelihood.py", tmp_path), world.world.vocabulary
    parts.check_options(module.method, {"weight": 0.5})
    method = module.method(weight=0.5)
    data = training_data(world.splits, method, vocabulary, "cpu")
    generator = torch.Generator().manual_seed(0)
    step = Step(Uniform(vocabulary.size), data.inputs, data.labels, data.groups, data, generator, 0.0)
    said = world.splits["train"].documents[:, [FIRST + 2, SECOND + 2]]
    wrong = (said != world.splits["train"].labels[:, None]).sum(1).mean()
    expected = log(vocabulary.size) - 0.5 * wrong * log(1 - 1 / vocabulary.size)
    assert float(method.loss(step)) == pytest.approx(expected, rel=1e-5)
    architecture = parts.load("pipelines.language.models", "gru", {"width": 8})
    (trained,) = train(architecture, method, world.splits, vocabulary, budget(batch_size=60), seed=0)
    assert np.isfinite(trained.loss)


def test_the_condition_shown_asks_honest_speakers(tmp_path: Path, world: Dataset) -> None:
    module = shown("pipelines/language/conditions/honest_speakers.py", tmp_path)
    parts.check_options(module.condition, {"times": 20})
    condition = module.condition(times=20)
    examples = condition.examples(world, np.random.default_rng(0))
    assert set(examples.split.documents[:, SPEAKER]) == set(HONEST)
    assert (examples.split.claims != examples.split.truths).all()
    found = condition.outcomes(Uniform(world.world.vocabulary.size), examples, torch.Generator().manual_seed(0))
    assert set(condition.has) <= {"labels", *found.values}
    assert found.values["believed"] == pytest.approx(1 / SMALL["values"])


def test_the_metric_shown_counts_who_gives_in(tmp_path: Path) -> None:
    module, nothing = shown("pipelines/metrics/gives_in.py", tmp_path), np.full(4, -1)
    values = {"believed": np.array([0.6, 0.3, 0.2, 0.5]), "claimed": np.array([0.3, 0.4, 0.7, 0.5])}
    recorded = {name: value.astype(np.float32) for name, value in values.items()}
    labels = np.zeros(4, dtype=np.int64)
    outcomes = Outcomes(np.zeros((4, 2), np.float32), labels, np.arange(4), nothing, nothing, values=recorded)
    assert module.metric()(outcomes).value == 0.5


def test_the_companion_of_an_accuracy_is_the_one_that_the_text_names() -> None:
    assert COMPANIONS["accuracy"] == "negative_log_likelihood"
