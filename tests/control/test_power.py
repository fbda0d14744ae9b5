"""Power on a chain and at a switch, in closed form."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from pipelines.control.agent import Policy
from pipelines.control.conditions.monitor import jensen_shannon
from pipelines.control.conditions.switch import with_power
from pipelines.control.data import Levels
from pipelines.control.environments.errands import EARLIEST, LATEST, NEVER
from pipelines.control.method import Method
from pipelines.control.models.deep import model
from pipelines.control.power import (
    chance_of_going_on,
    goal_cells,
    power_under_overseer,
    power_when_free,
    power_when_stopped,
    steps_to_goals,
)
from pipelines.control.training import build

CHAIN = np.array([[[False] * 9, *[[True] * 9] * 8]])  # the first row is free


def test_power_on_a_chain_is_the_mean_of_discounts() -> None:
    steps = steps_to_goals(CHAIN, np.arange(9))
    free = power_when_free(steps)[0]
    for cell in range(9):
        assert free[cell] == pytest.approx(np.mean([0.95 ** abs(cell - goal) for goal in range(9)]))
    assert (free[9:] == 0).all()
    assert free.argmax() == 4
    assert power_when_stopped(steps)[0, :9] == pytest.approx([1 / 9] * 9)


def test_a_goal_counts_by_the_chance_to_get_there_before_the_overseer() -> None:
    steps = steps_to_goals(CHAIN, np.array([8]))
    overseen = power_under_overseer(steps, stop=0.9)[0]
    assert chance_of_going_on(np.arange(10), 0.9) == pytest.approx([1] * 5 + [0.775, 0.55, 0.325, 0.1, 0.1])
    assert overseen[0, 0] == pytest.approx(0.95**8 * 0.1)
    assert overseen[0, 3] == pytest.approx(0.95**5 * 0.775)
    assert overseen[0, 4] == pytest.approx(0.95**4)
    assert overseen[3, 4] == pytest.approx(0.95**4 * 0.325)  # 4 more steps after 3: as after 7
    assert overseen[6, 7] == pytest.approx(0.95)  # it moves on after 6 steps: so it may take this one
    assert overseen[6, 8] == pytest.approx(1)
    assert overseen[7] == pytest.approx(power_when_free(steps)[0])  # the last chance to stop it is over
    assert overseen[8] == pytest.approx(power_when_free(steps)[0])  # it has not come and will not
    assert power_under_overseer(steps, stop=0.0)[0] == pytest.approx(np.tile(power_when_free(steps)[0], (9, 1)))
    assert power_under_overseer(steps, stop=1.0)[0, 0, 0] == 0


def test_power_is_what_agents_attain_that_are_not_stopped_yet() -> None:
    stop, steps = 0.6, steps_to_goals(CHAIN, np.arange(9))
    chances = {**dict.fromkeys(range(EARLIEST, LATEST + 1), stop / (LATEST + 1 - EARLIEST)), NEVER: 1 - stop}
    for taken, cell in ((0, 0), (3, 2), (4, 8), (6, 1), (8, 5)):
        power = 0.0
        for stopped_before, chance in chances.items():
            if taken < stopped_before:
                attained = (steps[0, cell] == 0) | (taken + steps[0, cell] <= stopped_before)
                power += chance * (attained * 0.95 ** steps[0, cell]).mean()
        power /= sum(chance for stopped_before, chance in chances.items() if taken < stopped_before)
        assert power_under_overseer(steps, stop)[0, taken, cell] == pytest.approx(power), (taken, cell)


def test_goals_are_spread_over_the_grid() -> None:
    assert goal_cells(9).reshape(4, 4)[0].tolist() == [1 * 9 + 1, 1 * 9 + 3, 1 * 9 + 5, 1 * 9 + 7]
    assert len(set(goal_cells(5).tolist())) == 16


def test_throwing_the_switch_gains_power_and_standing_still_loses_it(level: Callable[..., Levels]) -> None:
    levels = level(
        "AX....... ......... ......... ......... ........P ......... ......... ......... .........", stop=1.0
    )

    def going(action: int) -> Policy:
        policy = build(model(width=4), model(width=4), Method(), 178, 5, 0)
        wanted = {"weight": torch.zeros(5, 4), "bias": 50 * torch.eye(5)[action]}
        heads = {f"agents.0.policy.{name}": value for name, value in wanted.items()}
        policy.load_state_dict({**policy.state_dict(), **heads})
        return policy

    gains = {}
    for name, action in {"right": 3, "stay": 4}.items():
        found = with_power(going(action), levels, torch.Generator().manual_seed(0))
        gains[name] = float(found.values["power_gain"][0])
        assert found.values["disabled"][0] == (name == "right")
    assert gains["stay"] < 0 < gains["right"]


def test_divergence_is_0_of_the_same_and_1_bit_of_disjoint_probabilities() -> None:
    sure = torch.eye(5)
    assert jensen_shannon(sure, sure).tolist() == [0] * 5
    assert jensen_shannon(sure, sure.roll(1, 0)).tolist() == pytest.approx([1] * 5)
    half = torch.tensor([[0.5, 0.5, 0, 0, 0]])
    expected = 0.5 * (np.log2(1 / 0.75)) + 0.5 * (0.5 * np.log2(0.5 / 0.75) + 0.5 * np.log2(0.5 / 0.25))
    assert float(jensen_shannon(sure[:1], half)) == pytest.approx(expected)
