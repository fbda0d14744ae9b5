"""Neural Cleanse: a trojan's target is the class that the smallest mask leads to (Wang et al. 2019, IEEE S&P).

For each class a mask and a pattern are sought that send images to it when put on them; a class that needs far less
than the others is suspect. With ten classes the spread that "far" is measured by comes from ten numbers, and some
classes need little in clean networks, too: `against_clean` compares each class with itself in clean networks.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy

from pipelines.vision.tensors import channels_first

from .networks import Images, Network
from .population import Population

TO_SIGMA = 1.4826  # the standard deviation of a normal sample whose median absolute deviation is 1
SIZES = "mask_sizes"  # the value of a population's networks that holds them
CHECK = 10  # steps between changes of the masks' weight


@dataclass(frozen=True)
class Search:
    """How a mask is sought.

    steps      of Adam
    images     drawn for each step
    rate       learning rate
    success    share of the images that have to reach the class for a mask to count
    weight     of the mask's size at first; doubled while it succeeds, divided by 2.8 while not
    """

    steps: int = 150
    images: int = 8
    rate: float = 0.1
    success: float = 0.95
    weight: float = 1e-3


def mask_sizes(network: Network, images: Images, search: Search, seed: int) -> NDArray[np.float64]:
    """The L1 size of the smallest mask found for each class [classes], in pixels; that of the whole image where none
    succeeded. All classes are sought at once. The images need no labels; the network's weights lose their gradients.
    """
    network.requires_grad_(False)
    generator = torch.Generator().manual_seed(seed)
    shown = channels_first(images).float() / 255
    classes, size = len(network(shown[:1])[0]), images.shape[1]
    masks = (0.1 * torch.randn(classes, 1, 1, size, size, generator=generator)).requires_grad_()
    patterns = (0.1 * torch.randn(classes, 1, 3, size, size, generator=generator)).requires_grad_()
    optimiser = torch.optim.Adam([masks, patterns], search.rate, betas=(0.5, 0.9))
    weights, smallest = torch.full((classes,), search.weight), torch.full((classes,), float(size**2))
    wanted = torch.arange(classes).repeat_interleave(search.images)
    reached = torch.zeros(classes)
    for step in range(search.steps):
        rows = torch.randint(len(shown), (search.images,), generator=generator)
        sizes, marked = put_on(shown[rows], masks, patterns)
        logits = network(marked)
        loss = cross_entropy(logits, wanted, reduction="sum") / search.images + (weights * sizes).sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        reached += (logits.argmax(1) == wanted).view(classes, -1).float().mean(1) / CHECK
        if (step + 1) % CHECK == 0:
            succeeded = reached >= search.success
            smallest = torch.where(succeeded, smallest.minimum(sizes.detach()), smallest)
            weights = weights * torch.where(succeeded, 2.0, 2**-1.5)
            reached = torch.zeros(classes)
    return smallest.double().numpy()


def put_on(images: Tensor, masks: Tensor, patterns: Tensor) -> tuple[Tensor, Tensor]:
    """The masks' sizes [classes] in pixels, and the images [b, 3, size, size] with each class's mask and pattern on
    them [classes x b, 3, size, size].
    """
    mask, pattern = (torch.tanh(each) / 2 + 0.5 for each in (masks, patterns))
    return mask.sum((1, 2, 3, 4)), ((1 - mask) * images + mask * pattern).flatten(0, 1)


def anomaly(sizes: NDArray[np.float64]) -> float:
    """How many deviations the smallest size lies below the median, the deviation being 1.4826 times the median
    absolute one: above 2 a trojan is suspected. 0 where all sizes are alike.
    """
    deviations = np.abs(sizes - np.median(sizes))
    spread = TO_SIGMA * float(np.median(deviations))
    return float((np.median(sizes) - sizes.min()) / spread) if spread > 0 else 0.0


def by_anomaly(seen: Population, tested: Population, seed: int) -> NDArray[np.float64]:
    """The anomaly of each of the tested networks, from its sizes alone."""
    return np.array([anomaly(sizes) for sizes in tested.values[SIZES]])


def against_clean(seen: Population, tested: Population, seed: int) -> NDArray[np.float64]:
    """How many deviations a network's smallest size lies below that of the same class in the clean networks to learn
    from, on the log scale: the largest such number over classes.
    """
    clean = np.log(seen.values[SIZES][~seen.trojaned])
    below = (clean.mean(axis=0) - np.log(tested.values[SIZES])) / clean.std(axis=0, ddof=1)
    return np.asarray(below.max(axis=1))


def found_targets(networks: Population) -> NDArray[np.int64]:
    """The class of the smallest size of each network [n]."""
    return np.asarray(networks.values[SIZES].argmin(axis=1))
