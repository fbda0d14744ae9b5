"""What the stages ask of the vision domain: plain specifications (`{use, options}`) in, values out."""

import math
import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils._python_dispatch import TorchDispatchMode

from pipelines import parts
from pipelines.flops import FlopCount
from pipelines.outcomes import Outcomes
from pipelines.vision import training
from pipelines.vision.architecture import Architecture, Classifier, build, count_parameters
from pipelines.vision.condition import Condition
from pipelines.vision.data import Dataset, Examples, Loader, Shape, Split
from pipelines.vision.draws import numpy_generator, torch_generator
from pipelines.vision.method import Method
from pipelines.vision.overlaps import overlaps
from pipelines.vision.training import Trained, budget

__all__ = [
    "budget",
    "companion_cost",
    "cost",
    "dataset",
    "examples",
    "files",
    "needs_groups",
    "outcomes_have",
    "overlaps",
    "own_model",
    "parameters",
    "place",
    "predict",
    "shape",
    "splits_needed",
    "train",
    "training_steps",
]

Spec = Mapping[str, Any]
LEARNT = ("train", "more_train")  # splits of training images
MOST_NUMBERS, MOST_TENSORS = 2**28, 20_000  # of a network: 1 GiB of weights, some thousand layers
MOST_TIMES = 1000  # the training of standard, by a method
FILES = ("path", "root", "images", "labels", "test_images", "test_labels")  # options of data sets that name them
SIZED = tuple(getattr(torch.ops.aten, name) for name in ("empty", "zeros", "ones", "full", "randn", "rand"))


@dataclass(frozen=True)
class Cost:
    """Trainable parameters of a model, and FLOPs of one image through it and back."""

    parameters: int
    flops_an_image: float


def part(kind: str, spec: Spec) -> Any:
    """The part that a specification names."""
    return parts.load(f"pipelines.vision.{kind}", spec["use"], spec["options"])


def shape(data: Spec) -> Shape:
    """What is known of a dataset before it is made."""
    loader: Loader = part("datasets", data)
    return loader.shape()


def files(data: Spec) -> list[Path]:
    """The files and folders that a dataset is read from, its near outliers too."""
    options = data["options"]
    near = dict(options.get("near_outliers") or {})
    beside = files({"options": near}) if near else []
    return [Path(options[name]) for name in FILES if isinstance(options.get(name), str)] + beside


def dataset(data: Spec) -> Dataset:
    """The dataset itself."""
    loader: Loader = part("datasets", data)
    return loader.load()


class Bounded(TorchDispatchMode):
    """A context in which a network is made. Raises ValueError, before the memory is taken, on one that is too large."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.numbers = self.tensors = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func._overloadpacket in SIZED:
            self.numbers += math.prod(args[0])
            self.tensors += 1
            if self.numbers > MOST_NUMBERS or self.tensors > MOST_TENSORS:
                what = f"at least {self.numbers:.1e} numbers in {self.tensors:,} tensors"
                raise ValueError(f"too large: {what}; accepted: at most {MOST_NUMBERS:.1e} in {MOST_TENSORS:,}")
        return func(*args, **(kwargs or {}))


def cost(model: Spec, shape: Shape) -> Cost:
    """What one image costs in training. Raises ValueError where the images are too small for the model, or the model
    is too large.
    """
    with Bounded():
        classifier = build(part("models", model), shape.classes, shape.size, seed=0)
    with FlopCount() as count:
        classifier(torch.zeros(2, 3, shape.size, shape.size)).sum().backward()
    return Cost(count_parameters(classifier), count.total / 2)


def training_cost(method: Spec) -> float:
    """A method's training time as a multiple of standard."""
    return float(part("methods", method).cost)


def architecture(model: Spec, method: Method) -> Architecture:
    """The architecture of a model, as wide as the method makes it."""
    options = model["options"]
    made: Architecture = part("models", {**model, "options": {**options, "width": options["width"] * method.width}})
    return made


def own_model(method: Spec) -> bool:
    """Whether a method trains another classifier than the model as it is."""
    chosen: Method = part("methods", method)
    return chosen.build is not build or chosen.width != 1


def parameters(model: Spec, method: Spec, shape: Shape) -> int:
    """Trainable parameters of a model as a method builds it. Raises ValueError where it cannot."""
    chosen: Method = part("methods", method)
    if chosen.cost > MOST_TIMES:
        raise ValueError(f"takes {chosen.cost:,.0f} times the training of standard; accepted: at most {MOST_TIMES:,}")
    with Bounded():
        return count_parameters(chosen.build(architecture(model, chosen), shape.classes, shape.size, 0))


def needs_groups(method: Spec) -> bool:
    """Whether a method needs the groups of the training images."""
    chosen: Method = part("methods", method)
    return chosen.groups


def splits_needed(kind: str, spec: Spec) -> tuple[str, ...]:
    """The splits that a method or condition takes from the dataset."""
    needed: Method | Condition = part(kind, spec)
    return needed.splits


def training_steps(shape: Shape, options: Mapping[str, Any]) -> int:
    """The steps of a whole training run with these options of its budget."""
    return training.steps_of(shape.train, budget(**options))


def companion_cost(condition: Spec) -> float | None:
    """What the second model costs, as a multiple of the run's own training, that a condition has trained for it; None
    for a condition that looks at the run's own model.
    """
    chosen: Condition = part("conditions", condition)
    return None if chosen.companion is None else chosen.cost


def outcomes_have(condition: Spec) -> tuple[str, ...]:
    """What a condition's outcomes have for metrics."""
    chosen: Condition = part("conditions", condition)
    return chosen.has


def examples(condition: Spec, data: Dataset) -> Examples:
    """A condition's examples, the same for every model."""
    chosen: Condition = part("conditions", condition)
    return chosen.examples(data, numpy_generator(0, f"examples/{condition['use']}"))


def training_modules(run: Spec) -> list[str]:
    """The modules whose code decides what a training run gives."""
    return [
        "pipelines.vision.training",
        f"pipelines.vision.methods.{run['method']['use']}",
        f"pipelines.vision.models.{run['model']['use']}",
        *(condition_modules(run["companion"]) if run["companion"] else []),
    ]


def condition_modules(condition: Spec) -> list[str]:
    """The modules whose code decides a condition's outcomes, given the model."""
    return [f"pipelines.vision.conditions.{condition['use']}"]


def compute_reproducibly() -> None:
    """Have torch use deterministic kernels, and float32 without the shortcuts that GPUs take."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.allow_tf32 = False


def place(
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


def train(run: Spec, splits: Mapping[str, Split], device: str, checkpoints: Collection[int] = ()) -> list[Trained]:
    """The trained model of a run, `{model, method, training, classes, companion, seed}`: at its checkpoints and, last,
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
        run["classes"],
        budget(**run["training"]),
        run["seed"],
        device,
        checkpoints,
    )


def restore(run: Spec, size: int, weights: Mapping[str, NDArray[np.generic]], device: str) -> Classifier:
    """The classifier with the weights of a finished run, ready to be evaluated."""
    compute_reproducibly()
    method: Method = part("methods", run["method"])
    classifier = method.build(architecture(run["model"], method), run["classes"], size, 0)
    classifier.backbone.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})
    return classifier.to(device).eval()


def predict(condition: Spec, classifier: Classifier, examples: Examples, seed: int) -> Outcomes:
    """A model's outcomes under a condition."""
    chosen: Condition = part("conditions", condition)
    return chosen.outcomes(classifier, examples, torch_generator(seed, f"condition/{condition['use']}"))
