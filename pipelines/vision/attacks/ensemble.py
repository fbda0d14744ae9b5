"""An ensemble of attacks, each on what still stands (after Croce & Hein 2020, arXiv 2003.01690): Auto-PGD on the
cross-entropy and on the targeted DLR loss, and the square attack."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import torch
from torch import Tensor

from pipelines.supervised.draws import torch_generator
from pipelines.vision.attacks._balls import Ball
from pipelines.vision.attacks._losses import check_classes, targeted_dlr
from pipelines.vision.attacks._search import Search, search_with
from pipelines.vision.attacks._watch import Model, Watch, part
from pipelines.vision.attacks._worst import Worst, batch_of
from pipelines.vision.attacks.apgd import apgd
from pipelines.vision.attacks.square import square

Name = Literal["apgd-ce", "apgd-t", "square"]
ALL: tuple[Name, ...] = ("apgd-ce", "apgd-t", "square")


@dataclass(frozen=True)
class Plan:
    """Which attacks, one after the other, and how much of each.

    steps     of the gradient attacks
    restarts  of Auto-PGD, each from a random start of its own
    targets   classes that Auto-PGD on the DLR loss goes for, the likeliest wrong ones first
    queries   of the square attack
    """

    ball: Ball
    attacks: tuple[Name, ...] = ALL
    steps: int = 20
    restarts: int = 1
    targets: int = 9
    queries: int = 200


def in_order(attacks: Sequence[Name] | None) -> tuple[Name, ...]:
    """The chosen attacks in the ensemble's order, all where none are named. Raises ValueError for an empty choice."""
    if attacks is not None and not attacks:
        raise ValueError(f"'attacks' is empty: at least one of {', '.join(ALL)} is needed")
    return tuple(name for name in ALL if attacks is None or name in attacks)


Run = Callable[[Model, Tensor, Watch], Tensor]  # model, positions of the images it attacks, watch -> points


@dataclass(frozen=True)
class Attacked:
    """What a plan came to: the worst point of each image, what was searched with, and how many images of each model
    each attack was first to break."""

    plan: Plan
    worst: Worst
    search: Search
    fell: Mapping[Name, list[int]]

    def part(self, rows: Tensor) -> "Attacked":
        """The same for some of the images, on its own from here on, but that what fell is what fell of all of them."""
        return replace(self, worst=self.worst.part(rows), search=self.search.part(rows))


def attack(model: Model, images: Tensor, labels: Tensor, plan: Plan, generator: torch.Generator) -> Attacked:
    """All attacks of a plan, each with draws that do not depend on the others. Raises ValueError for pixels outside
    [0, 1] or too few classes, Broken for a model without finite logits."""
    worst = Worst(model, images, labels)
    few = slice(batch_of(images))
    search = search_with(model, images[few], labels[few])
    fell: dict[Name, list[int]] = {}
    seed = draw_seed(generator)
    for name in plan.attacks:
        before = worst.standing()
        for run in RUNS[name](plan, worst, torch_generator(seed, name)):
            further(worst, search, run)
        fell[name] = worst.fallen(before)
    return Attacked(plan, worst, search, fell)


def further(worst: Worst, search: Search, run: Run) -> None:
    """One run of an attack on all images that stand."""
    for rows in worst.standing().split(batch_of(worst.images)):
        worst.offer(rows, run(part(search.model, rows), rows, worst.watch(rows, search.error)))


def apgd_runs(plan: Plan, worst: Worst, generator: torch.Generator) -> Iterator[Run]:
    """Every restart."""
    for _ in range(plan.restarts):
        yield from_random_start(partial(apgd, steps=plan.steps), plan.ball, worst, generator)


def targeted_runs(plan: Plan, worst: Worst, generator: torch.Generator) -> Iterator[Run]:
    """Every restart for every target."""
    classes = worst.logits.shape[1]
    check_classes(classes)
    wrong = worst.clean_logits.scatter(1, worst.labels[:, None], -torch.inf)
    likeliest = wrong.argsort(dim=1, descending=True, stable=True)
    for _ in range(plan.restarts):
        for target in likeliest.T[: min(plan.targets, classes - 1)]:
            search = partial(apgd, steps=plan.steps, loss=targeted_dlr)
            yield from_random_start(search, plan.ball, worst, generator, target)


def square_runs(plan: Plan, worst: Worst, generator: torch.Generator) -> Iterator[Run]:
    """One, its squares the same for every image."""
    seed = draw_seed(generator)

    def run(model: Model, rows: Tensor, watch: Watch) -> Tensor:
        squares = torch.Generator().manual_seed(seed)
        images, labels = worst.images[rows], worst.labels[rows]
        return square(model, images, labels, plan.ball, queries=plan.queries, generator=squares, watch=watch)

    yield run


RUNS: dict[Name, Callable[[Plan, Worst, torch.Generator], Iterator[Run]]] = {
    "apgd-ce": apgd_runs,
    "apgd-t": targeted_runs,
    "square": square_runs,
}


def from_random_start(
    search: Callable[..., Tensor], ball: Ball, worst: Worst, generator: torch.Generator, targets: Tensor | None = None
) -> Run:
    """A gradient attack from a start that is drawn for every image, whichever stand: no fate hangs on another's."""
    count, size, device = len(worst.labels), worst.images.shape[-1], worst.images.device
    seed = draw_seed(generator)

    def run(model: Model, rows: Tensor, watch: Watch) -> Tensor:
        start = ball.start(count, size, torch.Generator().manual_seed(seed)).to(device)[rows]
        aims = {} if targets is None else {"targets": targets[rows]}
        return search(model, worst.images[rows], worst.labels[rows], start, ball, watch=watch, **aims)

    return run


def draw_seed(generator: torch.Generator) -> int:
    """A seed from a generator."""
    return int(torch.randint(2**62, (1,), generator=generator))
