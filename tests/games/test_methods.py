"""Every method, by listing the folder: it trains, it is reproducible, it is stored, and it differs from standard."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from pipelines import parts
from pipelines.games import domain, running
from pipelines.games.data import Dataset, Shape
from pipelines.games.method import Method, Step
from pipelines.games.payoffs import discounted, swapped
from pipelines.supervised.training import Diverged, Trained

PACKAGE = "pipelines.games.methods"
METHODS = parts.names(PACKAGE)
MODELS = ("deep", "shallow")
Run = Callable[..., Trained]


def spec(method: str, model: str = "deep", seed: int = 0, **training: Any) -> dict[str, Any]:
    return {
        "model": {"use": model, "options": {"width": 6}},
        "method": {"use": method, "options": {}},
        "training": {"steps": 6, "batch_size": 32, **training},
        "data": {"discount": 0.9},
        "sibling": None,
        "seed": seed,
    }


def same(first: Mapping[str, NDArray[np.generic]], second: Mapping[str, NDArray[np.generic]]) -> bool:
    return list(first) == list(second) and all(np.array_equal(first[name], second[name]) for name in first)


@pytest.fixture(scope="module")
def run(repeated: Dataset) -> Run:
    @cache
    def trained(method: str, seed: int = 0) -> Trained:
        (result,) = running.train(spec(method, seed=seed), repeated.splits, "cpu")
        return result

    return trained


@pytest.mark.parametrize("method", METHODS)
def test_a_method_trains_and_gives_the_same_bytes_again(method: str, run: Run, repeated: Dataset) -> None:
    first, other = run(method), run(method, seed=1)
    torch.manual_seed(123)
    (again,) = running.train(spec(method), repeated.splits, "cpu")
    assert np.isfinite(first.loss)
    assert first.steps == 6
    assert first.flops > 0
    assert same(first.weights, again.weights)
    assert not same(first.weights, other.weights)


@pytest.mark.parametrize("method", [name for name in METHODS if name != "standard"])
def test_a_method_is_not_standard(method: str, run: Run) -> None:
    assert not same(run(method).weights, run("standard").weights)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("model", MODELS)
def test_a_stored_policy_is_the_one_that_was_trained(method: str, model: str, repeated: Dataset) -> None:
    made = spec(method, model)
    on_the_way, end = running.train(made, repeated.splits, "cpu", checkpoints=[3])
    assert (on_the_way.steps, end.steps) == (3, 6)
    assert end.flops == 2 * on_the_way.flops
    games = torch.from_numpy(repeated.splits["test"].payoffs)
    first, again = (running.restore(made, end.weights, "cpu") for _ in range(2))
    assert torch.equal(first(games), again(games))
    assert first(games).shape == (60, 5)
    earlier = running.restore(made, on_the_way.weights, "cpu")
    assert not torch.equal(earlier(games), first(games))


@pytest.mark.parametrize("method", METHODS)
def test_a_method_learns_to_take_what_is_plainly_better(method: str) -> None:
    """A game in which to cooperate pays each player 1 and to defect nothing, whatever the other does."""
    plain = {"payoffs": [[1, 1, 0, 0, 1, 1, 0, 0]], "train": 64, "capability": 8, "test": 8, "spread": 0.02}
    data = parts.load("pipelines.games.datasets", "matrices", plain).load()
    made = spec(method, steps=80, learning_rate=0.05)
    (trained,) = running.train(made, data.splits, "cpu")
    policy = running.restore(made, trained.weights, "cpu")
    assert (policy(torch.from_numpy(data.splits["test"].payoffs)).sigmoid()[:, :2] > 0.9).all()


@pytest.mark.parametrize("method", METHODS)
def test_what_a_method_says_of_its_options_is_true(method: str) -> None:
    """Its docstring names them, and what is tuned is among them and can be made."""
    factory = parts.factory(PACKAGE, method)
    options = parts.defaults(factory)
    assert all(f"{name}:" in str(factory.__doc__) for name in options)
    assert "Cost" in str(factory.__doc__)
    for name, (low, high, scale) in getattr(parts.module(PACKAGE, method), "TUNED", {}).items():
        assert low < options[name] < high
        assert scale in ("log", "linear")


def a_step(repeated: Dataset) -> Step:
    payoffs = torch.from_numpy(repeated.splits["train"].payoffs).double()
    generator = torch.Generator().manual_seed(0)
    own, copy = torch.randn(2, len(payoffs), 5, generator=generator, dtype=torch.float64)
    return Step(own.requires_grad_(), copy, payoffs, 0.9)


def test_utilities_are_those_of_their_papers() -> None:
    payoffs = torch.tensor([[1.0, 0.5], [0.2, 0.6]])
    prosocial: Method = parts.load(PACKAGE, "prosocial", {"weight": 0.25})
    assert prosocial.utility(payoffs).tolist() == pytest.approx([0.875, 0.3])
    averse: Method = parts.load(PACKAGE, "inequity_aversion", {"envy": 0.5, "guilt": 0.4})
    assert averse.utility(payoffs).tolist() == pytest.approx([1 - 0.4 * 0.5, 0.2 - 0.5 * 0.4], abs=1e-6)


def test_shaping_expects_a_step_up_the_copys_own_payoff(repeated: Dataset) -> None:
    """At a small rate the copy gains its squared gradient; at none the payoffs are those without shaping."""
    step = a_step(repeated)
    shaped: Method = parts.load(PACKAGE, "shaping", {"rate": 1e-4})
    plain = discounted(step.own, step.copy, step.payoffs, 0.9)
    copy = step.copy.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(discounted(step.own, copy, step.payoffs, 0.9)[:, 1].sum(), copy)
    gain = (shaped.self_play(step) - plain)[:, 1]
    assert torch.allclose(gain, 1e-4 * gradient.square().sum(1), rtol=1e-2, atol=1e-12)


def test_the_gradient_of_maximin_is_that_of_the_worst_case(repeated: Dataset) -> None:
    """Against finite differences of the worst case itself, with the worst reply found anew."""
    step = a_step(repeated)
    maximin: Method = parts.load(PACKAGE, "maximin")
    (gradient,) = torch.autograd.grad(maximin.beside(step).sum(), step.own)
    for place in range(5):
        moved = torch.zeros(5).double()
        moved[place] = 1e-5
        up, down = (
            maximin.beside(Step(step.own.detach() + sign * moved, step.copy, step.payoffs, 0.9)) for sign in (1, -1)
        )
        assert torch.allclose((up - down) / 2e-5, gradient[:, place], atol=1e-5)


@pytest.mark.parametrize("method", ["standard", "prosocial"])
def test_a_method_learns_to_play_in_either_seat(method: str) -> None:
    """A game in which to cooperate is best in the first seat and to defect in the second, whatever the other does."""
    payoffs = [3, 2, 1, 0, 0, 1, 2, 3]
    data = parts.load("pipelines.games.datasets", "matrices", {"payoffs": [payoffs], "spread": 0.02}).load()
    made = spec(method, steps=80, learning_rate=0.05)
    (trained,) = running.train(made, data.splits, "cpu")
    policy, games = running.restore(made, trained.weights, "cpu"), torch.from_numpy(data.splits["test"].payoffs)
    assert (policy(games).sigmoid()[:, :2] > 0.8).all()
    assert (policy(swapped(games)).sigmoid()[:, :2] < 0.2).all()


def test_a_copy_sees_the_game_from_the_other_side(policy: Any, repeated: Dataset) -> None:
    payoffs = torch.from_numpy(repeated.splits["test"].payoffs)
    own, copy = policy(payoffs), policy(swapped(payoffs))
    there = discounted(own, copy, payoffs, 0.9)
    back = discounted(copy, own, swapped(payoffs), 0.9)
    assert torch.allclose(there, back.flip(1), atol=1e-6)


@pytest.mark.parametrize("model", MODELS)
def test_a_models_cost_is_counted(model: str) -> None:
    """By hand: networks of 8, 6 (, 6) and 5 units, seen from both sides, and two systems of four forward and back."""
    cost = domain.cost({"use": model, "options": {"width": 6}}, Shape(("train",), 0.9, 100))
    inside = {"deep": 6 * 6, "shallow": 0}[model]
    network = 2 * (8 * 6 + inside + 6 * 5)
    back = 2 * (8 * 6) + 4 * (inside + 6 * 5)
    solve = 2 / 3 * 64 + 2 * 16
    assert cost.parameters == 8 * 6 + 6 + inside + (6 if inside else 0) + 6 * 5 + 5
    assert 2 * network + back + 2 * solve <= cost.flops_an_example + 1 <= 2 * network + back + 8 * solve
    wide = {"use": "wider", "options": {"factor": 2}}
    deep = {"use": model, "options": {"width": 6}}
    assert domain.parameters(deep, wide, Shape(("train",), 0.9, 100)) > 1.9 * cost.parameters
    assert domain.own_model(wide)


def test_a_loss_that_is_not_finite_stops_the_training(repeated: Dataset) -> None:
    with pytest.raises(Diverged, match=r"^the loss is nan at step \d of 6$"):
        running.train(spec("standard", learning_rate=1e38), repeated.splits, "cpu")
