"""The training step against loops written by hand for the same model, data and precision, in one run.

    python benchmarks/training_step.py [--repeats 5] [--steps 60] [--family resnet ...] [--precision bfloat16]

By hand: all inputs made ready once, no hooks, no records, a learning rate looked up, nothing deterministic asked for;
with images as they are and with their channels last. Processor time of one thread, so that other work on the machine
disturbs little; the ways take turns, and the best loop is the one with the least median.
"""

import argparse
import copy
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any
from unittest import mock

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from pipelines.supervised import training
from pipelines.supervised.training import Budget
from stages import domains

Study = tuple[str, dict[str, Any], dict[str, float]]  # a domain, its data, and what of the training is not the default

GLYPHS = {"train": 1280, "validation": 64, "capability": 64, "test": 64, "spurious": 64, "outliers": 60}
VISION: Study = ("vision", {"use": "glyphs", "options": {**GLYPHS, "training_outliers": 64}}, {"learning_rate": 0.004})
LANGUAGE: Study = ("language", {"use": "facts", "options": {}}, {"batch_size": 128, "learning_rate": 0.01})
FLOWS: Study = ("tabular", {"use": "flows", "options": {}}, {})
FAMILIES = {  # model, its options, and what it is trained on
    "resnet": ("resnet", 8, VISION),
    "convnext": ("convnext", 8, VISION),
    "vit": ("vit", 32, VISION),
    "transformer": ("transformer", 16, LANGUAGE),
    "gru": ("gru", 16, LANGUAGE),
    "mlp": ("mlp", 16, FLOWS),
}


def asked_of(family: str, epochs: int) -> tuple[Any, ...]:
    """What `fit` is asked for a run of this family: the fresh model, its method, data and budget, and the draws."""
    use, width, (name, spec, budget) = FAMILIES[family]
    domain, running = domains.domain(name), domains.running(name)
    data = domain.dataset(spec)
    run = {
        "model": {"use": use, "options": {"width": width}},
        "method": {"use": "standard", "options": {}},
        "training": {"epochs": epochs, **budget},
        "data": domain.shape(spec).about,
        "sibling": None,
        "seed": 0,
    }
    asked: list[tuple[Any, ...]] = []

    def listen(*given: Any) -> Any:
        asked.append(given)
        raise StopIteration

    with mock.patch.object(training, "fit", listen), suppress(StopIteration):
        running.train(run, data.splits, "cpu", ())
    return asked[0]


def ours(model: nn.Module, asked: tuple[Any, ...], budget: Budget, steps: int) -> None:
    """The product's loop."""
    _, method, data, _, order, generator, _, augment = asked
    training.fit(model, method, first(data, steps, budget), budget, order, generator, (), augment)  # type: ignore[arg-type]


def first(data: Any, steps: int, budget: Budget) -> Any:
    """The examples of so many steps."""
    rows = steps * budget.batch_size
    return replace(data, inputs=data.inputs[:rows], labels=data.labels[:rows], groups=data.groups[:rows])


def by_hand(model: nn.Module, asked: tuple[Any, ...], budget: Budget, steps: int, last: bool = False) -> None:
    """A plain loop, with the channels of images last or not."""
    data = first(asked[2], steps, budget)
    inputs = data.batch(data.inputs)
    if last:
        inputs = inputs.contiguous(memory_format=torch.channels_last)
        model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    rate, decay = budget.learning_rate, budget.weight_decay
    optimiser = torch.optim.AdamW(model.parameters(), rate, weight_decay=decay, fused=True)
    model.train()
    for rows in torch.randperm(len(inputs)).view(-1, budget.batch_size):
        for group in optimiser.param_groups:
            group["lr"] = rate
        with torch.autocast("cpu", torch.bfloat16, enabled=budget.precision == "bfloat16"):
            loss = cross_entropy(model(inputs[rows]), data.labels[rows])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()


def ways(asked: tuple[Any, ...]) -> Iterator[tuple[str, Callable[..., None], bool]]:
    """Each loop, and whether torch is to be deterministic."""
    yield "ours", ours, True
    yield "by hand", by_hand, False
    if asked[2].batch(asked[2].inputs[:1]).ndim == 4:
        yield "by hand, channels last", partial(by_hand, last=True), False


def main() -> None:
    """Print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--family", choices=FAMILIES, nargs="+", default=list(FAMILIES))
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    print("| family | ours, ms a step | best by hand | which | share of the best |\n|---|---|---|---|---|")
    for family in chosen.family:
        asked = asked_of(family, epochs=1)
        budget = replace(asked[3], epochs=1, precision=chosen.precision)
        steps = min(chosen.steps, len(asked[2]) // budget.batch_size)
        spent: dict[str, list[float]] = {}
        for _ in range(chosen.repeats + 1):
            for name, way, deterministic in ways(asked):
                torch.use_deterministic_algorithms(deterministic)
                model = copy.deepcopy(asked[0])
                began = time.process_time()
                way(model, asked, budget, steps)
                spent.setdefault(name, []).append(1000 * (time.process_time() - began) / steps)
        median = {name: statistics.median(times[1:]) for name, times in spent.items()}  # the first warms up
        mine = median.pop("ours")
        best = min(median, key=lambda name: median[name])
        print(f"| {family} | {mine:.2f} | {median[best]:.2f} | {best} | {median[best] / mine:.2f} |", flush=True)


if __name__ == "__main__":
    main()
