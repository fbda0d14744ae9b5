"""Images as tensors: 8 bits, channels last in memory, while they are kept; floats in [0, 1] where a model sees them."""

import warnings

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def channels_first(images: NDArray[np.uint8]) -> Tensor:
    """[n, height, width, 3] as a tensor of shape [n, 3, height, width], without a copy: channels last in memory."""
    with warnings.catch_warnings():  # arrays from the object store are read-only, and stay unwritten
        warnings.simplefilter("ignore", UserWarning)
        return torch.from_numpy(images).permute(0, 3, 1, 2)


def pixels(images: Tensor) -> Tensor:
    """Float images in [0, 1] of uint8 ones."""
    return images.float() / 255
