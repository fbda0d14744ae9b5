"""What makes a run's numbers: its training, its model made again, and its outcomes under a condition. All of it is in
the run's and the cell's key.
"""

from collections.abc import Collection, Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pipelines import parts
from pipelines.outcomes import Outcomes
from pipelines.supervised.classifier import Classifier
from pipelines.supervised.device import compute_reproducibly, device_for, device_name
from pipelines.supervised.draws import numpy_generator, torch_generator
from pipelines.supervised.method import Method
from pipelines.supervised.training import Trained
from pipelines.tabular import training
from pipelines.tabular.classifier import Architecture, build
from pipelines.tabular.condition import Condition
from pipelines.tabular.data import Examples, Split
from pipelines.tabular.training import budget

__all__ = ["device_for", "device_name", "predict", "restore", "train"]

Spec = Mapping[str, Any]
LEARNT = ("train", "more_train")  # splits of training rows


def part(kind: str, spec: Spec) -> Any:
    """The part that a specification names."""
    return parts.load(f"pipelines.tabular.{kind}", spec["use"], spec["options"])


def architecture(model: Spec, method: Method) -> Architecture:
    """The architecture of a model, as wide as the method makes it."""
    options = model["options"]
    made: Architecture = part("models", {**model, "options": {**options, "width": options["width"] * method.width}})
    return made


def train(run: Spec, splits: Mapping[str, Split], device: str, checkpoints: Collection[int] = ()) -> list[Trained]:
    """The trained model of a run, `{model, method, training, data, companion, seed}`: at its checkpoints and, last,
    at the end. `companion` is the condition whose second model it is, or None.
    """
    compute_reproducibly()
    if run["companion"]:
        condition: Condition = part("conditions", run["companion"])
        if condition.companion:
            for name in [name for name in LEARNT if name in splits]:
                generator = numpy_generator(run["seed"], f"companion/{run['companion']['use']}/{name}")
                splits = {**splits, name: condition.companion(splits[name], generator)}
    method: Method = part("methods", run["method"])
    return training.train(
        architecture(run["model"], method),
        method,
        splits,
        run["data"]["classes"],
        budget(**run["training"]),
        run["seed"],
        device,
        checkpoints,
    )


def restore(run: Spec, weights: Mapping[str, NDArray[np.generic]], device: str) -> Classifier:
    """The classifier with the weights of a finished run, ready to be evaluated."""
    compute_reproducibly()
    method: Method = part("methods", run["method"])
    fresh = partial(build, architecture(run["model"], method), run["data"]["features"], run["data"]["classes"])
    classifier = method.build(fresh, 0)
    classifier.backbone.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})
    return classifier.to(device).eval()


def predict(condition: Spec, classifier: Classifier, examples: Examples, seed: int) -> Outcomes:
    """A model's outcomes under a condition."""
    chosen: Condition = part("conditions", condition)
    return chosen.outcomes(classifier, examples, torch_generator(seed, f"condition/{condition['use']}"))
