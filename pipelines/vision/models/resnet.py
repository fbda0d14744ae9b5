"""Residual network with one basic block per stage and four stages (He et al. 2016, arXiv 1512.03385)."""

import typing
from typing import Any, Literal

from torch import nn

from pipelines.parts import Count
from pipelines.vision.architecture import Architecture, at_least


def model(*, width: Count, stem_stride: Literal[1, 2, 4] = 4, blocks: Count = 1) -> Architecture:
    """width: channels of the first stage, even; they double at each of the next three. stem_stride: pixels per step
    of the first feature map (4 is fast, 1 is best for photographs of 32 pixels). blocks: per stage."""
    if width % 2:
        raise ValueError(f"'width' is {width}, not an even number")

    def build(classes: int, size: int) -> nn.Module:
        import timm

        at_least(size, 2 * stem_stride, "resnet")
        network: Any = timm.create_model(
            "resnet18",
            num_classes=classes,
            channels=(width, 2 * width, 4 * width, 8 * width),
            layers=(blocks,) * 4,
            stem_type="deep",
            stem_width=width // 2,
            avg_down=True,
        )
        if stem_stride < 4:
            network.maxpool = nn.Identity()
        if stem_stride < 2:
            first = network.conv1[0]
            first.stride = (1, 1)
        return typing.cast(nn.Module, network)

    return build
