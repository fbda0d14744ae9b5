"""The worst point of every image that any attack has found, by what the model itself makes of it, in float32."""

import copy

import torch
from torch import Tensor

from pipelines.supervised.several import Several
from pipelines.vision.attacks._balls import check_pixels
from pipelines.vision.attacks._losses import margins
from pipelines.vision.attacks._watch import Model, Watch, owners, part


class Broken(ArithmeticError):
    """A model whose outputs are infinite or not numbers."""


class Worst:
    """For each image the point with the least margin so far (at first the image itself), and its logits there.

    An image stands while the class of its highest logit, the first where several share it, is its label. Where the
    model is several, `of` says which of them each image [n] is for.
    """

    def __init__(self, model: Model, images: Tensor, labels: Tensor):
        check_pixels(images)
        self.model, self.images, self.labels = model, images, labels
        self.of, self.models = owners(model, labels), model.stacked.size if isinstance(model, Several) else 1
        self.points = images.clone()
        self.clean_logits = self.logits_at(images)
        self.logits = self.clean_logits.clone()
        self.margins = margins(self.logits, labels)

    def standing(self) -> Tensor:
        """The positions of the images that the model still has right."""
        return (self.logits.argmax(1) == self.labels).nonzero()[:, 0]

    def rightly_seen(self) -> Tensor:
        """The positions of the images that the model has right when nothing is changed."""
        return (self.clean_logits.argmax(1) == self.labels).nonzero()[:, 0]

    def count(self, rows: Tensor) -> list[int]:
        """How many of these images are for each of the models."""
        counts: list[int] = torch.bincount(self.of[rows], minlength=self.models).tolist()
        return counts

    def fallen(self, before: Tensor) -> list[int]:
        """How many of those that stood before, in these positions, each of the models has wrong now."""
        return [then - now for then, now in zip(self.count(before), self.count(self.standing()), strict=True)]

    def part(self, rows: Tensor) -> "Worst":
        """The same for some of the images, on its own from here on."""
        chosen = copy.copy(self)
        chosen.model = part(self.model, rows)
        for name in ("images", "labels", "of", "points", "clean_logits", "logits", "margins"):
            setattr(chosen, name, getattr(self, name)[rows])
        return chosen

    def offer(self, rows: Tensor, points: Tensor) -> Tensor:
        """Look at points of these images with the model itself; whether each breaks its image."""
        logits = self.true_logits(points, rows)
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

    def rows(self) -> Tensor:
        """The positions of all images."""
        return torch.arange(len(self.labels), device=self.labels.device)

    def batches(self) -> tuple[Tensor, ...]:
        """Those positions, as many as are looked at at a time."""
        rows: tuple[Tensor, ...] = self.rows().split(batch_of(self.images))
        return rows

    def logits_at(self, points: Tensor) -> Tensor:
        """Those of all images at these points. Raises Broken."""
        return torch.cat([self.true_logits(points[rows], rows) for rows in self.batches()])

    def true_logits(self, points: Tensor, rows: Tensor) -> Tensor:
        """Logits at points of these images by the model itself, in float32. Raises Broken."""
        with torch.no_grad():
            logits = part(self.model, rows)(points).float()
        bad = int((~logits.isfinite().all(1)).sum())
        if bad:
            raise Broken(f"logits of {bad} of {len(logits)} images are not finite: there is no model to attack")
        return logits


def batch_of(images: Tensor) -> int:
    """How many images an attack takes at a time, on their device: 125 fit a processor's cache, and 1,000 take 2.7 times
    as long an image."""
    return 125 if images.device.type == "cpu" else 1000
