"""What makes a run's numbers: its training, its model made again, and its outcomes under a condition. All of it is in
the run's and the cell's key.
"""

import os
from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pipelines import parts
from pipelines.outcomes import Outcomes
from pipelines.vision import training
from pipelines.vision.architecture import Architecture, Classifier
from pipelines.vision.condition import Condition
from pipelines.vision.data import Examples, Split
from pipelines.vision.draws import numpy_generator, torch_generator
from pipelines.vision.method import Method
from pipelines.vision.training import Trained, budget

Spec = Mapping[str, Any]
LEARNT = ("train", "more_train")  # splits of training images


def part(kind: str, spec: Spec) -> Any:
    """The part that a specification names."""
    return parts.load(f"pipelines.vision.{kind}", spec["use"], spec["options"])


def architecture(model: Spec, method: Method) -> Architecture:
    """The architecture of a model, as wide as the method makes it."""
    options = model["options"]
    made: Architecture = part("models", {**model, "options": {**options, "width": options["width"] * method.width}})
    return made


def compute_reproducibly() -> None:
    """Have torch use deterministic kernels, and float32 without the shortcuts that GPUs take."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.allow_tf32 = False


def device_for(
    cpus: float,
    gpus: float,
    threads: Callable[[int], None] = torch.set_num_threads,
    memory: Callable[[float], None] = torch.cuda.set_per_process_memory_fraction,
) -> str:
    """The device on which torch computes with these CPUs, as many threads, and share of a GPU, with as much of its
    memory. A worker's next item may have others, so both are set anew for each.
    """
    if cpus:
        threads(max(1, int(cpus)))
    if not gpus:
        return "cpu"
    memory(min(gpus, 1.0))
    return "cuda"


def device_name(device: str) -> str:
    """What a device is, as a person would name it."""
    return device if device == "cpu" else str(torch.cuda.get_device_name())


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
    classifier = method.build(architecture(run["model"], method), run["data"]["classes"], run["data"]["size"], 0)
    classifier.backbone.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})
    return classifier.to(device).eval()


def predict(condition: Spec, classifier: Classifier, examples: Examples, seed: int) -> Outcomes:
    """A model's outcomes under a condition."""
    chosen: Condition = part("conditions", condition)
    return chosen.outcomes(classifier, examples, torch_generator(seed, f"condition/{condition['use']}"))
