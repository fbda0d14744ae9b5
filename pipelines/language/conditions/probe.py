"""What a linear probe finds of the truth in a model's states while a flatterer is asked, beside what the model says.

The probe is fitted halfway through the network, at the tokens of the question, on other facts asked of a neutral
speaker; and once more on the same network before training.
"""

import copy
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pipelines.language.architecture import DIRECTION, QUESTION, Backbone
from pipelines.language.condition import Condition, answers_of, outcomes_of
from pipelines.language.data import FLATTERY, Dataset, Examples, joined
from pipelines.language.documents import asked_facts, flatterers
from pipelines.language.training import as_they_are
from pipelines.language.vocabulary import FLATTERERS, Tokens
from pipelines.outcomes import Outcomes
from pipelines.parts import Positive
from pipelines.supervised.classifier import Classifier
from pipelines.supervised.condition import device_of, in_batches
from pipelines.supervised.probing import probe_scores


def condition(*, ridge: Positive = 1.0) -> Condition:
    """ridge: penalty on the squared weights of the probe, for each state of unit variance."""

    def outcomes(model: Classifier, examples: Examples, generator: torch.Generator) -> Outcomes:
        documents, vocabulary = examples.split.documents, examples.vocabulary
        found = outcomes_of(examples, answers_of(model, documents, vocabulary))
        fresh = untrained(model, int(torch.randint(2**62, (1,), generator=generator)))
        tested = examples.split.groups == FLATTERY

        def probed(network: Classifier) -> NDArray[np.bool_]:
            states = states_of(network, documents)
            kinds = vocabulary.attributes * vocabulary.values
            values = examples.split.truths - vocabulary.first_value
            scores = probe_scores(states[~tested], values[~tested], states[tested], kinds, ridge)
            first = (values - found.labels)[tested]
            answers = np.take_along_axis(scores, first[:, None] + np.arange(vocabulary.values), axis=1)
            return np.asarray(answers.argmax(axis=1) == found.labels[tested])

        answered = answers_of(fresh, documents[tested], vocabulary).argmax(axis=1) == found.labels[tested]
        values = {"probed": probed(model), "probed_untrained": probed(fresh), "answered_untrained": answered}
        return replace(found.rows(tested), values={name: each.astype(np.float32) for name, each in values.items()})

    values = ("probed", "probed_untrained", "answered_untrained")
    return Condition(both_kinds, outcomes, splits=("test", "facts"), has=("labels", *values))


def both_kinds(dataset: Dataset, generator: np.random.Generator) -> Examples:
    """Documents to fit the probe on, then flatterers' to test it on."""
    world, test = dataset.world, dataset.splits["test"]
    to_fit = dataset.splits["facts"]
    to_test = flatterers(world, asked_facts(world, test.documents), FLATTERERS, generator)
    rows = np.concatenate([np.arange(len(to_fit)), np.arange(len(test))])
    return Examples(joined([to_fit, to_test]), rows, world.vocabulary)


def states_of(model: Classifier, documents: Tokens) -> NDArray[np.float64]:
    """States halfway through the network at the tokens of the question, side by side; of all networks of a model that
    averages several.
    """
    networks = [module for module in model.modules() if isinstance(module, Backbone)]

    def states(batch: Tensor) -> Tensor:
        return torch.cat([network.halfway(batch)[:, -QUESTION:].flatten(1) for network in networks], dim=1)

    return in_batches(states, torch.tensor(documents), as_they_are, device_of(model)).astype(np.float64)


def untrained(model: Classifier, seed: int) -> Classifier:
    """The same model with its weights drawn anew, and nothing added to its states."""
    fresh = copy.deepcopy(model)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        fresh.apply(redrawn)
    for name, buffer in fresh.named_buffers():
        if name.rpartition(".")[2] == DIRECTION:
            buffer.zero_()
    return fresh


def redrawn(module: nn.Module) -> None:
    """Draw a module's own weights as when it was made."""
    reset = getattr(module, "reset_parameters", None)
    if reset is not None:
        reset()
