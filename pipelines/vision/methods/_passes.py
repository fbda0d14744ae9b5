"""A trained model's outputs on all images of a split."""

from collections.abc import Callable

import torch
from torch import Tensor

from pipelines.vision.method import pixels

BATCH = 250


@torch.no_grad()
def outputs(function: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """A function of float images in [0, 1] on uint8 ones [n, 3, size, size], batch by batch."""
    return torch.cat([function(pixels(batch)) for batch in images.split(BATCH)])
