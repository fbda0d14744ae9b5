"""What an attack may reach: the images within a radius of the clean ones, in the L-infinity or the L2 norm."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Norm = Literal["linf", "l2"]


@dataclass(frozen=True)
class Ball:
    """All changes of a norm of at most `epsilon`, pixels being in [0, 1]."""

    norm: Norm
    epsilon: float

    def around(self, images: Tensor) -> "Reach":
        """What is within reach of these images. Raises ValueError unless their pixels are in [0, 1]."""
        check_pixels(images)
        reach = self.epsilon if self.norm == "linf" else 1.0
        return Reach(self, images, (images - reach).clamp(min=0), (images + reach).clamp(max=1))

    def start(self, count: int, size: int, generator: torch.Generator) -> Tensor:
        """Random changes [count, 3, size, size]: uniform in the L-infinity ball, or on the sphere of the L2 ball."""
        if self.norm == "linf":
            return self.epsilon * (2 * torch.rand(count, 3, size, size, generator=generator) - 1)
        return self.epsilon * normalised(torch.randn(count, 3, size, size, generator=generator))

    def direction(self, gradients: Tensor) -> Tensor:
        """The steepest ascent of unit length: the sign, or the gradient at length 1; 0 where the gradient is 0."""
        return gradients.sign() if self.norm == "linf" else normalised(gradients)

    def all_pixels(self, size: int) -> "Ball":
        """The ball of the same norm from whose every point a grey image is within reach."""
        return Ball(self.norm, 0.5 if self.norm == "linf" else 0.5 * (3 * size * size) ** 0.5)


@dataclass(frozen=True)
class Reach:
    """Clean images [n, 3, size, size] and the lowest and highest value of each of their pixels within reach."""

    ball: Ball
    images: Tensor
    low: Tensor
    high: Tensor

    def project(self, points: Tensor) -> Tensor:
        """The points brought within reach: for L-infinity the nearest ones, for L2 along the line to the clean image,
        then into the box, which takes nothing further away."""
        if self.ball.norm == "l2":
            change = points - self.images
            points = self.images + change * (self.ball.epsilon / lengths(change)).clamp(max=1)
        return torch.clamp(points, self.low, self.high)

    def keep(self, rows: Tensor) -> "Reach":
        """The same for some of the images."""
        return Reach(self.ball, self.images[rows], self.low[rows], self.high[rows])


def lengths(changes: Tensor) -> Tensor:
    """Euclidean norms [n, 1, 1, 1]; at least 1e-12, so that one can divide by them."""
    norms: Tensor = torch.linalg.vector_norm(changes, dim=(1, 2, 3), keepdim=True)
    return norms.clamp(min=1e-12)


def normalised(changes: Tensor) -> Tensor:
    """Changes at length 1; those of length 0 stay 0."""
    return changes / lengths(changes)


def check_pixels(images: Tensor) -> None:
    """Raise ValueError unless all pixels are in [0, 1]."""
    low, high = (float(value) for value in images.aminmax()) if images.numel() else (0.0, 1.0)
    if not (low >= 0 and high <= 1):
        raise ValueError(f"pixels go from {low:g} to {high:g}; an attack takes images in [0, 1]")
