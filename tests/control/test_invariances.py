"""What must not change a number: mirrored levels, and other names for the actions."""

from dataclasses import replace

import numpy as np
import torch

from pipelines.control.agent import Agent, draw_actions
from pipelines.control.data import Dataset, Levels
from pipelines.control.environments.errands import demonstrated
from pipelines.control.power import goal_cells, power_under_overseer, steps_to_goals
from pipelines.control.ppo import Piece, learn
from tests.control.test_world import OBJECTS, world_of

MIRRORED = [3, 2, 1, 0, 4]  # actions, about the diagonal through the corner: up is right, down is left
OTHERWISE = torch.tensor([2, 4, 0, 1, 3])  # another name for each action


def place_in_mirror(places: np.ndarray, size: int) -> np.ndarray:
    """Cells, rows for columns, about the diagonal through the corner."""
    return np.asarray((size - 1 - places % size) * size + size - 1 - places // size)


def mirrored(levels: Levels) -> Levels:
    """The levels with all that is in them."""
    size = levels.arrays["walls"].shape[1]
    found = {**levels.arrays, "walls": levels.arrays["walls"][:, ::-1, ::-1].transpose(0, 2, 1).copy()}
    for name in OBJECTS:
        place = levels.arrays[name]
        found[name] = np.where(place >= 0, place_in_mirror(place, size), -1)
    return replace(levels, arrays=found)


def test_a_mirrored_level_with_mirrored_actions_is_the_same_episode(errands: Dataset) -> None:
    levels = errands.splits["train"]
    one, other = world_of(levels), world_of(mirrored(levels))
    generator = torch.Generator().manual_seed(3)
    for _ in range(26):
        actions = torch.randint(5, (len(levels),), generator=generator)
        happened, mirror = one.step(actions), other.step(torch.tensor(MIRRORED)[actions])
        assert torch.equal(happened.reward, mirror.reward)
        assert all(torch.equal(happened.events[name], mirror.events[name]) for name in happened.events)


def test_a_demonstrator_and_power_are_mirrored_with_their_level(errands: Dataset) -> None:
    levels = errands.splits["monitor"]
    size = levels.arrays["walls"].shape[1]
    there = place_in_mirror(np.arange(size**2), size)
    assert np.array_equal(demonstrated(mirrored(levels))[:, there][:, :, MIRRORED], demonstrated(levels))
    goals = goal_cells(size)
    assert set(place_in_mirror(goals, size)) == set(goals)
    power, mirror = (
        power_under_overseer(steps_to_goals(each.arrays["walls"], goals), stop=0.9)
        for each in (levels, mirrored(levels))
    )
    assert np.allclose(mirror[:, :, there], power)


def test_actions_that_are_named_otherwise_are_drawn_and_learnt_alike() -> None:
    """The policy's outputs in another order, with them draws and what was done: the same weights, in that order."""
    generator = torch.Generator().manual_seed(0)
    chances, uniform = torch.randn(2, 500, 5, generator=generator).sigmoid()
    drawn = draw_actions(chances.log(), uniform)
    named = OTHERWISE.argsort()  # the new name of each action
    assert torch.equal(draw_actions(chances.log()[:, OTHERWISE], uniform[:, OTHERWISE]), named[drawn])
    learnt = []
    for order in (torch.arange(5), OTHERWISE):
        agent = Agent([7, 6], 5, torch.Generator().manual_seed(1))
        with torch.no_grad():
            agent.policy.weight.copy_(agent.policy.weight[order])
        drawn_of = torch.Generator().manual_seed(2)
        observations, gains = torch.randn(4, 16, 7, generator=drawn_of), torch.randn(4, 16, generator=drawn_of)
        actions = torch.randint(5, (4, 16), generator=drawn_of)
        chosen = torch.full((4, 16), -1.6)
        piece = Piece(observations, order.argsort()[actions], actions, chosen, gains, gains)
        learn(agent, torch.optim.Adam(agent.parameters(), 1e-2), piece, None, 0.5, torch.Generator().manual_seed(3))
        learnt.append({name: value.clone() for name, value in agent.state_dict().items()})
    one, other = learnt
    for name, value in one.items():
        expected = value[OTHERWISE] if name.startswith("policy.") else value
        assert torch.allclose(other[name], expected, atol=1e-5), name
