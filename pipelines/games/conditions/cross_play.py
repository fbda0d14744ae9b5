"""Games with peers: policies of standard training that were trained apart, the same for every model."""

from functools import partial

import numpy as np
import torch
from torch import Tensor

from pipelines.games.condition import Condition, games, games_for, logits_in, welfare
from pipelines.games.data import Dataset, Examples
from pipelines.games.method import Method
from pipelines.games.models import deep
from pipelines.games.payoffs import discounted, swapped
from pipelines.games.policy import Policy, build
from pipelines.games.training import budget, train
from pipelines.parts import Count
from pipelines.supervised.device import one_thread

APART = 1000  # the first seed of a peer: no run of a study has it


def condition(*, peers: Count = 3, width: Count = 32, steps: Count = 300, kind: str = "every") -> Condition:
    """peers: trained while the examples are made. width: of their two hidden layers. steps: of their training. kind: of
    games, or every."""
    of_test = games("test", kind)

    def examples(dataset: Dataset, generator: np.random.Generator) -> Examples:
        chosen, learnt = of_test(dataset, generator), dataset.splits["train"]
        lessons, theirs = torch.from_numpy(learnt.payoffs), swapped(torch.from_numpy(chosen.split.payoffs))
        met = []
        fresh = partial(build, deep.model(width=width))
        for seed in range(APART, APART + peers):
            with one_thread():
                (end,) = train(fresh, Method(), lessons, learnt.discount, budget(steps=steps), seed)
            peer = fresh(seed)
            peer.backbone.load_state_dict({name: torch.from_numpy(value) for name, value in end.weights.items()})
            met.append(logits_in(peer, theirs).float().numpy())
        return Examples(chosen.split, chosen.rows, np.stack(met, axis=1))

    return Condition(examples, with_peers, ("welfare",))


def with_peers(policy: Policy, examples: Examples) -> dict[str, Tensor]:
    """`welfare`, in [0, 1]: the mean over peers."""
    payoffs = games_for(examples, policy)
    own = logits_in(policy, payoffs)
    met = torch.from_numpy(np.array(examples.opponents)).double().to(own)
    reached = [discounted(own, peer, payoffs, examples.split.discount) for peer in met.unbind(1)]
    return {"welfare": torch.stack([welfare(each, payoffs) for each in reached]).mean(0)}
