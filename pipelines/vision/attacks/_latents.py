"""Corruptions whose latents an attacker chooses, by gradient ascent (Kaufmann et al. 2019, arXiv 1908.08016)."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from pipelines.vision.attacks._balls import check_pixels
from pipelines.vision.attacks._losses import cross_entropy
from pipelines.vision.attacks._watch import Model, Watch, drop_none, part


@dataclass(frozen=True)
class Corruption:
    """A change of images that can be differentiated by its latents, each in [-1, 1].

    latents  their shape for one image, from its side in pixels
    apply    images [n, 3, size, size] in [0, 1] and latents [n, ...] -> the corrupted images, in [0, 1]
    """

    latents: Callable[[int], tuple[int, ...]]
    apply: Callable[[Tensor, Tensor], Tensor]

    def start(self, count: int, size: int, generator: torch.Generator) -> Tensor:
        """Uniform latents."""
        return 2 * torch.rand(count, *self.latents(size), generator=generator) - 1


def worst_latents(
    model: Model,
    images: Tensor,
    labels: Tensor,
    start: Tensor,
    corruption: Corruption,
    *,
    steps: int,
    step_size: float = 0.25,
    watch: Watch = drop_none,
) -> Tensor:
    """For each image the last point, from the latents `start` by signed steps that raise the cross-entropy, or where
    `watch` had it dropped. Raises ValueError for pixels outside [0, 1]."""
    check_pixels(images)
    rows, latents = torch.arange(len(labels), device=labels.device), start
    found = images.clone()
    for _ in range(steps + 1):
        latents = latents.detach().requires_grad_(True)
        with torch.enable_grad():
            points = corruption.apply(images, latents)
            logits = model(points)
            (gradients,) = torch.autograd.grad(cross_entropy(logits, labels).sum(), latents)
        found[rows] = points.detach()
        kept = ~watch(rows, points.detach(), logits.detach())
        latents = (latents + step_size * gradients.sign()).detach().clamp(-1, 1)[kept]
        rows, images, labels, model = rows[kept], images[kept], labels[kept], part(model, kept)
        if not len(rows):
            break
    return found
