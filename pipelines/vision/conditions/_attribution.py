"""What each pixel contributes to an answer, and what becomes of the answer without the pixels. One thing is explained
throughout: the logit margin, by which the label's logit is above the highest other. It does not saturate as a
probability does.
"""

import copy
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import rankdata
from torch import Tensor

from pipelines.supervised.classifier import Classifier

Attribution = Literal["integrated_gradients", "input_x_gradient", "saliency"]
IMAGES_AT_A_TIME, POINTS = 16, 16  # points on the path of integrated gradients; their product is a batch


def margins(model: Classifier, images: Tensor, labels: Tensor) -> Tensor:
    """Logit of the label less the highest other logit [n]."""
    logits: Tensor = model(images).float()
    own = torch.nn.functional.one_hot(labels, logits.shape[1]).bool()
    return logits[own] - logits.masked_fill(own, -torch.inf).amax(1)


def attributions(model: Classifier, images: Tensor, labels: Tensor, blank: Tensor, kind: Attribution) -> Tensor:
    """Attribution of the margin to each pixel, summed over its channels [n, pixels]; signed but for saliency."""
    from captum import attr  # takes a second to import, and nothing else needs it

    def explained(some: Tensor, their_labels: Tensor) -> Tensor:
        return margins(model, some, their_labels)

    maps = []
    batches = (tensor.split(IMAGES_AT_A_TIME) for tensor in (images, labels, blank))
    for some, label, ground in zip(*batches, strict=True):
        inputs = some.clone().requires_grad_()
        if kind == "integrated_gradients":
            found = attr.IntegratedGradients(explained).attribute(
                inputs, baselines=ground, additional_forward_args=label, n_steps=POINTS
            )
        elif kind == "input_x_gradient":
            found = attr.InputXGradient(explained).attribute(inputs, additional_forward_args=label)
        else:
            found = attr.Saliency(explained).attribute(inputs, additional_forward_args=label)
        maps.append(found.detach().sum(1).flatten(1))
    return torch.cat(maps)


@torch.no_grad()
def area_above_blank(
    model: Classifier, images: Tensor, labels: Tensor, blank: Tensor, order: Tensor, steps: int
) -> NDArray[np.float32]:
    """The mean margin [n] while the pixels are replaced by those of the blank image in an order [n, pixels], less the
    margin of the blank image: trapezoids over steps of equal numbers of pixels.
    """
    place = order.argsort(1)
    curve = []
    for step in range(steps + 1):
        gone = (place < round(step / steps * place.shape[1])).view(len(images), 1, *images.shape[2:])
        curve.append(margins(model, torch.where(gone, blank, images), labels))
    heights = torch.stack(curve, 1).cpu().numpy()
    return np.asarray((heights[:, 1:] + heights[:, :-1]).mean(1) / 2 - heights[:, -1], dtype=np.float32)


def share_inside(order: Tensor, mask: Tensor) -> NDArray[np.float32]:
    """The share [n] of an order's first pixels, as many as the mask [n, pixels] has, that are in the mask."""
    inside = mask.gather(1, order).float()
    first = torch.arange(mask.shape[1], device=mask.device) < mask.sum(1, keepdim=True)
    share: NDArray[np.float32] = ((inside * first).sum(1) / mask.sum(1).clamp(min=1)).cpu().numpy()
    return share


def agreement(one: Tensor, other: Tensor) -> NDArray[np.float32]:
    """Spearman's correlation [n] of the sizes of two attributions; 0 where one is the same everywhere."""
    ranks = [rankdata(np.abs(maps.cpu().numpy()), axis=1) for maps in (one, other)]
    first, second = (rank - rank.mean(axis=1, keepdims=True) for rank in ranks)
    size = np.sqrt((first**2).sum(axis=1) * (second**2).sum(axis=1))
    return np.asarray((first * second).sum(axis=1) / np.where(size > 0, size, 1), dtype=np.float32)


def randomised(model: Classifier, generator: torch.Generator) -> Classifier:
    """A copy in which the numbers of every weight tensor are in random order: it knows nothing, at the same scales."""
    other = copy.deepcopy(model)
    with torch.no_grad():
        for weights in other.parameters():
            order = torch.randperm(weights.numel(), generator=generator).to(weights.device)
            weights.copy_(weights.flatten()[order].view(weights.shape))
    return other
