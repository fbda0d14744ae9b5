"""What makes a run's numbers: its training, its policy made again, and its outcomes under a condition. All of it is in
the run's and the cell's key.
"""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pipelines import parts
from pipelines.control import training
from pipelines.control.agent import Policy
from pipelines.control.cloning import trusted_architecture
from pipelines.control.condition import Condition
from pipelines.control.data import Levels
from pipelines.control.method import Method
from pipelines.control.training import budget
from pipelines.outcomes import Outcomes
from pipelines.supervised.device import compute_reproducibly, device_for, device_name
from pipelines.supervised.draws import numpy_generator, torch_generator
from pipelines.supervised.training import Trained

__all__ = ["device_for", "device_name", "predict", "restore", "train"]

Spec = Mapping[str, Any]
LEARNT = ("train", "more_train", "diverse", "demonstrations")  # splits that nothing is measured on


def part(kind: str, spec: Spec) -> Any:
    """The part that a specification names."""
    return parts.load(f"pipelines.control.{kind}", spec["use"], spec["options"])


def fresh(model: Spec, method: Method, about: Mapping[str, Any], seed: int) -> Policy:
    """A method's policy of a model, as wide as the method makes it, with fresh weights."""
    options = model["options"]
    architecture = part("models", {**model, "options": {**options, "width": options["width"] * method.width}})
    return training.build(architecture, trusted_architecture(), method, about["observation"], about["actions"], seed)


def train(run: Spec, splits: Mapping[str, Levels], device: str, checkpoints: Collection[int] = ()) -> list[Trained]:
    """The trained policy of a run, `{model, method, training, data, sibling, seed}`: at its checkpoints and, last,
    at the end. `sibling` is the condition whose second model it is, or None.
    """
    if device != "cpu":  # there agents compute the same without it, and a third faster
        compute_reproducibly()
    if run["sibling"]:
        condition: Condition = part("conditions", run["sibling"])
        if condition.sibling:
            for name in [name for name in LEARNT if name in splits]:
                generator = numpy_generator(run["seed"], f"sibling/{run['sibling']['use']}/{name}")
                splits = {**splits, name: condition.sibling(splits[name], generator)}
    method: Method = part("methods", run["method"])
    policy = fresh(run["model"], method, run["data"], run["seed"])
    return training.train(policy, method, splits, budget(**run["training"]), run["seed"], device, checkpoints)


def restore(run: Spec, weights: Mapping[str, NDArray[np.generic]], device: str) -> Policy:
    """The policy with the weights of a finished run, ready to be evaluated."""
    method: Method = part("methods", run["method"])
    policy = fresh(run["model"], method, run["data"], 0)
    policy.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})
    return policy.to(device).eval()


def predict(condition: Spec, policy: Policy, examples: Levels, seed: int) -> Outcomes:
    """A policy's outcomes under a condition."""
    chosen: Condition = part("conditions", condition)
    return chosen.outcomes(policy, examples, torch_generator(seed, f"condition/{condition['use']}"))
