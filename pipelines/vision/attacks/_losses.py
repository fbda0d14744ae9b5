"""What attacks raise or lower, one number an image."""

import torch
from torch import Tensor
from torch.nn import functional

LEAST_CLASSES = 4  # of the targeted DLR loss, which looks at the four highest logits


def margins(logits: Tensor, labels: Tensor) -> Tensor:
    """The label's logit over the highest other one [n]: negative where the model is wrong."""
    own = logits.gather(1, labels[:, None])
    others = logits.scatter(1, labels[:, None], -torch.inf).amax(1, keepdim=True)
    return (own - others)[:, 0]


def cross_entropy(logits: Tensor, labels: Tensor, targets: Tensor | None = None) -> Tensor:
    """Cross-entropy [n] of the labels; it has no targets.

    From the odds of the other classes: the usual way rounds to 0 from a margin of 17 on, this one from 103 on.
    """
    own = logits.gather(1, labels[:, None])
    others = logits.scatter(1, labels[:, None], -torch.inf)
    return functional.softplus(others.logsumexp(1) - own[:, 0])


def targeted_dlr(logits: Tensor, labels: Tensor, targets: Tensor) -> Tensor:
    """The target's logit less the label's, over the spread of the four highest [n]: the difference-of-logits ratio,
    which neither a shift nor a scale of the logits changes (Croce & Hein 2020, arXiv 2003.01690)."""
    top = logits.topk(LEAST_CLASSES, dim=1).values
    spread = top[:, 0] - (top[:, 2] + top[:, 3]) / 2
    rows = torch.arange(len(logits), device=logits.device)
    return (logits[rows, targets] - logits[rows, labels]) / spread.clamp(min=1e-12)


def check_classes(classes: int) -> None:
    """Raise ValueError where there are too few for the targeted DLR loss."""
    if classes < LEAST_CLASSES:
        raise ValueError(f"apgd-t (targeted DLR loss) needs at least {LEAST_CLASSES} classes, there are {classes}")
