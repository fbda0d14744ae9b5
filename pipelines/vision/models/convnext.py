"""ConvNeXt: depthwise 7x7 convolutions and inverted bottlenecks in four stages (Liu et al. 2022, arXiv 2201.03545)."""

from typing import Literal

from torch import nn

from pipelines.parts import Count
from pipelines.vision.architecture import Architecture, at_least


def model(*, width: Count, patch: Literal[1, 2, 4] = 4, blocks: Count = 1) -> Architecture:
    """width: channels of the first stage, doubled at each of the next three. patch: side of the stem's patches in
    pixels. blocks: per stage."""

    def build(classes: int, size: int) -> nn.Module:
        import timm

        at_least(size, 8 * patch, "convnext")
        return timm.create_model(
            "convnext_atto",
            num_classes=classes,
            depths=(blocks,) * 4,
            dims=(width, 2 * width, 4 * width, 8 * width),
            patch_size=patch,
        )

    return build
