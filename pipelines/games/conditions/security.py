"""Games with the opponent that leaves the policy the least, whatever that costs the opponent."""

import torch
from torch import Tensor

from pipelines.games.condition import Condition, games, games_for, logits_in
from pipelines.games.data import Examples
from pipelines.games.payoffs import payoffs_of, worst_reply
from pipelines.games.policy import Policy


def condition(*, kind: str = "every") -> Condition:
    """kind: of games, or every."""
    return Condition(games("test", kind), against_the_worst, ("security",))


def against_the_worst(policy: Policy, examples: Examples) -> dict[str, Tensor]:
    """`security`: the payoff less what the better of the two moves secures, played always; a mixed policy may have more
    than that.
    """
    payoffs, discount = games_for(examples, policy), examples.split.discount
    own = logits_in(policy, payoffs)
    worst = worst_reply(own, payoffs, discount)
    left = payoffs_of(own.sigmoid(), worst, payoffs, discount)[:, 0]
    secured = torch.maximum(payoffs[:, 0, :2].min(1).values, payoffs[:, 0, 2:].min(1).values)
    return {"security": left - secured}
