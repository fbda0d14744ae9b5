"""What makes a run's numbers: its training, its policy made again, and its outcomes under a condition. All of it is in
the run's and the cell's key.
"""

from collections.abc import Collection, Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pipelines import parts
from pipelines.games import training
from pipelines.games.condition import Condition, outcomes_of
from pipelines.games.data import Examples, Split
from pipelines.games.method import Method
from pipelines.games.policy import Architecture, Policy, build
from pipelines.games.training import budget
from pipelines.outcomes import Outcomes
from pipelines.supervised.device import compute_reproducibly, device_for, device_name
from pipelines.supervised.training import Trained

__all__ = ["device_for", "device_name", "predict", "restore", "train"]

Spec = Mapping[str, Any]


def part(kind: str, spec: Spec) -> Any:
    """The part that a specification names."""
    return parts.load(f"pipelines.games.{kind}", spec["use"], spec["options"])


def architecture(model: Spec, method: Method) -> Architecture:
    """The architecture of a model, as wide as the method makes it."""
    options = model["options"]
    made: Architecture = part("models", {**model, "options": {**options, "width": options["width"] * method.width}})
    return made


def train(run: Spec, splits: Mapping[str, Split], device: str, checkpoints: Collection[int] = ()) -> list[Trained]:
    """The trained policy of a run, `{model, method, training, data, sibling, seed}`: at its checkpoints and, last, at
    the end.
    """
    compute_reproducibly()
    method: Method = part("methods", run["method"])
    games = torch.from_numpy(np.array(splits["train"].payoffs)).to(device)
    fresh = partial(build, architecture(run["model"], method))
    return training.train(
        fresh, method, games, run["data"]["discount"], budget(**run["training"]), run["seed"], checkpoints
    )


def restore(run: Spec, weights: Mapping[str, NDArray[np.generic]], device: str) -> Policy:
    """The policy with the weights of a finished run, ready to be evaluated."""
    compute_reproducibly()
    method: Method = part("methods", run["method"])
    policy = method.build(partial(build, architecture(run["model"], method)), 0)
    policy.backbone.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})
    return policy.to(device).eval()


def predict(condition: Spec, policy: Policy, examples: Examples, seed: int) -> Outcomes:
    """A policy's outcomes under a condition."""
    chosen: Condition = part("conditions", condition)
    return outcomes_of(examples, chosen.values(policy, examples))
