"""MLP-Mixer: mixing across patches, then channels, without attention (Tolstikhin et al. 2021, arXiv 2105.01601)."""

from torch import nn

from pipelines.parts import Count
from pipelines.vision.architecture import Architecture, at_least


def model(*, width: Count, patch: Count = 4, blocks: Count = 2) -> Architecture:
    """width: size of a token. patch: side in pixels. blocks: of mixing."""

    def build(classes: int, size: int) -> nn.Module:
        from timm.models.mlp_mixer import MlpMixer

        at_least(size, patch, "mixer")
        if size % patch:
            raise ValueError(f"mixer cannot cut {size} pixels into patches of {patch}")
        return MlpMixer(num_classes=classes, img_size=size, patch_size=patch, embed_dim=width, num_blocks=blocks)

    return build
