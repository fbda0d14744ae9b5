"""What makes a run's numbers: its training, its model made again, and its outcomes under a condition. All of it is in
the run's and the cell's key.
"""

from collections.abc import Collection, Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines import parts
from pipelines.supervised.classifier import Classifier
from pipelines.supervised.device import compute_reproducibly, device_for, device_name
from pipelines.supervised.method import Method
from pipelines.supervised.running import Running, restored
from pipelines.supervised.training import Trained
from pipelines.vision import training
from pipelines.vision.architecture import build
from pipelines.vision.data import Split
from pipelines.vision.training import budget

__all__ = ["device_for", "device_name", "predict", "restore", "train"]

Spec = Mapping[str, Any]


def part(kind: str, spec: Spec) -> Any:
    """The part that a specification names."""
    return parts.load(f"pipelines.vision.{kind}", spec["use"], spec["options"])


_running = Running(part)
architecture, learnt, predict = _running.architecture, _running.learnt, _running.predict


def train(run: Spec, splits: Mapping[str, Split], device: str, checkpoints: Collection[int] = ()) -> list[Trained]:
    """The trained model of a run, `{model, method, training, data, sibling, seed}`: at its checkpoints and, last,
    at the end. `sibling` is the condition whose second model it is, or None.
    """
    compute_reproducibly()
    method: Method = part("methods", run["method"])
    return training.train(
        architecture(run["model"], method),
        method,
        learnt(run, splits),
        run["data"]["classes"],
        budget(**run["training"]),
        run["seed"],
        device,
        checkpoints,
    )


def restore(run: Spec, weights: Mapping[str, NDArray[np.generic]], device: str) -> Classifier:
    """The model with the weights of a finished run, ready to be evaluated."""
    compute_reproducibly()
    method: Method = part("methods", run["method"])
    fresh = partial(build, architecture(run["model"], method), run["data"]["classes"], run["data"]["size"])
    return restored(method, fresh, weights, device)
