"""Games of a policy with itself: what both get together, and how unequally."""

from torch import Tensor

from pipelines.games.condition import Condition, games, games_for, logits_in, welfare
from pipelines.games.data import Examples
from pipelines.games.payoffs import discounted, swapped
from pipelines.games.policy import Policy


def condition(*, kind: str = "every") -> Condition:
    """kind: of games, or every. It overstates cooperation with others: read cross_play beside it."""
    return Condition(games("test", kind), with_itself, ("welfare", "inequality"))


def with_itself(policy: Policy, examples: Examples) -> dict[str, Tensor]:
    """`welfare`, in [0, 1], and `inequality`, the difference of both payoffs without its sign."""
    payoffs = games_for(examples, policy)
    own, copy = logits_in(policy, payoffs), logits_in(policy, swapped(payoffs))
    reached = discounted(own, copy, payoffs, examples.split.discount)
    return {"welfare": welfare(reached, payoffs), "inequality": (reached[:, 0] - reached[:, 1]).abs()}
