"""Exact payoffs of policies that remember one round: no play is simulated.

A policy is five logits of cooperating: in the first round, and after CC, CD, DC and DD, its own move first. Two such
policies make a Markov chain of four states, whose discounted visits are the solution of a linear system. All payoffs
are normalised: the mean over rounds, each weighing as its discount.
"""

import torch
from torch import Tensor

FROM_THE_OTHER_SIDE = [0, 2, 1, 3]  # CC, CD, DC, DD as the other player calls them
STATES = 4
TIE = 1e-9  # moves that differ by less are left as they are


def swapped(payoffs: Tensor) -> Tensor:
    """The games [n, 2, 4] with the players in each other's place."""
    return payoffs.flip(1)


def seen_by_the_other(policy: Tensor) -> Tensor:
    """What a policy [..., 5] gives after CC, CD, DC and DD as the other player calls these."""
    return policy[..., [0, *(1 + state for state in FROM_THE_OTHER_SIDE)]]


def joint(one: Tensor, other: Tensor) -> Tensor:
    """Probabilities [..., 4] of CC, CD, DC and DD where the players cooperate with these [...]."""
    return torch.stack([one * other, one * (1 - other), (1 - one) * other, (1 - one) * (1 - other)], dim=-1)


def visits(one: Tensor, other: Tensor, discount: float) -> Tensor:
    """The discounted share of rounds [n, 4] that end in CC, CD, DC and DD, the first player's move first; it sums to 1.
    `one` and `other` are probabilities of cooperating [n, 5], each as its own player remembers.
    """
    moves = joint(one, seen_by_the_other(other))  # [n, 5, 4]: in the first round, and after each state
    system = torch.eye(STATES).to(one) - discount * moves[:, 1:].transpose(1, 2)
    solved: Tensor = torch.linalg.solve(system, moves[:, 0])
    return (1 - discount) * solved


def payoffs_of(one: Tensor, other: Tensor, payoffs: Tensor, discount: float) -> Tensor:
    """Both players' payoffs [n, 2] in games [n, 2, 4], where they cooperate with these probabilities [n, 5]."""
    share = visits(one, other, discount)
    of_other = payoffs[:, 1, FROM_THE_OTHER_SIDE]
    return torch.stack([(share * payoffs[:, 0]).sum(1), (share * of_other).sum(1)], dim=1)


def discounted(one: Tensor, other: Tensor, payoffs: Tensor, discount: float) -> Tensor:
    """Both players' payoffs [n, 2] of policies with these logits [n, 5] in games [n, 2, 4]."""
    return payoffs_of(one.sigmoid(), other.sigmoid(), payoffs, discount)


def best_reply(other: Tensor, payoffs: Tensor, discount: float) -> Tensor:
    """The reply [n, 5], probabilities that are 0 or 1, with the highest payoff of the first player against a policy
    [n, 5] of the second, given by its logits. Nothing else does better, whatever it remembers: against a policy that
    remembers one round the last round is all that matters.
    """
    return reply(seen_by_the_other(other.sigmoid()), payoffs[:, 0], discount)


def worst_reply(one: Tensor, payoffs: Tensor, discount: float) -> Tensor:
    """The reply [n, 5] of the second player with the lowest payoff of the first, whose policy has these logits."""
    return reply(seen_by_the_other(one.sigmoid()), -payoffs[:, 0][:, FROM_THE_OTHER_SIDE], discount)


@torch.no_grad()
def reply(opponent: Tensor, gain: Tensor, discount: float) -> Tensor:
    """The reply [n, 5] with the highest discounted gain, by policy iteration. `opponent` [n, 5]: its probabilities of
    cooperating by what the replier remembers; `gain` [n, 4] after CC, CD, DC and DD, the replier's move first.
    """
    met, gained = opponent.double(), gain.double()
    chosen = torch.ones_like(met)
    while True:
        onwards = gained + discount * from_each_state(chosen, met, gained, discount)
        cooperate, defect = (met * onwards[:, [move]] + (1 - met) * onwards[:, [move + 1]] for move in (0, 2))
        better = torch.where((cooperate - defect).abs() > TIE, (cooperate > defect).double(), chosen)
        if torch.equal(better, chosen):
            return chosen.to(opponent)
        chosen = better


def from_each_state(one: Tensor, other: Tensor, gain: Tensor, discount: float) -> Tensor:
    """The discounted sum of what the first player gains [n, 4] from each state on; both probabilities [n, 5] by what it
    remembers.
    """
    moves = joint(one, other)[:, 1:]
    system = torch.eye(STATES).to(one) - discount * moves
    solved: Tensor = torch.linalg.solve(system, (moves * gain[:, None]).sum(2))
    return solved
