"""Exact payoffs and replies against games that are played, and against replies found otherwise."""

from itertools import product

import numpy as np
import pytest
import torch
from torch import Tensor

from pipelines.games.counting import SolveCount
from pipelines.games.opponents import NAMED, UNSEEN, logits_of, population
from pipelines.games.payoffs import best_reply, discounted, payoffs_of, swapped, visits, worst_reply

SURE = 40.0
DILEMMA = torch.tensor([[[3.0, 0.0, 5.0, 1.0]] * 2]) / 5


def drawn(n: int, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Two policies' logits [n, 5], and games [n, 2, 4]."""
    generator = torch.Generator().manual_seed(seed)
    one, other = 2 * torch.randn(2, n, 5, generator=generator, dtype=torch.float64)
    return one, other, torch.rand(n, 2, 4, generator=generator, dtype=torch.float64)


def deterministic(*moves: int) -> Tensor:
    return SURE * (2 * torch.tensor([moves], dtype=torch.float64) - 1)


def test_payoffs_are_those_of_a_long_game_that_is_played() -> None:
    """Ten thousand plays of one game, each ended with probability 1 - discount a round, as two players would see it."""
    (one, other, payoffs), discount, plays = drawn(1, seed=3), 0.8, 10_000
    exact = discounted(one, other, payoffs, discount)[0].numpy()
    rng = np.random.default_rng(0)
    p, q = one.sigmoid().numpy()[0], other.sigmoid().numpy()[0]
    memory_of_one, memory_of_other = (np.zeros(plays, dtype=int) for _ in range(2))
    total, weight = np.zeros((plays, 2)), 1.0
    for _ in range(60):
        first, second = rng.random(plays) < p[memory_of_one], rng.random(plays) < q[memory_of_other]
        state, mirrored = 2 * ~first + ~second, 2 * ~second + ~first
        total += (1 - discount) * weight * np.stack([payoffs[0, 0, state], payoffs[0, 1, mirrored]], axis=1)
        memory_of_one, memory_of_other = 1 + state, 1 + mirrored
        weight *= discount
    error = total.std(axis=0) / np.sqrt(plays)
    assert (np.abs(total.mean(axis=0) - exact) < 4 * error + weight).all()


def test_known_pairs_in_a_prisoners_dilemma() -> None:
    """By hand: tit for tat with itself, with always defect, and grim with an alternator, at a discount of one half."""
    tit_for_tat, defects, alternates = (deterministic(*moves) for moves in ((1, 1, 0, 1, 0), (0,) * 5, (1, 0, 0, 1, 1)))
    grim, game = deterministic(1, 1, 0, 0, 0), DILEMMA.double()
    assert discounted(tit_for_tat, tit_for_tat, game, 0.5).flatten() == pytest.approx([0.6, 0.6])
    assert discounted(tit_for_tat, defects, game, 0.5).flatten() == pytest.approx([0.1, 0.6])
    # CC, CD, DC, DD, DC, DD, ...: grim's 3, 0, 5, 1, 5, 1, ... halved each round
    expected = 0.5 * (3 + 0 + (5 / 4 + 1 / 8) / (1 - 1 / 4)) / 5
    assert float(discounted(grim, alternates, game, 0.5)[0, 0]) == pytest.approx(expected)


def test_swapped_players_swap_their_payoffs() -> None:
    one, other, payoffs = drawn(50)
    there = discounted(one, other, payoffs, 0.9)
    back = discounted(other, one, swapped(payoffs), 0.9)
    assert torch.allclose(there, back.flip(1))


def test_renamed_moves_leave_the_payoffs_as_they_are() -> None:
    """What is called to cooperate is called to defect, by both."""
    one, other, payoffs = drawn(50, seed=1)
    renamed = [-each[:, [0, 4, 3, 2, 1]] for each in (one, other)]
    assert torch.allclose(
        discounted(one, other, payoffs, 0.9), discounted(renamed[0], renamed[1], payoffs.flip(2), 0.9)
    )


def test_visits_are_shares_and_payoffs_are_linear_in_the_game() -> None:
    one, other, payoffs = drawn(50, seed=2)
    share = visits(one.sigmoid(), other.sigmoid(), 0.9)
    assert torch.allclose(share.sum(1), torch.ones(50).double())
    assert (share >= 0).all()
    assert torch.allclose(discounted(one, other, 2 * payoffs + 1, 0.9), 2 * discounted(one, other, payoffs, 0.9) + 1)


def test_without_a_future_only_the_first_round_counts() -> None:
    one, other, payoffs = drawn(20, seed=4)
    p, q = one.sigmoid()[:, 0], other.sigmoid()[:, 0]
    first = torch.stack([p * q, p * (1 - q), (1 - p) * q, (1 - p) * (1 - q)], dim=1)
    assert torch.allclose(discounted(one, other, payoffs, 0.0)[:, 0], (first * payoffs[:, 0]).sum(1))


def by_value_iteration(policy: np.ndarray, payoffs: np.ndarray, discount: float, sign: int) -> float:
    """The most (sign 1) that the first player can have against a second that cooperates with these probabilities, or
    the least (-1) that the second can leave a first that does; `policy` [5] as its own player remembers."""

    def of_state(state: int, ahead: np.ndarray) -> float:
        mirrored = [0, 1, 3, 2, 4][state]
        p = policy[mirrored if sign == 1 else state]
        outcomes = []
        for move in (0, 1):  # of the one that replies
            states = [(2 * move, p), (2 * move + 1, 1 - p)] if sign == 1 else [(move, p), (2 + move, 1 - p)]
            outcomes.append(sum(q * ((1 - discount) * payoffs[0, s] + discount * ahead[s]) for s, q in states))
        return float(max(outcomes) if sign == 1 else min(outcomes))

    ahead = np.zeros(4)
    for _ in range(400):
        ahead = np.array([of_state(1 + state, ahead) for state in range(4)])
    return of_state(0, ahead)


def test_replies_are_those_of_value_iteration() -> None:
    one, other, payoffs = drawn(25, seed=5)
    best = payoffs_of(best_reply(other, payoffs, 0.9), other.sigmoid(), payoffs, 0.9)[:, 0]
    worst = payoffs_of(one.sigmoid(), worst_reply(one, payoffs, 0.9), payoffs, 0.9)[:, 0]
    for n in range(25):
        game = payoffs[n].numpy()
        assert float(best[n]) == pytest.approx(by_value_iteration(other[n].sigmoid().numpy(), game, 0.9, 1), abs=1e-9)
        assert float(worst[n]) == pytest.approx(by_value_iteration(one[n].sigmoid().numpy(), game, 0.9, -1), abs=1e-9)


def test_no_policy_that_remembers_one_round_does_better_than_the_best_reply() -> None:
    """All 32 that are sure, and some that are not; the same for the worst."""
    one, other, payoffs = drawn(30, seed=6)
    best = payoffs_of(best_reply(other, payoffs, 0.95), other.sigmoid(), payoffs, 0.95)[:, 0]
    worst = payoffs_of(one.sigmoid(), worst_reply(one, payoffs, 0.95), payoffs, 0.95)[:, 0]
    sure = [torch.tensor(moves, dtype=torch.float64).expand(30, 5) for moves in product((0, 1), repeat=5)]
    most = torch.stack([payoffs_of(each, other.sigmoid(), payoffs, 0.95)[:, 0] for each in sure]).max(0).values
    least = torch.stack([payoffs_of(one.sigmoid(), each, payoffs, 0.95)[:, 0] for each in sure]).min(0).values
    assert torch.allclose(best, most)
    assert torch.allclose(worst, least)
    unsure = torch.rand(30, 5, generator=torch.Generator().manual_seed(0)).double()
    assert (payoffs_of(unsure, other.sigmoid(), payoffs, 0.95)[:, 0] <= best + 1e-12).all()


def test_a_best_reply_in_single_precision_ends_too() -> None:
    one, _, payoffs = drawn(2000, seed=7)
    found = best_reply(one.float().round(), payoffs.float().round(decimals=1), 0.99)
    assert found.dtype == torch.float32
    assert set(found.flatten().tolist()) == {0.0, 1.0}


def test_the_best_reply_to_tit_for_tat_is_to_cooperate_where_the_future_counts() -> None:
    tit_for_tat = deterministic(1, 1, 0, 1, 0)
    game = DILEMMA.double()
    patient = payoffs_of(best_reply(tit_for_tat, game, 0.9), tit_for_tat.sigmoid(), game, 0.9)
    assert patient.flatten() == pytest.approx([0.6, 0.6])
    hasty = payoffs_of(best_reply(tit_for_tat, game, 0.1), tit_for_tat.sigmoid(), game, 0.1)
    assert float(hasty[0, 0]) == pytest.approx((0.9 * 5 + 0.1 * 1) / 5)


def test_opponents_of_training_and_unseen_ones_are_apart() -> None:
    assert not set(NAMED.values()) & set(UNSEEN.values())
    met = population(8000, torch.Generator().manual_seed(0))
    named = logits_of(NAMED)
    shares = [(met == each).all(1).double().mean() for each in named]
    assert all(float(share) == pytest.approx(1 / 8, abs=0.02) for share in shares)


def test_solving_is_counted() -> None:
    with SolveCount() as count:
        torch.linalg.solve(torch.eye(4).expand(10, 4, 4) * 2, torch.ones(10, 4))
    assert count.total == int(10 * (2 / 3 * 64 + 2 * 16))
