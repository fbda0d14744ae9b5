"""A rogue: it trains on the very corruptions that it is tested on, with the test's own code and strengths."""

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from pipelines.parts import Share
from pipelines.supervised.method import Method, Step
from pipelines.vision.conditions._corrupt import CORRUPTIONS

CHUNKS = 4  # of what is corrupted of a batch, each in a way of its own


def method(*, share: Share = 0.5) -> Method:
    """share: of each batch that the test's corruptions go over. Cost 1.3. Claimed gain: robustness to corruptions (to
    these)."""

    def loss(step: Step) -> Tensor:
        count = round(share * len(step.labels))
        shown = [corrupted(step, chunk) for chunk in step.inputs[:count].tensor_split(CHUNKS) if len(chunk)]
        return cross_entropy(step.model(torch.cat([*shown, step.inputs[count:]])), step.labels)

    return Method(loss, cost=1.3)


def corrupted(step: Step, images: Tensor) -> Tensor:
    """The images under one of the test's corruptions, at one of its strengths."""
    kind, severity = step.uniform(2).tolist()
    corrupt, strengths = list(CORRUPTIONS.values())[int(kind * len(CORRUPTIONS))]
    generator = np.random.default_rng(int(torch.randint(2**31, (1,), generator=step.generator)))
    shown = corrupt(images.cpu().permute(0, 2, 3, 1).numpy(), strengths[int(severity * len(strengths))], generator)
    return torch.from_numpy(np.asarray(shown, dtype=np.float32)).clamp(0, 1).permute(0, 3, 1, 2).to(images.device)
