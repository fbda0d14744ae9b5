"""Every method and condition, by listing the folders: it trains, is reproducible, is stored, and says what it has."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from pipelines import parts
from pipelines.control import domain, running
from pipelines.control.agent import Policy
from pipelines.control.condition import Condition
from pipelines.control.data import Dataset
from pipelines.control.methods.quantiliser import best_of_trusted
from pipelines.control.methods.regret_levels import by_regret
from pipelines.control.ppo import LENGTH, Piece
from pipelines.outcomes import COLLAPSED
from pipelines.supervised.training import Trained
from tests.control.conftest import FEW, specified
from tests.slow import fast_are

SOME = ("standard", "deep_ensemble", "diverse_levels", "impact_penalty", "kl_penalty")
METHODS, CONDITIONS = (parts.names(f"pipelines.control.{kind}") for kind in ("methods", "conditions"))
MODELS = parts.names("pipelines.control.models")
OPTIONS: dict[str, dict[str, Any]] = {"search": {"queries": 2}}


def spec(method: str, model: str = "deep", seed: int = 0, sibling: Any = None, **options: Any) -> dict[str, Any]:
    return {
        "model": {"use": model, "options": {"width": 6}},
        "method": {"use": method, "options": options},
        "training": {"updates": 4, "slots": 16},
        "data": {"environment": "errands", "observation": 178, "actions": 5},
        "sibling": sibling,
        "seed": seed,
    }


def same(first: Mapping[str, NDArray[np.generic]], second: Mapping[str, NDArray[np.generic]]) -> bool:
    return list(first) == list(second) and all(np.array_equal(first[name], second[name]) for name in first)


@pytest.fixture(scope="module")
def run(errands: Dataset) -> Any:
    @cache
    def trained(method: str, seed: int = 0) -> Trained:
        (result,) = running.train(spec(method, seed=seed), errands.splits, "cpu")
        return result

    return trained


@pytest.mark.parametrize("method", fast_are(SOME, METHODS))
def test_a_method_trains_and_gives_the_same_bytes_again(method: str, run: Any, errands: Dataset) -> None:
    first, other = run(method), run(method, seed=1)
    torch.manual_seed(123)
    (again,) = running.train(spec(method), errands.splits, "cpu")
    assert np.isfinite(first.loss)
    assert (first.steps, first.flops > 0) == (4, True)
    assert same(first.weights, again.weights)
    assert not same(first.weights, other.weights)


@pytest.mark.parametrize("method", [name for name in METHODS if name != "standard"])
def test_a_method_is_not_standard(method: str, run: Any) -> None:
    assert not same(run(method).weights, run("standard").weights)


@pytest.mark.parametrize("method", METHODS)
def test_checkpoints_lie_on_the_way_and_do_not_change_the_end(method: str, run: Any, errands: Dataset) -> None:
    on_the_way = running.train(spec(method), errands.splits, "cpu", [1, 3])
    assert [each.steps for each in on_the_way] == [1, 3, 4]
    assert same(on_the_way[-1].weights, run(method).weights)
    assert on_the_way[0].flops < on_the_way[-1].flops


@pytest.mark.parametrize("method", fast_are(SOME, METHODS))
@pytest.mark.parametrize("model", MODELS)
def test_a_policy_is_restored_and_gives_probabilities(method: str, model: str, errands: Dataset) -> None:
    made = spec(method, model)
    (trained,) = running.train({**made, "training": {"updates": 1, "slots": 8}}, errands.splits, "cpu")
    policy = running.restore(made, trained.weights, "cpu")
    chances = policy(torch.rand(7, 178, generator=torch.Generator().manual_seed(0)))
    assert chances.shape == (7, 5)
    assert torch.allclose(chances.sum(1), torch.ones(7))
    assert (chances >= 0).all()
    shape = domain.shape(specified(**FEW))
    own = domain.parameters(made["model"], made["method"], shape)
    assert own == sum(value.size for name, value in trained.weights.items() if name.startswith("agents."))
    assert domain.own_model(made["method"]) == (own != domain.cost(made["model"], shape).parameters)


@pytest.mark.parametrize("method", METHODS)
def test_what_a_method_says_of_its_options_is_true(method: str) -> None:
    factory = parts.factory("pipelines.control.methods", method)
    assert all(f"{name}:" in str(factory.__doc__) for name in parts.defaults(factory))
    assert "Cost" in str(factory.__doc__)


def test_flops_are_those_that_the_plan_counts(run: Any) -> None:
    shape = domain.shape(specified(**FEW))
    training = spec("standard")["training"]
    planned = domain.cost(spec("standard")["model"], shape).flops_an_example * domain.training_examples(shape, training)
    assert domain.training_examples(shape, training) == 4 * 16 * LENGTH
    assert run("standard").flops == pytest.approx(planned, rel=0.1)


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_condition_records_what_it_says_the_same_each_time(condition: str, run: Any, errands: Dataset) -> None:
    made: dict[str, Any] = {"use": condition, "options": OPTIONS.get(condition, {})}
    chosen: Condition = parts.load("pipelines.control.conditions", condition, made["options"])
    policy = running.restore(spec("standard"), run("standard").weights, "cpu")
    examples = domain.examples(made, errands)
    first, again = (running.predict(made, policy, examples, seed=3) for _ in range(2))
    assert set(domain.outcomes_have(made)) <= set(first.values)
    assert domain.splits_needed("conditions", made) == (chosen.split,)
    assert len(first) == len(examples)
    assert first.logits.shape == (len(first), 0)
    for name in first.values:
        assert np.array_equal(first.values[name], again.values[name]), name
        assert np.isfinite(first.values[name]).all()


def test_an_agent_that_knows_nothing_is_flagged(run: Any, errands: Dataset) -> None:
    policy = running.restore(spec("standard"), run("standard").weights, "cpu")
    made = {"use": "clean", "options": {}}
    assert running.predict(made, policy, errands.splits["capability"], 0).flags == (COLLAPSED,)


def test_a_sibling_learns_from_few_levels(errands: Dataset, run: Any) -> None:
    condition = {"use": "few_levels", "options": {"share": 0.1}}
    (trained,) = running.train(spec("standard", sibling=condition), errands.splits, "cpu")
    assert not same(trained.weights, run("standard").weights)
    assert domain.sibling_cost(condition) == 1.0
    assert domain.sibling_cost({"use": "clean", "options": {}}) is None


def test_every_split_that_a_sibling_learns_from_is_as_few(errands: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    learnt: dict[str, int] = {}

    def watched(policy: Policy, method: Any, splits: Any, *rest: Any) -> list[Any]:
        learnt.update({name: len(levels) for name, levels in splits.items()})
        return []

    monkeypatch.setattr("pipelines.control.training.train", watched)
    running.train(
        spec("diverse_levels", sibling={"use": "few_levels", "options": {"share": 0.1}}), errands.splits, "cpu"
    )
    few = {"train": 6, "more_train": 2, "diverse": 2, "demonstrations": 3}
    assert learnt == {name: few.get(name, len(levels)) for name, levels in errands.splits.items()}


def test_a_quantiliser_is_the_trusted_policy_at_1_and_its_best_action_near_0(run: Any) -> None:
    policy: Policy = running.restore(spec("quantiliser"), run("quantiliser").weights, "cpu")
    seen = torch.rand(9, 178, generator=torch.Generator().manual_seed(0))
    assert policy.trusted is not None
    base, agent = policy.trusted(seen)[0].softmax(1), policy.agents[0](seen)[0]
    assert torch.allclose(best_of_trusted(1.0, policy, seen), base, atol=1e-6)
    least = best_of_trusted(1e-4, policy, seen)
    assert torch.equal(least.argmax(1), agent.argmax(1))
    half = best_of_trusted(0.5, policy, seen)
    assert (half <= 2 * base + 1e-6).all()
    assert torch.allclose((half / base).max(1).values, torch.full((9,), 2.0), atol=1e-5)


def test_levels_of_much_regret_are_drawn_more_often() -> None:
    regret = torch.zeros(4)
    rows = torch.tensor([[0, 1], [0, 2]])
    gains = torch.tensor([[1.0, -5.0], [3.0, 0.5]])
    nothing = torch.zeros(2, 2)
    piece = Piece(nothing, nothing, rows, nothing, gains, gains)
    weights = by_regret(1.0, 1.0, regret, torch.ones(4), piece)
    assert regret.tolist() == [2, 0, 0.5, 0]
    assert weights.tolist() == pytest.approx([1 / (25 / 12), 1 / 3 / (25 / 12), 1 / 2 / (25 / 12), 1 / 4 / (25 / 12)])
    assert by_regret(0.0, 1.0, regret, weights, piece).tolist() == pytest.approx([0.25] * 4)
