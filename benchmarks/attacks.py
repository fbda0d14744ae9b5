"""CPU seconds of the attack ensemble against the naive way, in one run and on one core, with the same verdicts.

    python benchmarks/attacks.py [--images 500] [--width 16] [--stem-stride 1] [--epsilon 0.0157] [--queries 200]

The naive way: batches of 1,000, every attack to its end on every image, the model as it is in float32. Both ways look
at the same points as long as they agree. Models: a small residual network, by standard and by adversarial training.

The limit: the passes through the model that the ensemble searches with, of as many images each, with nothing between
them. What is above it is the attacks' own arithmetic and the model's look at what may be broken.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor

from pipelines import parts
from pipelines.supervised.classifier import Classifier
from pipelines.supervised.draws import torch_generator
from pipelines.vision import domain, running
from pipelines.vision.attacks import ensemble
from pipelines.vision.attacks._balls import Ball
from pipelines.vision.attacks._search import Search, search_with
from pipelines.vision.attacks._watch import Watch
from pipelines.vision.attacks._worst import Worst
from pipelines.vision.attacks.ensemble import Plan
from pipelines.vision.data import Dataset
from pipelines.vision.tensors import channels_first, pixels

BATCH = 1000


def main() -> None:
    """Train, attack both ways, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=500)
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--stem-stride", type=int, default=1, choices=[1, 2, 4])
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--targets", type=int, default=3)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--epsilon", type=float, default=4 / 255)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    data = domain.dataset({"use": "glyphs", "options": {"train": 3000, "test": chosen.images}})
    plan = Plan(Ball("linf", chosen.epsilon), ensemble.ALL, chosen.steps, 1, chosen.targets, chosen.queries)
    for method, options in (("standard", {}), ("adversarial", {"epsilon": chosen.epsilon, "steps": 2})):
        compare(method, trained(data, method, options, chosen), data, plan)


def trained(data: Dataset, method: str, options: dict[str, object], chosen: argparse.Namespace) -> Classifier:
    """A residual network."""
    model = {"width": chosen.width, "stem_stride": chosen.stem_stride}
    run = {
        "model": {"use": "resnet", "options": parts.full_options("pipelines.vision.models", "resnet", model)},
        "method": {"use": method, "options": parts.full_options("pipelines.vision.methods", method, options)},
        "training": {"epochs": chosen.epochs, "batch_size": 64, "learning_rate": 0.002, "precision": "bfloat16"},
        "data": {"classes": 10, "size": data.size},
        "sibling": None,
        "seed": 0,
    }
    (end,) = running.train(run, data.splits, "cpu")
    return running.restore(run, end.weights, "cpu")


def compare(name: str, model: Classifier, data: Dataset, plan: Plan) -> None:
    """Both ways on one model, and a line about them."""
    test = data.splits["test"]
    images, labels = pixels(channels_first(test.images)), torch.from_numpy(test.labels)
    slow, by_naive = seconds(lambda: naive(model, images, labels, plan))
    fast, found = seconds(lambda: ensemble.attack(model, images, labels, plan, generator()))
    limit = seconds_of_passes(model, images, labels, plan)
    stands = torch.zeros(len(labels), dtype=torch.bool)
    worst = found.worst
    stands[worst.standing()] = True
    clean = float((worst.clean_logits.argmax(1) == labels).float().mean())
    print(
        f"{name:<12} {len(labels)} images, clean {clean:.3f}; robust {float(stands.float().mean()):.3f}, "
        f"the naive way {float(by_naive.float().mean()):.3f}; broken by it alone {int((stands & ~by_naive).sum())}, "
        f"by the ensemble alone {int((~stands & by_naive).sum())}; first to break {found.fell}\n"
        f"{'':<12} naive {slow:.1f} s, ensemble {fast:.1f} s of CPU: {slow / fast:.1f} times as fast; "
        f"its passes alone {limit:.1f} s, {slow / limit:.1f} times",
        flush=True,
    )


def naive(model: Classifier, images: Tensor, labels: Tensor, plan: Plan) -> Tensor:
    """Whether each image stands after every attack."""
    worst = Worst(model, images[:0], labels[:0])
    worst.images, worst.labels, worst.clean_logits = images, labels, logits_of(model, images)
    stands = worst.clean_logits.argmax(1) == labels
    seed = ensemble.draw_seed(generator())
    for attack in plan.attacks:
        for run in ensemble.RUNS[attack](plan, worst, torch_generator(seed, attack)):
            for rows in torch.arange(len(labels)).split(BATCH):
                run(model, rows, recorded(stands, rows, labels))
    return stands


def seconds_of_passes(model: Classifier, images: Tensor, labels: Tensor, plan: Plan) -> float:
    """CPU seconds of the passes through the model that is searched with, and back where a gradient is asked for."""
    passes: list[tuple[int, bool]] = []

    def counting(*arguments: Any) -> Search:
        found = search_with(*arguments)

        def counted(points: Tensor) -> Tensor:
            passes.append((len(points), points.requires_grad))
            return found.model(points)

        return replace(found, model=counted)

    with patch.object(ensemble, "search_with", counting):
        ensemble.attack(model, images, labels, plan, generator())

    def again() -> None:
        search = search_with(model, images, labels).model
        for count, back in passes:
            points = images[:count].clone().requires_grad_(back)
            with torch.set_grad_enabled(back):
                logits = search(points)
            if back:
                torch.autograd.grad(logits.sum(), points)

    return seconds(again)[0]


def logits_of(model: Classifier, images: Tensor) -> Tensor:
    """Logits of all images."""
    with torch.no_grad():
        return torch.cat([model(batch) for batch in images.split(BATCH)])


def recorded(stands: Tensor, rows: Tensor, labels: Tensor) -> Watch:
    """Marks what is broken, and drops nothing."""

    def watch(batch: Tensor, points: Tensor, logits: Tensor) -> Tensor:
        chosen = rows[batch]
        stands[chosen] &= logits.argmax(1) == labels[chosen]
        return torch.zeros(len(batch), dtype=torch.bool)

    return watch


def generator() -> torch.Generator:
    """The same draws for both ways."""
    return torch.Generator().manual_seed(0)


def seconds(function: Callable[[], Any]) -> tuple[float, Any]:
    """CPU seconds and result of a call."""
    start = time.process_time()
    result = function()
    return time.process_time() - start, result


if __name__ == "__main__":
    main()
