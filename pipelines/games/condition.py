"""A condition on games: which games a trained policy meets, against whom, and what is recorded of each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pipelines.data import DataError
from pipelines.games.data import Dataset, Examples, Floats
from pipelines.games.payoffs import FROM_THE_OTHER_SIDE
from pipelines.games.policy import Policy
from pipelines.outcomes import Outcomes

Values = Mapping[str, Tensor]


@dataclass(frozen=True)
class Condition:
    """What is done with a data set of games and a policy.

    examples  made once for all models, from the data set and a generator
    values    of one policy in each of the games, by name [n]
    has       the names of these values
    split     that the games are from
    """

    examples: Callable[[Dataset, np.random.Generator], Examples]
    values: Callable[[Policy, Examples], Values]
    has: tuple[str, ...]
    split: str = "test"


def games(split: str, kind: str) -> Callable[[Dataset, np.random.Generator], Examples]:
    """All games of a split, or those of one kind. Raises DataError where there are none."""

    def examples(dataset: Dataset, generator: np.random.Generator) -> Examples:
        chosen = dataset.splits[split]
        rows = np.arange(len(chosen))
        if kind != "every":
            if kind not in chosen.kind_names:
                raise DataError(f"{dataset.name}: no games of the kind {kind!r}, only {', '.join(chosen.kind_names)}")
            rows = np.flatnonzero(chosen.kinds == chosen.kind_names.index(kind))
        return Examples(chosen.take(rows), rows)

    return examples


def games_for(examples: Examples, policy: Policy) -> Tensor:
    """The games [n, 2, 4] where the policy computes, in double precision."""
    device = next(policy.parameters()).device
    return torch.from_numpy(np.array(examples.split.payoffs)).double().to(device)


@torch.no_grad()
def logits_in(policy: Policy, payoffs: Tensor) -> Tensor:
    """The policy's logits [n, 5], in double precision."""
    logits: Tensor = policy(payoffs.float()).double()
    return logits


def outcomes_of(examples: Examples, values: Values) -> Outcomes:
    """Outcomes without logits, whose parts are the kinds of games where there are several."""
    split = examples.split
    several = len(np.unique(split.kinds)) > 1
    recorded: dict[str, Floats] = {name: value.cpu().numpy().astype(np.float32) for name, value in values.items()}
    return Outcomes(
        logits=np.zeros((len(split), 0), dtype=np.float32),
        labels=np.zeros(len(split), dtype=np.int64),
        examples=examples.rows,
        groups=np.full(len(split), -1),
        parts=split.kinds if several else np.full(len(split), -1),
        part_names=split.kind_names if several else (),
        values=recorded,
    )


def welfare(reached: Tensor, payoffs: Tensor) -> Tensor:
    """The sum of both players' payoffs [n, 2], 0 where it is the least that the game [n, 2, 4] has, 1 the most [n]."""
    of_state = payoffs[:, 0] + payoffs[:, 1, FROM_THE_OTHER_SIDE]
    least, most = of_state.min(1).values, of_state.max(1).values
    return (reached.sum(1) - least) / (most - least).clamp(min=1e-6)
