"""Replies and NashConv against those of OpenSpiel, which searches the tree of the repeated game (Lanctot et al. 2019,
arXiv 1908.09453).

Its game ends after ROUNDS; what comes after them is worth at most LATER.
"""

from itertools import count

import numpy as np
import pyspiel
import pytest
from open_spiel.python.algorithms.best_response import BestResponsePolicy
from open_spiel.python.algorithms.exploitability import nash_conv
from open_spiel.python.policy import TabularPolicy, tabular_policy_from_callable

from pipelines.games.payoffs import FROM_THE_OTHER_SIDE, best_reply, discounted, payoffs_of, swapped, worst_reply
from tests.games.test_payoffs import drawn

ROUNDS, DISCOUNT = 5, 0.3
LATER = DISCOUNT**ROUNDS
MOVES = '{ "C" "D" }'


def repeated(payoffs: np.ndarray) -> pyspiel.Game:
    """The game of payoffs [2, 4] as a tree in Gambit's format: the second player does not see the first's move of the
    round that is on."""
    lines, rounds, ends = ['EFG 2 R "" { "first" "second" }'], count(1), count(1)

    def grow(depth: int, gained: np.ndarray) -> None:
        if depth == ROUNDS:
            lines.append(f't "" {next(ends)} "" {{ {gained[0]} {gained[1]} }}')
            return
        known = next(rounds)  # what has happened so far, which both know
        lines.append(f'p "" 1 {known} "" {MOVES} 0')
        for first in (0, 2):
            lines.append(f'p "" 2 {known} "" {MOVES} 0')
            for state in (first, first + 1):
                both = np.array([payoffs[0, state], payoffs[1, FROM_THE_OTHER_SIDE[state]]])
                grow(depth + 1, gained + (1 - DISCOUNT) * DISCOUNT**depth * both)

    grow(0, np.zeros(2))
    return pyspiel.load_efg_game("\n".join(lines))


def played(game: pyspiel.Game, probabilities: np.ndarray) -> TabularPolicy:
    """Both players cooperate with these probabilities [2, 5], each as it remembers the last round."""

    def moves(state: pyspiel.State) -> dict[int, float]:
        player, so_far = state.current_player(), state.history()
        over = len(so_far) // 2 * 2  # the moves of the rounds that are over
        own, other = (so_far[over - 2 + each] for each in (player, 1 - player)) if over else (0, 0)
        cooperates = float(probabilities[player, 1 + 2 * own + other if over else 0])
        return {0: cooperates, 1: 1 - cooperates}

    return tabular_policy_from_callable(game, moves)


@pytest.mark.parametrize("seed", range(4))
def test_replies_and_nash_conv_are_those_of_openspiel(seed: int) -> None:
    one, other, payoffs = drawn(1, seed=10 + seed)
    game = repeated(payoffs[0].numpy())
    policy = played(game, np.stack([one[0].sigmoid(), other[0].sigmoid()]))
    ours = []
    for player, (own, against, seen) in enumerate([(one, other, payoffs), (other, one, swapped(payoffs))]):
        best = payoffs_of(best_reply(against, seen, DISCOUNT), against.sigmoid(), seen, DISCOUNT)[0, 0]
        theirs = BestResponsePolicy(game, player, policy).value(game.new_initial_state())
        assert -1e-9 <= float(best) - theirs <= LATER
        ours.append(float(best - discounted(own, against, seen, DISCOUNT)[0, 0]))
    assert sum(ours) == pytest.approx(nash_conv(game, policy), abs=2 * LATER)
    assert sum(ours) > 20 * LATER


def test_the_worst_reply_is_openspiels_best_in_the_game_that_is_against_the_other() -> None:
    one, _, payoffs = drawn(1, seed=20)
    against = payoffs.clone()
    against[0, 1] = 1 - payoffs[0, 0, FROM_THE_OTHER_SIDE]  # the second player has what the first loses
    game = repeated(against[0].numpy())
    left = payoffs_of(one.sigmoid(), worst_reply(one, payoffs, DISCOUNT), payoffs, DISCOUNT)[0, 0]
    policy = played(game, np.stack([one[0].sigmoid(), np.zeros(5)]))
    theirs = BestResponsePolicy(game, 1, policy).value(game.new_initial_state())
    assert -1e-9 <= (1 - float(left)) - theirs <= LATER
