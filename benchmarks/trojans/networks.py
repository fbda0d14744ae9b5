"""Tiny convolutional networks by the hundred: fresh from a seed, trained, and asked."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from pipelines.supervised.training import Diverged
from pipelines.vision.tensors import channels_first

Weights = dict[str, NDArray[np.float32]]
Images = NDArray[np.uint8]  # [n, size, size, 3]


class Network(nn.Module):
    """Logits [n, classes] of images [n, 3, size, size] in [0, 1]: two convolutions, each pooled, and a linear layer."""

    def __init__(self, classes: int, size: int, width: int = 8):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, width, 3, padding=1),
            nn.MaxPool2d(2),  # before the ReLU: the same, and four times less to clip
            nn.ReLU(),
            nn.Conv2d(width, 2 * width, 3, padding=1),
            nn.MaxPool2d(2),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(2 * width * (size // 4) ** 2, classes),
        )

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.layers((images - 0.5) / 0.25)
        return logits


@dataclass(frozen=True)
class Budget:
    """How much training a network gets: AdamW under a one-cycle schedule with this peak."""

    steps: int = 300
    batch_size: int = 64
    learning_rate: float = 1e-2
    weight_decay: float = 5e-4


def fresh(classes: int, size: int, seed: int) -> Network:
    """An untrained network, which the seed decides. Raises ValueError where the side is no multiple of 4."""
    if size % 4:
        raise ValueError(f"images of {size} pixels a side, not a multiple of 4")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Network(classes, size).to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def train(images: Images, labels: NDArray[np.int64], classes: int, budget: Budget, seed: int) -> Network:
    """A network trained on the images; the seed decides its first weights and the order. Raises Diverged."""
    network = fresh(classes, images.shape[1], seed)
    pixels, truth = channels_first(images).float() / 255, torch.from_numpy(labels)
    optimiser = torch.optim.AdamW(
        network.parameters(), budget.learning_rate, weight_decay=budget.weight_decay, fused=True
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, budget.learning_rate, total_steps=budget.steps)
    for rows in batches(len(labels), budget, torch.Generator().manual_seed(seed)):
        loss = cross_entropy(network(pixels[rows]), truth[rows])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    if not math.isfinite(loss.item()):
        raise Diverged(f"the loss is {loss.item()} after {budget.steps} steps")
    return network.eval()


def batches(count: int, budget: Budget, order: torch.Generator) -> Tensor:
    """Rows [steps, batch size]: as many random orders of all rows as it takes, one after the other."""
    needed = budget.steps * budget.batch_size
    orders = [torch.randperm(count, generator=order) for _ in range(math.ceil(needed / count))]
    return torch.cat(orders)[:needed].view(budget.steps, budget.batch_size)


@torch.inference_mode()
def logits_of(network: Network, images: Images) -> NDArray[np.float32]:
    """Logits [n, classes]."""
    return np.concatenate([network(batch.float() / 255).numpy() for batch in channels_first(images).split(500)])


def weights_of(network: Network) -> Weights:
    """The network's numbers, by name, as arrays of their own."""
    return {name: value.detach().contiguous().numpy().copy() for name, value in network.named_parameters()}


def restored(weights: Mapping[str, NDArray[np.float32]], classes: int, size: int) -> Network:
    """The network with these weights."""
    network = fresh(classes, size, seed=0)
    network.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})
    return network.eval()
