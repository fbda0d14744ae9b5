"""The worst point of every image that any attack has found, by what the model itself makes of it, in float32."""

import copy

import torch
from torch import Tensor

from pipelines.vision.attacks._balls import check_pixels
from pipelines.vision.attacks._losses import margins
from pipelines.vision.attacks._watch import Model, Watch


class Broken(ArithmeticError):
    """A model whose outputs are infinite or not numbers."""


class Worst:
    """For each image the point with the least margin so far (at first the image itself), and its logits there.

    An image stands while the class of its highest logit, the first where several share it, is its label.
    """

    def __init__(self, model: Model, images: Tensor, labels: Tensor):
        check_pixels(images)
        self.model, self.images, self.labels = model, images, labels
        self.points = images.clone()
        self.clean_logits = torch.cat([self.true_logits(batch) for batch in images.split(batch_of(images))])
        self.logits = self.clean_logits.clone()
        self.margins = margins(self.logits, labels)

    def standing(self) -> Tensor:
        """The positions of the images that the model still has right."""
        return (self.logits.argmax(1) == self.labels).nonzero()[:, 0]

    def rightly_seen(self) -> Tensor:
        """The positions of the images that the model has right when nothing is changed."""
        return (self.clean_logits.argmax(1) == self.labels).nonzero()[:, 0]

    def part(self, rows: Tensor) -> "Worst":
        """The same for some of the images, on its own from here on."""
        chosen = copy.copy(self)
        for name in ("images", "labels", "points", "clean_logits", "logits", "margins"):
            setattr(chosen, name, getattr(self, name)[rows])
        return chosen

    def offer(self, rows: Tensor, points: Tensor) -> Tensor:
        """Look at points of these images with the model itself; whether each breaks its image."""
        logits = self.true_logits(points)
        margin = margins(logits, self.labels[rows])
        broken = logits.argmax(1) != self.labels[rows]
        worse = margin < self.margins[rows]
        chosen = rows[worse]
        self.points[chosen], self.logits[chosen], self.margins[chosen] = points[worse], logits[worse], margin[worse]
        return broken

    def watch(self, rows: Tensor, error: float) -> Watch:
        """For an attack on these images with a model whose margins are off by up to `error`: every point that may break
        its image is looked at by the model itself, and the image dropped where it does."""

        def drop(batch: Tensor, points: Tensor, logits: Tensor) -> Tensor:
            labels = self.labels[rows[batch]]
            dropped = (margins(logits, labels) < error) | (logits.argmax(1) != labels)
            if dropped.any():
                dropped[dropped.clone()] = self.offer(rows[batch[dropped]], points[dropped])
            return dropped

        return drop

    def true_logits(self, points: Tensor) -> Tensor:
        """Logits by the model itself, in float32. Raises Broken."""
        with torch.no_grad():
            logits = self.model(points).float()
        bad = int((~logits.isfinite().all(1)).sum())
        if bad:
            raise Broken(f"logits of {bad} of {len(logits)} images are not finite: there is no model to attack")
        return logits


def batch_of(images: Tensor) -> int:
    """How many images an attack takes at a time, on their device."""
    return 125 if images.device.type == "cpu" else 1000
