"""Games as they are shown: the policies are the model's and the other player's, and the payoffs are those measured."""

import re

import numpy as np
import pytest
import torch

from pipelines.games import domain, examples, running
from pipelines.games.data import Dataset
from pipelines.games.policy import Policy
from pipelines.showing import Side
from pipelines.sketches import HIGH


@pytest.mark.parametrize("name", ["population", "self_play", "exploit", "security"])
def test_the_bars_are_the_policys(name: str, repeated: Dataset, policy: Policy) -> None:
    condition = {"use": name, "options": {}}
    games = domain.examples(condition, repeated)
    outcomes = running.predict(condition, policy, games, 0)
    judged = examples.judge(condition, outcomes)
    assert judged is not None
    assert judged.good.shape == (len(games),)
    rows = np.array([0, 7, 20])
    shown = examples.done(condition, games, Side(outcomes, lambda: policy, 0), rows, {})
    with torch.no_grad():
        own = policy(torch.from_numpy(games.split.payoffs[rows].copy())).double().sigmoid().numpy()
    for place, each in enumerate(shown):
        heights = [float(height) for height in re.findall(rf"M\d+ {HIGH}v(-?[\d.]+)", each.drawing)]
        assert len(heights) == 10
        assert np.allclose(heights[:5], -HIGH * own[place], atol=0.06)


def test_payoffs_shown_of_a_game_against_oneself_give_its_welfare(repeated: Dataset, policy: Policy) -> None:
    condition = {"use": "self_play", "options": {}}
    games = domain.examples(condition, repeated)
    outcomes = running.predict(condition, policy, games, 0)
    rows = np.arange(len(games))
    shown = examples.done(condition, games, Side(outcomes, lambda: policy, 0), rows, {})
    own, other = games.split.payoffs[:, 0], games.split.payoffs[:, 1][:, [0, 2, 1, 3]]
    for row, each in enumerate(shown):
        found = re.fullmatch(r"welfare (-?[\d.]+); payoffs ([\d.]+) and ([\d.]+)", each.words)
        assert found is not None
        welfare, one, two = map(float, found.groups())
        both = (own[row] + other[row]).tolist()
        apart = max(both) - min(both)
        assert welfare == pytest.approx((one + two - min(both)) / apart, abs=0.011 / apart + 0.006)


def test_the_opponent_that_leaves_the_least_leaves_what_was_measured(repeated: Dataset, policy: Policy) -> None:
    condition = {"use": "security", "options": {}}
    games = domain.examples(condition, repeated)
    outcomes = running.predict(condition, policy, games, 0)
    rows = np.arange(len(games))
    shown = examples.done(condition, games, Side(outcomes, lambda: policy, 0), rows, {})
    own = games.split.payoffs[:, 0]
    secured = np.maximum(own[:, :2].min(1), own[:, 2:].min(1))
    left = np.array([float(re.findall(r"payoffs (-?[\d.]+) and", each.words)[0]) for each in shown])
    assert np.allclose(left - secured, outcomes.values["security"], atol=0.006)
