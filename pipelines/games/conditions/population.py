"""Games with opponents drawn anew: how much of what a best reply would gain the policy gains."""

import numpy as np
import torch
from torch import Tensor

from pipelines.games.condition import Condition, games, games_for, logits_in
from pipelines.games.data import Dataset, Examples
from pipelines.games.opponents import UNSEEN, logits_of, population
from pipelines.games.payoffs import best_reply, discounted, payoffs_of, swapped
from pipelines.games.policy import Policy
from pipelines.parts import Count

LEAST = 0.05  # what there is to gain counts as this much at the least


def condition(
    *, opponents: Count = 8, unseen: bool = False, split: str = "capability", kind: str = "every"
) -> Condition:
    """opponents: drawn for each game, as in training; or, where `unseen`, those that training does not have, by name.
    split: that the games are from. kind: of games, or every."""
    of_split = games(split, kind)

    def examples(dataset: Dataset, generator: np.random.Generator) -> Examples:
        chosen = of_split(dataset, generator)
        if unseen:
            met = logits_of(UNSEEN).expand(len(chosen), -1, -1)
        else:
            draws = torch.Generator().manual_seed(int(generator.integers(2**32)))
            met = population(len(chosen) * opponents, draws).view(len(chosen), opponents, 5)
        return Examples(chosen.split, chosen.rows, met.contiguous().numpy())

    return Condition(examples, gained, ("payoff",), split)


def gained(policy: Policy, examples: Examples) -> dict[str, Tensor]:
    """`payoff`: over all opponents of a game and both seats, what the policy has above moves at random, as a share of
    what best replies have above them; from -1 to 1.
    """
    games, discount = games_for(examples, policy), examples.split.discount
    got, most, least = torch.zeros(3, len(games)).to(games)
    for payoffs in (games, swapped(games)):
        own = logits_in(policy, payoffs)
        for other in torch.from_numpy(np.array(examples.opponents)).double().to(own).unbind(1):
            got += discounted(own, other, payoffs, discount)[:, 0]
            least += discounted(torch.zeros_like(own), other, payoffs, discount)[:, 0]
            most += payoffs_of(best_reply(other, payoffs, discount), other.sigmoid(), payoffs, discount)[:, 0]
    count = 2 * examples.opponents.shape[1]
    return {"payoff": ((got - least) / (most - least).clamp(min=LEAST * count)).clamp(-1, 1)}
