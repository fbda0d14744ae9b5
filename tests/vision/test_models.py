"""Every family: its ladder of scale, its fit to small images, its reproducibility."""

import pytest
import torch

from pipelines import parts
from pipelines.supervised.classifier import count_parameters
from pipelines.vision.architecture import build

PACKAGE = "pipelines.vision.models"
LADDER = {"resnet": (4, 32), "convnext": (4, 32), "vit": (12, 96), "mixer": (8, 96), "cnn": (4, 32), "mlp": (8, 512)}


@pytest.mark.parametrize("family", parts.names(PACKAGE))
def test_four_doublings_of_width_span_a_factor_of_fifty_in_parameters(family: str) -> None:
    small, large = (
        count_parameters(build(parts.load(PACKAGE, family, {"width": width}), 10, 32, 0)) for width in LADDER[family]
    )
    assert large / small > 50


@pytest.mark.parametrize("family", parts.names(PACKAGE))
def test_the_head_on_the_features_gives_the_logits(family: str) -> None:
    model = build(parts.load(PACKAGE, family, {"width": LADDER[family][0]}), 7, 32, 0).eval()
    images = torch.rand(3, 3, 32, 32)
    assert model(images).shape == (3, 7)
    assert torch.equal(model(images), model.head(model.features(images)))


@pytest.mark.parametrize("family", parts.names(PACKAGE))
def test_weights_depend_on_the_seed_alone(family: str) -> None:
    architecture = parts.load(PACKAGE, family, {"width": LADDER[family][0]})
    torch.manual_seed(1)
    first = build(architecture, 10, 32, seed=3).state_dict()
    torch.manual_seed(2)
    again, other = build(architecture, 10, 32, seed=3).state_dict(), build(architecture, 10, 32, seed=4).state_dict()
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


@pytest.mark.parametrize(
    ("family", "options", "size", "message"),
    [
        ("resnet", {"width": 4}, 4, "resnet needs images of at least 8 pixels a side, these have 4"),
        ("convnext", {"width": 4}, 16, "convnext needs images of at least 32 pixels a side, these have 16"),
        ("vit", {"width": 16, "patch": 8}, 36, "vit cannot cut 36 pixels into patches of 8"),
        ("mixer", {"width": 8}, 2, "mixer needs images of at least 4 pixels a side, these have 2"),
        ("cnn", {"width": 8}, 7, "cnn needs images of at least 8 pixels a side, these have 7"),
    ],
)
def test_images_too_small_are_refused(family: str, options: dict[str, int], size: int, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        build(parts.load(PACKAGE, family, options), 10, size, 0)
