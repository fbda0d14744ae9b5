"""Vision transformer (Dosovitskiy et al. 2021, arXiv 2010.11929)."""

from torch import nn

from pipelines.parts import Count
from pipelines.vision.architecture import Architecture, at_least


def model(*, width: Count, patch: Count = 8, blocks: Count = 2) -> Architecture:
    """width: size of a token, a multiple of its heads (one for every 16, at least one). patch: side in pixels. blocks:
    of attention."""
    heads = max(1, width // 16)
    if width % heads:
        raise ValueError(f"'width' is {width}, not a multiple of {heads}, its number of heads")

    def build(classes: int, size: int) -> nn.Module:
        import timm

        at_least(size, patch, "vit")
        if size % patch:
            raise ValueError(f"vit cannot cut {size} pixels into patches of {patch}")
        return timm.create_model(
            "vit_tiny_patch16_224",
            num_classes=classes,
            img_size=size,
            patch_size=patch,
            embed_dim=width,
            depth=blocks,
            num_heads=heads,
        )

    return build
