"""Attacks against closed forms, the ensemble against its parts, and the search against the model itself."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from pipelines import parts
from pipelines.supervised.classifier import Classifier
from pipelines.vision.architecture import build
from pipelines.vision.attacks._balls import Ball, Norm
from pipelines.vision.attacks._losses import cross_entropy, margins, targeted_dlr
from pipelines.vision.attacks._search import fast, fold, in_halves, search_with
from pipelines.vision.attacks._worst import Broken, Worst
from pipelines.vision.attacks.apgd import apgd, checkpoints
from pipelines.vision.attacks.ensemble import ALL, Attacked, Plan, attack
from pipelines.vision.attacks.square import side, square

SIZE = 8
BALLS = [Ball("linf", 0.03), Ball("l2", 0.4)]
of_both_norms = pytest.mark.parametrize("ball", BALLS, ids=lambda ball: ball.norm)


class Linear(nn.Module):
    """Logits that are linear in the pixels."""

    def __init__(self, classes: int, seed: int = 0):
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.weight = nn.Parameter(torch.randn(classes, 3 * SIZE * SIZE, generator=generator) / 10)

    def forward(self, images: Tensor) -> Tensor:
        return (images.flatten(1) - 0.5) @ self.weight.T

    def least_margins(self, images: Tensor, labels: Tensor, ball: Ball) -> Tensor:
        """The least margin within the ball, for images whose box never binds: to each class, less the radius times the
        dual norm of the difference of weights."""
        logits = self(images).detach()
        apart = self.weight[labels][:, None] - self.weight[None]
        order = 1 if ball.norm == "linf" else 2
        margin: Tensor = logits.gather(1, labels[:, None]) - logits - ball.epsilon * apart.detach().norm(order, dim=2)
        return margin.scatter(1, labels[:, None], torch.inf).amin(1)


def grey(count: int, seed: int = 0) -> Tensor:
    """Images far from black and white."""
    return 0.3 + 0.4 * torch.rand(count, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(seed))


def source(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def network(seed: int = 0) -> Classifier:
    """A small residual network whose batch norms have seen something."""
    model = build(parts.load("pipelines.vision.models", "resnet", {"width": 4, "stem_stride": 1}), 5, SIZE, seed)
    with torch.no_grad():
        for _ in range(20):
            model.train()(torch.rand(16, 3, SIZE, SIZE, generator=source(seed)))
    return model.eval()


def predicted(model: nn.Module, images: Tensor) -> Tensor:
    with torch.no_grad():
        found: Tensor = model(images).argmax(1)
    return found


@of_both_norms
def test_a_start_and_a_projection_are_within_reach(ball: Ball) -> None:
    images = torch.rand(20, 3, SIZE, SIZE, generator=source())
    reach = ball.around(images)
    for change in (ball.start(20, SIZE, source(1)), 5 * torch.randn(20, 3, SIZE, SIZE, generator=source(2))):
        points = reach.project(images + change)
        assert within(points, images, ball)
        assert torch.allclose(reach.project(points), points, atol=1e-6)
    assert torch.equal(reach.project(images), images)


def within(points: Tensor, images: Tensor, ball: Ball) -> bool:
    order = torch.inf if ball.norm == "linf" else 2
    furthest = float((points - images).flatten(1).norm(order, dim=1).max())
    return furthest <= ball.epsilon * (1 + 1e-5) + 1e-7 and float(points.min()) >= 0 and float(points.max()) <= 1


@of_both_norms
def test_attacks_stay_within_reach(ball: Ball) -> None:
    model, images = network(), torch.rand(12, 3, SIZE, SIZE, generator=source())
    labels = predicted(model, images)
    climbed = apgd(model, images, labels, ball.start(12, SIZE, source()), ball, steps=12)
    searched = square(model, images, labels, ball, queries=40, generator=source())
    assert within(climbed, images, ball)
    assert within(searched, images, ball)
    assert not torch.allclose(climbed, images, atol=1e-3)
    assert not torch.allclose(searched, images, atol=1e-3)


@of_both_norms
def test_auto_pgd_finds_the_optimum_of_two_linear_classes(ball: Ball) -> None:
    model, images = Linear(2), grey(30)
    labels = predicted(model, images)
    points = apgd(model, images, labels, ball.start(30, SIZE, source()), ball, steps=40)
    found = margins(model(points).detach(), labels)
    assert torch.allclose(found, model.least_margins(images, labels, ball), atol=2e-3)


@pytest.mark.parametrize("ball", [Ball("linf", 0.006), Ball("l2", 0.1)], ids=lambda ball: ball.norm)
def test_the_ensemble_breaks_what_can_be_broken_of_five_linear_classes(ball: Ball) -> None:
    """And nothing else: the least margin that any point has is known."""
    model, images = Linear(5), grey(200)
    labels = predicted(model, images)
    least = model.least_margins(images, labels, ball)
    clear = least.abs() > 2e-3
    found = attack(model, images, labels, Plan(ball, targets=4, steps=40, queries=20), source())
    stands = found.worst.logits.argmax(1) == labels
    assert 20 < int((least > 0).sum()) < 180
    assert torch.equal(stands[clear], (least > 0)[clear])
    assert float((margins(found.worst.logits, labels) - least).min()) > -1e-5


@of_both_norms
def test_square_comes_near_the_optimum_without_gradients(ball: Ball) -> None:
    model, images = Linear(2), grey(30)
    labels = predicted(model, images)
    points = square(model, images, labels, ball, queries=1000, generator=source())
    clean, found = margins(model(images).detach(), labels), margins(model(points).detach(), labels)
    share = (clean - found) / (clean - model.least_margins(images, labels, ball))
    assert float(share.min()) > 0.5
    assert float(share.max()) <= 1 + 1e-5


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_a_larger_radius_breaks_more(norm: Norm) -> None:
    model, images = Linear(5), grey(60)
    labels = predicted(model, images)
    standing = [
        len(attack(model, images, labels, Plan(Ball(norm, epsilon), steps=10, queries=10), source()).worst.standing())
        for epsilon in ([0.001, 0.005, 0.02] if norm == "linf" else [0.02, 0.08, 0.3])
    ]
    assert 60 > standing[0] > standing[1] > standing[2]


def test_cross_entropy_is_the_usual_one_and_does_not_round_to_zero() -> None:
    logits, labels = 4 * torch.randn(50, 6, generator=source()), torch.arange(50) % 6
    usual = functional.cross_entropy(logits, labels, reduction="none")
    assert torch.allclose(cross_entropy(logits, labels), usual, atol=1e-5)
    sure = torch.tensor([[40.0, 0.0]], requires_grad=True)
    loss = cross_entropy(sure, torch.tensor([0]))
    loss.sum().backward()
    assert float(loss.detach()) == pytest.approx(float(np.exp(-40)), rel=1e-5)
    assert float(sure.grad.abs().min()) > 0  # type: ignore[union-attr]


def test_the_targeted_dlr_loss_is_the_papers_and_ignores_shift_and_scale() -> None:
    logits, labels = torch.randn(50, 6, generator=source()), torch.arange(50) % 6
    targets = (labels + 1 + torch.arange(50) % 5) % 6
    loss = targeted_dlr(logits, labels, targets)
    ordered = np.sort(logits.numpy(), axis=1)
    rows = np.arange(50)
    numerator = logits.numpy()[rows, labels] - logits.numpy()[rows, targets]
    paper = -numerator / (ordered[:, -1] - (ordered[:, -3] + ordered[:, -4]) / 2)
    assert np.allclose(loss.numpy(), paper, atol=1e-6)
    assert torch.allclose(targeted_dlr(1000 * logits + 7, labels, targets), loss, atol=1e-4)


def test_margins_are_negative_exactly_where_the_model_is_wrong() -> None:
    logits, labels = torch.randn(200, 4, generator=source()), torch.arange(200) % 4
    assert torch.equal(margins(logits, labels) < 0, logits.argmax(1) != labels)


def test_checkpoints_are_the_papers() -> None:
    """At 22, 41, 57, 70, 80, 87, 93 and 99 % of the steps (section 3 of the paper)."""
    assert list(np.cumsum([checkpoints(100)[place] for place in sorted(checkpoints(100))])) == sorted(checkpoints(100))
    assert sorted(checkpoints(100)) == [22, 41, 57, 70, 80, 87, 93, 99]


def test_squares_shrink_from_most_of_the_image_to_a_pixel() -> None:
    sides = [side(query, 1000, 32) for query in range(1000)]
    assert sides[0] == 29
    assert sides == sorted(sides, reverse=True)
    assert sides[-1] == 1


@of_both_norms
@pytest.mark.parametrize("name", ["apgd", "square"])
def test_dropping_broken_images_changes_no_verdict(name: str, ball: Ball) -> None:
    """An image is broken whenever some point of the whole search is, whatever becomes of the others."""
    model, images = network(), torch.rand(24, 3, SIZE, SIZE, generator=source(3))
    labels, start = predicted(model, images), ball.start(24, SIZE, source(4))
    worst, broken = Worst(model, images, labels), torch.zeros(24, dtype=torch.bool)

    def note(rows: Tensor, points: Tensor, logits: Tensor) -> Tensor:
        broken[rows] |= logits.argmax(1) != labels[rows]
        return torch.zeros(len(rows), dtype=torch.bool)

    for watch in (note, worst.watch(torch.arange(24), 0.0)):
        if name == "apgd":
            apgd(model, images, labels, start, ball, steps=10, watch=watch)
        else:
            square(model, images, labels, ball, queries=60, generator=source(5), watch=watch)
    stands = worst.logits.argmax(1) == labels
    assert torch.equal(stands, ~broken)
    assert 0 < int(broken.sum()) < 24


def test_the_ensemble_is_as_strong_as_each_of_its_attacks() -> None:
    model, images = Linear(5), grey(80)
    labels = predicted(model, images)
    ball = Ball("linf", 0.006)

    def stands(*attacks: str) -> set[int]:
        plan = Plan(ball, tuple(name for name in ALL if name in attacks), steps=6, targets=2, queries=30)
        return set(attack(model, images, labels, plan, source()).worst.standing().tolist())

    alone = [stands(name) for name in ALL]
    together = stands(*ALL)
    assert all(together <= each for each in alone)
    assert len(together) < 80


@of_both_norms
def test_no_attack_leaves_an_image_safer_than_it_was(ball: Ball) -> None:
    model, images = network(), torch.rand(20, 3, SIZE, SIZE, generator=source())
    labels = torch.arange(20) % 5
    found = attack(model, images, labels, Plan(ball, ("square",), queries=3), source())
    assert bool((margins(found.worst.logits, labels) <= margins(found.worst.clean_logits, labels)).all())
    wrong = found.worst.clean_logits.argmax(1) != labels
    assert torch.equal(found.worst.logits[wrong], found.worst.clean_logits[wrong])
    assert torch.equal(found.worst.points[wrong], images[wrong])


def test_what_is_recorded_is_the_models_own_answer_at_the_point_kept() -> None:
    model, images = network(), torch.rand(30, 3, SIZE, SIZE, generator=source())
    labels = predicted(model, images)
    found: Attacked = attack(model, images, labels, Plan(Ball("linf", 0.05), steps=6, queries=10), source())
    assert within(found.worst.points, images, Ball("linf", 0.05))
    with torch.no_grad():
        again = model(found.worst.points)
    assert torch.allclose(found.worst.logits, again, atol=1e-4)
    assert len(found.worst.standing()) < 30


def test_a_stand_in_that_lies_costs_no_verdict() -> None:
    model, images = network(), torch.rand(10, 3, SIZE, SIZE, generator=source())
    labels = predicted(model, images)
    worst = Worst(model, images, labels)
    dropped = worst.watch(torch.arange(10), 0.0)(torch.arange(10), images, -model(images).detach())
    assert not dropped.any()
    assert len(worst.standing()) == 10


def test_a_folded_network_is_the_same_function_and_leaves_the_model_alone() -> None:
    model, images = network(), torch.rand(9, 3, SIZE, SIZE, generator=source())
    before = {name: value.clone() for name, value in model.state_dict().items()}
    folded = fold(model)
    assert folded is not None
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())
    with torch.no_grad():
        assert torch.allclose(folded(images), model(images), atol=1e-4)
    halved = in_halves(folded)
    if fast(folded):
        assert halved is not None
        with torch.no_grad():
            off = float((halved(images) - model(images)).abs().max() / model(images).std())
        assert 0 < off < 0.1
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(weights.requires_grad for weights in model.parameters())


def test_a_model_that_cannot_be_folded_is_searched_as_it_is() -> None:
    class Branching(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.Sequential(nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5), nn.AdaptiveAvgPool2d(1), nn.Flatten())

        def forward(self, images: Tensor) -> Tensor:
            found: Tensor = self.layers(images if images.mean() > 0 else -images)
            return found

    convnext = build(parts.load("pipelines.vision.models", "convnext", {"width": 4, "patch": 1}), 5, SIZE, 0).eval()
    images, labels = torch.rand(4, 3, SIZE, SIZE), torch.zeros(4, dtype=torch.int64)
    for model in (convnext, Branching().eval()):
        found = search_with(model, images, labels)
        assert found.model is model
        assert found.error == 0


def test_images_outside_0_and_1_are_refused() -> None:
    model, images = Linear(4), grey(2) * 255
    labels = torch.tensor([0, 1])
    message = r"^pixels go from [\d.]+ to [\d.]+; an attack takes images in \[0, 1\]$"
    with pytest.raises(ValueError, match=message):
        apgd(model, images, labels, torch.zeros_like(images), BALLS[0], steps=1)
    with pytest.raises(ValueError, match=message):
        square(model, images, labels, BALLS[0], queries=1, generator=source())
    with pytest.raises(ValueError, match=message):
        attack(model, images, labels, Plan(BALLS[0]), source())


def test_too_few_classes_are_refused_by_name() -> None:
    model, images = Linear(3), grey(2)
    with pytest.raises(ValueError, match=r"^apgd-t \(targeted DLR loss\) needs at least 4 classes, there are 3$"):
        attack(model, images, torch.tensor([0, 1]), Plan(BALLS[0]), source())


def test_a_model_without_finite_logits_is_refused() -> None:
    class Dead(Linear):
        def forward(self, images: Tensor) -> Tensor:
            return super().forward(images) * torch.nan

    with pytest.raises(Broken, match=r"^logits of 2 of 2 images are not finite: there is no model to attack$"):
        attack(Dead(4), grey(2), torch.tensor([0, 1]), Plan(BALLS[0]), source())


@of_both_norms
def test_a_corner_is_just_within_reach_of_grey_where_all_pixels_may_change(ball: Ball) -> None:
    grey, corner = torch.full((1, 3, SIZE, SIZE), 0.5), torch.ones(1, 3, SIZE, SIZE)
    whole = ball.all_pixels(SIZE)
    norm = float("inf") if ball.norm == "linf" else 2
    assert whole.norm == ball.norm
    assert whole.epsilon == pytest.approx(float(torch.linalg.vector_norm((corner - grey).flatten(), ord=norm)))
    assert torch.allclose(whole.around(corner).project(grey), grey)
    assert not torch.allclose(Ball(ball.norm, 0.99 * whole.epsilon).around(corner).project(grey), grey)
