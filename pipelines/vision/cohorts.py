"""Image classifiers of one architecture and method at several seeds, trained and looked at together."""

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any

import torch

from pipelines.outcomes import Outcomes
from pipelines.supervised.classifier import Classifier
from pipelines.supervised.cohort import Member, possible, train_together
from pipelines.supervised.condition import Condition
from pipelines.supervised.device import compute_reproducibly
from pipelines.supervised.draws import torch_generator
from pipelines.supervised.method import Labelled, Method, TrainingData
from pipelines.supervised.several import OfEach
from pipelines.vision.architecture import build
from pipelines.vision.data import Examples, Split
from pipelines.vision.running import Spec, architecture, learnt, part
from pipelines.vision.tensors import pixels
from pipelines.vision.training import augment, budget, training_data

TRIED = 4  # images


def train(run: Spec, splits: Mapping[str, Split], device: str, checkpoints: Collection[int] = ()) -> list[Member]:
    """The trained models of a cohort, `{model, method, training, data, sibling, cohort}`, by its seeds: each at its
    checkpoints and, last, at the end; or the error of one that diverged.
    """
    compute_reproducibly()
    method: Method = part("methods", run["method"])
    options = budget(**run["training"])
    classes = run["data"]["classes"]
    fresh = partial(build, architecture(run["model"], method), classes, run["data"]["size"])
    seeds: Sequence[int] = run["cohort"]
    if run["sibling"]:
        data = [training_data(learnt({**run, "seed": seed}, splits), method, classes, device) for seed in seeds]
    else:
        data = [training_data(splits, method, classes, device)] * len(seeds)
    return train_together(fresh, method, data, options, seeds, checkpoints, partial(augment, options))


def predict(
    condition: Spec, models: Sequence[Classifier], examples: Examples, seeds: Sequence[int]
) -> list[Outcomes] | None:
    """The outcomes of a cohort's models under a condition, which draws for all of them; None where the condition looks
    at one model at a time, and where one of them gives no numbers to look at.
    """
    chosen: Condition[Any, Examples, Any] = part("conditions", condition)
    if not isinstance(chosen.outcomes, OfEach):
        return None
    purpose = f"condition/{condition['use']}/{','.join(map(str, seeds))}"
    try:
        return chosen.outcomes.each(models, examples, torch_generator(seeds[0], purpose))
    except ArithmeticError:
        return None


def trains_together(method: Spec, model: Spec, training: Mapping[str, Any], about: Mapping[str, Any]) -> bool:
    """Whether runs of this method and model can be trained at once; `about` is what the shape says of the data."""
    chosen: Method = part("methods", method)
    fresh = partial(build, architecture(model, chosen), about["classes"], about["size"])
    images = torch.zeros(TRIED, 3, about["size"], about["size"], dtype=torch.uint8)
    few = Labelled(images, torch.arange(TRIED) % about["classes"], torch.zeros(TRIED, dtype=torch.int64))
    data = TrainingData(few.inputs, few.labels, few.groups, about["classes"], dict.fromkeys(chosen.splits, few), pixels)
    return possible(fresh, chosen, data, budget(**training))
