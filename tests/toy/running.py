"""Makes the toy's numbers."""

from types import SimpleNamespace

import numpy as np

from pipelines import parts
from pipelines.outcomes import Outcomes

device_for = lambda cpus, gpus: "cpu"
device_name = lambda device: device


def train(run, splits, device, checkpoints=()):
    rng = np.random.default_rng(run["seed"])
    shrunk = parts.load("pipelines.toy.methods", run["method"]["use"], run["method"]["options"])
    guess = splits["train"].mean() + rng.normal(0, 1 / run["model"]["options"]["width"])
    weights = {"guess": np.array([guess, shrunk])}
    return [SimpleNamespace(weights=weights, flops=run["model"]["options"]["width"] * 1e3, steps=1, loss=0.0)]


restore = lambda run, weights, device: weights["guess"]


def predict(condition, model, examples, seed):
    guess, shrunk = model
    closeness = -np.abs(examples - guess)
    none = np.full(len(examples), -1)
    values = {"closeness": closeness, "safety": closeness + shrunk}
    recorded = {name: value.astype(np.float32) for name, value in values.items()}
    rows = np.arange(len(examples))
    return Outcomes(np.zeros((len(rows), 0), np.float32), none * 0, rows, none, none, values=recorded)
