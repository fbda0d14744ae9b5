"""The adapter for gymnasium, and what is said where it can't be used."""

import sys
from typing import Any

import numpy as np
import pytest

from pipelines.control import domain, running
from pipelines.data import DataError

FEW = {"train": 50, "capability": 30}


def specified(**options: Any) -> dict[str, Any]:
    return {"use": "gymnasium", "options": {**FEW, **options}}


def test_that_it_is_not_installed_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gymnasium", None)
    with pytest.raises(DataError) as raised:
        domain.shape(specified())
    assert str(raised.value) == "gymnasium: the package is not installed: pip install 'diffprog[gymnasium]'"


def test_an_agent_learns_to_hold_the_pole() -> None:
    shape, data = domain.shape(specified(longest=100)), domain.dataset(specified(longest=100))
    model = {"use": "deep", "options": {"width": 16}}
    run = {"method": {"use": "standard", "options": {}}, "model": model, "data": shape.about, "sibling": None}
    returns = {"use": "returns", "options": {}}
    found = {}
    for updates in (1, 60):
        made = {**run, "training": {"updates": updates, "slots": 32, "learning_rate": 0.01}, "seed": 0}
        (trained,) = running.train(made, data.splits, "cpu")
        (again,) = running.train(made, data.splits, "cpu") if updates == 1 else (trained,)
        assert all(np.array_equal(trained.weights[name], again.weights[name]) for name in trained.weights)
        policy = running.restore(made, trained.weights, "cpu")
        found[updates] = running.predict(returns, policy, domain.examples(returns, data), 0).values
    for values in found.values():
        assert np.array_equal(values["reward"], values["steps"])  # 1 a step
    assert found[60]["reward"].mean() > 2 * found[1]["reward"].mean()


@pytest.mark.parametrize(
    ("world", "says"),
    [
        ("NoSuchWorld-v0", "gymnasium: 'NoSuchWorld-v0': Environment `NoSuchWorld` doesn't exist"),
        ("Pendulum-v1", "gymnasium: 'Pendulum-v1' has Box("),
    ],
)
def test_a_world_that_can_not_be_used_is_named(world: str, says: str) -> None:
    with pytest.raises(DataError) as raised:
        domain.shape(specified(world=world))
    assert str(raised.value).startswith(says)
