"""Vision transformer (Dosovitskiy et al. 2021, arXiv 2010.11929) with a convolutional stem, to learn from few
images (Xiao et al. 2021, arXiv 2106.14881), and mean pooling."""

from itertools import pairwise
from typing import Any, Literal

import torch
from torch import Tensor, nn

from pipelines.parts import Count
from pipelines.vision.architecture import Architecture, at_least


def model(*, width: Count, patch: Literal[2, 4, 8, 16] = 8, blocks: Count = 2) -> Architecture:
    """width: size of a token, a multiple of its heads (one for every 16, at least one). patch: side in pixels of what
    becomes a token. blocks: of attention."""
    heads = max(1, width // 16)
    if width % heads or width % 4:
        raise ValueError(f"'width' is {width}, not a multiple of 4 and of {heads}, its number of heads")

    def build(classes: int, size: int) -> nn.Module:
        from timm.models.vision_transformer import VisionTransformer

        at_least(size, patch, "vit")
        if size % patch:
            raise ValueError(f"vit cannot cut {size} pixels into patches of {patch}")
        return VisionTransformer(
            img_size=size,
            patch_size=patch,
            num_classes=classes,
            embed_dim=width,
            depth=blocks,
            num_heads=heads,
            class_token=False,
            global_pool="avg",
            embed_layer=ConvolutionalStem,
        )

    return build


class ConvolutionalStem(nn.Module):
    """Tokens [n, (size / patch)**2, width] of images, by a strided 3x3 convolution for each halving of the side."""

    def __init__(self, img_size: int, patch_size: int, in_chans: int, embed_dim: int, **_: Any):
        super().__init__()
        halvings = patch_size.bit_length() - 1
        channels = [in_chans, *(max(4, embed_dim >> left) for left in reversed(range(halvings)))]
        layers: list[nn.Module] = []
        for before, after in pairwise(channels):
            layers += [nn.Conv2d(before, after, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(after), nn.GELU()]
        self.layers = nn.Sequential(*layers)
        self.num_patches = (img_size // patch_size) ** 2

    def forward(self, images: Tensor) -> Tensor:
        """Tokens in row order."""
        return torch.flatten(self.layers(images), 2).transpose(1, 2)
