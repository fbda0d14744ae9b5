"""Classifiers that are alike, looked at together: their weights are stacked, and one pass goes through all of them.

On a GPU small models leave most of the card idle; together they fill it. Sums differ from those of a model alone in
their last bits, and what a condition draws is drawn for all of them.
"""

import warnings
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

from pipelines.outcomes import Outcomes
from pipelines.supervised.classifier import Classifier

Examples = TypeVar("Examples")


class Stacked:
    """What several classifiers give for a function of theirs, by its name."""

    def __init__(self, models: Sequence[Classifier], function: str = "forward"):
        asked = [Asked(model, function) for model in models]
        params, buffers = torch.func.stack_module_state(list(asked))
        self.weights = {name: value.detach() for name, value in {**params, **buffers}.items()}
        self.one, self.size = deepcopy(asked[0]).requires_grad_(False), len(models)

    def all_of(self, inputs: Tensor) -> Tensor:
        """[models, n, ...]: every input [n, ...] through every model."""
        return self._pass(self.weights, inputs, None)

    def each_of(self, inputs: Tensor, models: Tensor) -> Tensor:
        """[chosen, n, ...]: the inputs [chosen, n, ...] each through its model, the chosen `models` by their places."""
        few = len(models) < self.size
        weights = {name: value[models] for name, value in self.weights.items()} if few else self.weights
        return self._pass(weights, inputs, 0)

    def _pass(self, weights: dict[str, Tensor], inputs: Tensor, along: int | None) -> Tensor:
        def of_one(weights: dict[str, Tensor], inputs: Tensor) -> Tensor:
            found: Tensor = torch.func.functional_call(self.one, weights, (inputs,))
            return found

        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "There is a performance drop")  # few operations are done model by model
            # a mask that is drawn at its first use and kept is drawn as it is for one model
            at_once = torch.func.vmap(of_one, in_dims=(0, along), randomness="same")
            found: Tensor = at_once(weights, inputs)
        return found


class Asked(nn.Module):
    """A function of a classifier as a module."""

    def __init__(self, model: Classifier, function: str):
        super().__init__()
        self.model, self.function = model, function

    def forward(self, inputs: Tensor) -> Tensor:
        """What the function gives."""
        found: Tensor = getattr(self.model, self.function)(inputs)
        return found


class Several:
    """Several models as one function of rows: each row goes through the model that it belongs to.

    of      [n], the place of each row's model among all
    models  the places of those that have rows
    """

    def __init__(self, stacked: Stacked, of: Tensor):
        self.stacked, self.of = stacked, of
        self.models, group = of.unique(return_inverse=True)
        self._where = group, place_in_group(of)
        self._longest = int(self._where[1].max()) + 1 if len(of) else 0

    def __call__(self, rows: Tensor) -> Tensor:
        """Of each row [n, ...] what its model gives."""
        beside = rows.new_zeros(len(self.models), self._longest, *rows.shape[1:]).index_put(self._where, rows)
        found: Tensor = self.stacked.each_of(beside, self.models)[self._where]
        return found

    def part(self, rows: Tensor) -> "Several":
        """The same for some of the rows."""
        return Several(self.stacked, self.of[rows])


def place_in_group(groups: Tensor) -> Tensor:
    """Of each row [n] how many before it are of its group."""
    order = groups.argsort(stable=True)
    ordered = groups[order]
    first = torch.searchsorted(ordered, ordered)
    places = torch.empty_like(order)
    places[order] = torch.arange(len(groups), device=groups.device) - first
    return places


@dataclass(frozen=True)
class OfEach(Generic[Examples]):
    """The outcomes of one model, by what makes those of several that are alike, `each`, with draws for all of them."""

    each: Callable[[Sequence[Classifier], Examples, torch.Generator], list[Outcomes]]

    def __call__(self, model: Classifier, examples: Examples, generator: torch.Generator) -> Outcomes:
        """Of the one."""
        (found,) = self.each([model], examples, generator)
        return found
