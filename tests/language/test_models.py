"""Every family: what it gives, and that the answer depends on what stands in the document."""

import numpy as np
import pytest
import torch

from pipelines import parts
from pipelines.language import domain
from pipelines.language.architecture import LanguageModel, build
from pipelines.language.data import Dataset
from pipelines.language.training import documents_of
from pipelines.language.vocabulary import LENGTH

PACKAGE = "pipelines.language.models"
FAMILIES = parts.names(PACKAGE)
SHAPE = {"use": "facts", "options": {"train": 600, "entities": 20, "attributes": 2, "values": 4}}


def made(family: str, world: Dataset, width: int = 8, seed: int = 0) -> LanguageModel:
    model = build(parts.load(PACKAGE, family, {"width": width}), world.world.vocabulary.size, seed)
    assert isinstance(model, LanguageModel)
    return model.eval()


@pytest.mark.parametrize("family", FAMILIES)
def test_logits_are_of_all_tokens_and_depend_on_the_seed(family: str, world: Dataset) -> None:
    documents = documents_of(world.splits["context"])
    logits = made(family, world)(documents)
    assert logits.shape == (40, world.world.vocabulary.size)
    assert torch.equal(logits, made(family, world)(documents))
    assert not torch.allclose(logits, made(family, world, seed=1)(documents))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("place", range(LENGTH))
def test_every_token_is_read(family: str, place: int, world: Dataset) -> None:
    documents = documents_of(world.splits["context"])
    other = documents.clone()
    other[:, place] = (other[:, place] + 1) % world.world.vocabulary.size
    model = made(family, world)
    assert (model(documents) - model(other)).abs().amax(1).min() > 1e-5


@pytest.mark.parametrize("family", FAMILIES)
def test_a_state_halfway_knows_nothing_of_what_comes_after(family: str, world: Dataset) -> None:
    documents = documents_of(world.splits["context"])
    other = documents.clone()
    other[:, -1] = (other[:, -1] + 1) % world.world.vocabulary.size
    backbone = made(family, world).backbone
    before, after = backbone.halfway(documents), backbone.halfway(other)
    assert torch.allclose(before[:, :-1], after[:, :-1], atol=1e-6)
    assert not torch.allclose(before[:, -1], after[:, -1])


@pytest.mark.parametrize("family", FAMILIES)
def test_cost_rises_with_width(family: str) -> None:
    shape = domain.shape(SHAPE)
    costs = [domain.cost({"use": family, "options": {"width": width}}, shape) for width in (8, 16, 32)]
    assert np.all(np.diff([cost.parameters for cost in costs]) > 0)
    assert np.all(np.diff([cost.flops_an_example for cost in costs]) > 0)


def test_a_model_that_does_not_fit_is_refused() -> None:
    shape = domain.shape(SHAPE)
    with pytest.raises(ValueError, match=r"^'width' is 9, not a multiple of 'heads', 2$"):
        domain.cost({"use": "transformer", "options": {"width": 9}}, shape)
    with pytest.raises(ValueError, match=r"^too large: "):
        domain.cost({"use": "gru", "options": {"width": 100_000}}, shape)
