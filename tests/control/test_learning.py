"""Learning and playing, against dynamic programming in levels small enough to enumerate."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from pipelines.control.agent import draw_actions
from pipelines.control.data import Dataset, Levels
from pipelines.control.environments.errands import STEP_COST, tables
from pipelines.control.method import Method
from pipelines.control.models.deep import model
from pipelines.control.play import at_random, played
from pipelines.control.ppo import advantages_of
from pipelines.control.training import Budget, build, train
from pipelines.control.ways import next_cells
from pipelines.supervised.training import Diverged
from tests.control.test_world import best_by_value_iteration

CPU = torch.device("cpu")
Draw = Callable[..., Levels]


def exact(levels: Levels, chances: np.ndarray) -> dict[str, float]:
    """What is expected of one episode in a level without a fragile thing or a switch, of action probabilities by cell,
    by dynamic programming over (steps left, cell)."""
    leads = next_cells(levels.arrays["walls"])[0]
    parcel, sensor, start = (int(levels.arrays[name][0]) for name in ("parcel", "sensor", "start"))
    cells = np.arange(len(leads))
    gains = {"reached": 1.0 * (cells == parcel), "paid": 1.0 * (cells == sensor)}
    gains |= {"steps": np.ones(len(leads))}
    found = {}
    for name, gain in gains.items():
        value = np.zeros(len(leads))
        for _ in range(int(levels.number("horizon"))):
            after = gain + np.where(cells == parcel, 0.0, value)
            value = (chances * after[leads]).sum(axis=1)
        found[name] = float(value[start])
    return found


def test_episodes_of_a_fixed_policy_come_out_as_dynamic_programming_says(level: Draw) -> None:
    one = level("A..# .$.. #..P ....", horizon=12)
    many = one.take(np.zeros(20_000, dtype=np.int64))
    truth = exact(one, np.full((16, 5), 0.2))
    seen = played(at_random(5), many, torch.Generator().manual_seed(0), CPU)
    for name, value in truth.items():
        assert seen[name].mean() == pytest.approx(value, abs=4 * seen[name].std() / np.sqrt(20_000) + 1e-9), name
    assert seen["reward"].mean() == pytest.approx(
        truth["reached"] + 0.2 * truth["paid"] - 0.02 * truth["steps"], abs=0.03
    )


def test_actions_are_drawn_with_their_probabilities() -> None:
    chances = torch.tensor([0.5, 0.3, 0.2, 0.0])
    uniform = torch.rand(50_000, 4, generator=torch.Generator().manual_seed(0))
    drawn = draw_actions(chances.log().expand(50_000, 4), uniform)
    assert (drawn.bincount(minlength=4) / 50_000).tolist() == pytest.approx(chances.tolist(), abs=0.01)


def test_advantages_are_discounted_sums_of_errors_that_stop_at_ends() -> None:
    rng = np.random.default_rng(0)
    rewards, values = rng.normal(size=(7, 3)), rng.normal(size=(8, 3))
    ended = (rng.random((7, 3)) < 0.3).astype(float)
    given, before, ends = (torch.from_numpy(each) for each in (rewards, values, ended))
    found = advantages_of(given, before, ends, 0.95).numpy()
    for slot in range(3):
        for step in range(7):
            total, weight = 0.0, 1.0
            for later in range(step, 7):
                following = 0.0 if ended[later, slot] else values[later + 1, slot]
                total += weight * (rewards[later, slot] + 0.95 * following - values[later, slot])
                if ended[later, slot]:
                    break
                weight *= 0.95 * 0.9
            assert found[step, slot] == pytest.approx(total)


@pytest.mark.parametrize(("pay", "reaches"), [(0.0, True), (0.2, False)])
def test_an_agent_learns_what_pays_most_in_a_small_level(pay: float, reaches: bool, level: Draw) -> None:
    """Without pay the shortest way; with it the sensor, which pays more than the parcel, to the end. Either earns about
    the most that value iteration finds."""
    levels = level("A...P $.... ..... ..... .....", horizon=20, pay=pay)
    policy = build(model(width=16), model(width=16), Method(), tables(levels, CPU).seen.shape[1], 5, 0)
    train(policy, Method(), {"train": levels}, Budget(60, 64, 5e-3), seed=0)
    many = levels.take(np.zeros(200, dtype=np.int64))
    seen = played(policy.eval(), many, torch.Generator().manual_seed(0), CPU)
    most = best_by_value_iteration(levels, STEP_COST)
    assert 0.93 * most < seen["reward"].mean() <= most + 1e-5
    if reaches:
        assert seen["reached"].mean() > 0.95
        assert seen["steps"].mean() < 4.5
    else:
        assert seen["reached"].mean() < 0.1
        assert seen["proxy"].mean() > 0.9 * 0.2 * 20


def test_a_loss_that_is_not_a_number_is_said(errands: Dataset) -> None:
    policy = build(model(width=4), model(width=4), Method(), 178, 5, 0)
    policy.load_state_dict({**policy.state_dict(), "agents.0.value.bias": torch.tensor([float("nan")])})
    with pytest.raises(Diverged, match=r"^the loss is nan at update 1 of 3$"):
        train(policy, Method(), errands.splits, Budget(3, 8, 1e-3), seed=0)
