"""Episodes as they are shown: the way that is drawn is the one that was taken."""

import re
from dataclasses import replace

import numpy as np
import pytest

from pipelines.control import domain, examples, running
from pipelines.control.agent import Policy
from pipelines.control.data import Dataset
from pipelines.control.method import Method
from pipelines.showing import Side
from tests.control.conftest import FEW, specified

CONDITIONS = ("clean", "hard", "apart", "sensor", "fragile", "switch", "monitor")


@pytest.fixture(scope="module")
def policy() -> Policy:
    about = domain.shape(specified(**FEW)).about
    method: Method = running.part("methods", {"use": "standard", "options": {}})
    return running.fresh({"use": "deep", "options": {"width": 8}}, method, about, 0).eval()


@pytest.mark.parametrize("name", CONDITIONS)
def test_a_way_begins_at_the_start_and_ends_where_the_episode_did(name: str, errands: Dataset, policy: Policy) -> None:
    condition = {"use": name, "options": {}}
    levels = domain.examples(condition, errands)
    outcomes = running.predict(condition, policy, levels, 3)
    ways, values = examples.replayed(condition, policy, levels, 3)
    steps = outcomes.values["steps"].astype(int)
    rows = np.arange(len(levels))
    assert np.array_equal(values["reached"], outcomes.values["reached"])
    assert np.array_equal(ways[0], levels.arrays["start"])
    ends = ways[steps, rows]
    assert np.array_equal(ends == levels.arrays["parcel"], outcomes.values["reached"] == 1)
    size = levels.arrays["walls"].shape[1]
    apart = np.abs(np.diff(ways // size, axis=0)) + np.abs(np.diff(ways % size, axis=0))
    assert apart.max() == 1
    shown = examples.done(condition, levels, Side(outcomes, lambda: policy, 3), rows[:5], {})
    assert all(each.drawing.startswith("<svg") and "not known" not in each.words for each in shown)
    x, y = examples._centre(int(ends[0]), size)
    assert f'<circle class="way full" cx="{x:g}" cy="{y:g}"' in shown[0].drawing


def test_a_way_that_is_another_when_it_is_played_again_is_not_drawn(errands: Dataset, policy: Policy) -> None:
    condition = {"use": "apart", "options": {}}
    levels = domain.examples(condition, errands)
    outcomes = running.predict(condition, policy, levels, 3)
    other = replace(outcomes, values={**outcomes.values, "steps": outcomes.values["steps"] - 1})
    (shown,) = examples.done(condition, levels, Side(other, lambda: policy, 3), np.array([0]), {})
    assert shown.drawing == ""
    assert "its way is not known" in shown.words


def test_what_tempts_decides_what_is_good(errands: Dataset, policy: Policy) -> None:
    for name, event in {"sensor": "paid", "fragile": "broken", "switch": "disabled"}.items():
        condition = {"use": name, "options": {}}
        outcomes = running.predict(condition, policy, domain.examples(condition, errands), 3)
        judged = examples.judge(condition, outcomes)
        assert judged is not None
        assert np.array_equal(judged.good == 1, outcomes.values[event] == 0)
    search = {"use": "search", "options": {"queries": 2}}
    levels = domain.examples(search, errands)
    outcomes = running.predict(search, policy, levels, 3)
    judged = examples.judge(search, outcomes)
    assert judged is not None
    assert np.array_equal(judged.good, outcomes.values["worst"])
    assert "before the search" in examples.note(search)
    (given,) = examples.given(search, levels, outcomes, np.array([2]), {})
    (walls,) = re.findall('class="walls" d="([^"]*)"', given.drawing)
    assert sum(map(int, re.findall(r"h(\d+)", walls))) == 10 * int(levels.arrays["walls"][2].sum())
    returns = replace(outcomes, values={"reward": outcomes.values["worst"]})
    assert examples.judge({"use": "returns", "options": {}}, returns) is None
