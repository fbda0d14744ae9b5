"""What every metric declares of itself, against outcomes of which the truth is planted: a new metric needs an entry."""

import math
from dataclasses import replace

import numpy as np
import pytest

from pipelines import parts
from pipelines.measuring import declared, what_is_wrong
from pipelines.outcomes import Measured, Outcomes, Unmeasurable
from tests.metrics import _planted
from tests.metrics._planted_episodes import EPISODES
from tests.metrics.test_every_metric import OF_GAMES, Options, every_variant

PACKAGE = "pipelines.metrics"
PLANTED = {**_planted.PLANTED, **EPISODES}
FAR = 100.0  # an infinite end is to be passed by this
NEAR = 0.01  # of a finite end
SAME = 0.03  # of values of many uninformed outcomes
PROPORTIONS = (
    "accuracy", "alarm_in_time", "attack_success_rate", "benign_accuracy", "caught_at_1_fpr", "certified_accuracy",
    "clean_accuracy", "competent_failure", "cue_conflict_coverage", "disabled_rate", "flip_rate", "fpr_at_95_tpr",
    "goal_reached", "harm_rate", "incompetent_failure", "last_group_accuracy", "residual_risk", "selective_risk",
    "shape_bias", "success", "verified_accuracy", "worst_case", "worst_group_accuracy",
)  # fmt: skip
OF_MANY = ("gaming_auroc",)  # no value with a few
every_metric = pytest.mark.parametrize("name", parts.names(PACKAGE))


def value(name: str, outcomes: Outcomes) -> float:
    measured: Measured = parts.load(PACKAGE, name, dict(PLANTED[name].options))(outcomes)
    return measured.value


def test_every_metric_has_planted_outcomes() -> None:
    assert sorted(PLANTED) == parts.names(PACKAGE)


@every_metric
def test_better_outcomes_move_the_value_the_declared_way(name: str) -> None:
    facts, planted = declared(name), PLANTED[name]
    better, worse = value(name, planted.better), [value(name, each) for each in planted.worse]
    if facts.target is None:
        sign = 1 if facts.higher_is_better else -1
        assert all(sign * (better - each) > NEAR / 2 for each in worse), (better, worse)
    else:
        assert better == pytest.approx(facts.target, abs=NEAR)
        assert min(worse) < facts.target - 0.1
        assert max(worse) > facts.target + 0.1


@every_metric
def test_a_target_lies_inside_the_range_and_the_distance_from_it_is_an_error(name: str) -> None:
    facts = declared(name)
    if facts.target is not None:
        assert facts.lower < facts.target < facts.upper
        assert not facts.higher_is_better


@every_metric
def test_values_come_near_both_ends_of_the_range(name: str) -> None:
    facts = declared(name)
    lowest, highest = (value(name, each) for each in (PLANTED[name].lowest, PLANTED[name].highest))
    assert facts.lower - 1e-6 <= lowest
    assert highest <= facts.upper + 1e-6
    assert lowest < -FAR if math.isinf(facts.lower) else lowest <= facts.lower + NEAR
    assert highest > FAR if math.isinf(facts.upper) else highest >= facts.upper - NEAR


@every_metric
def test_uninformed_outcomes_have_the_declared_chance_level_or_none_for_all(name: str) -> None:
    chance = declared(name).chance
    one, other = (value(name, each) for each in PLANTED[name].uninformed)
    if chance is None:
        assert abs(one - other) > 2 * SAME
    else:
        assert (one, other) == pytest.approx((chance, chance), abs=SAME)


def wild(seed: int) -> Outcomes:
    """A few rows of anything that a model and a condition may come to: ties, huge logits, all right, all wrong."""
    rng = np.random.default_rng(seed)
    n, classes, kind = int(rng.integers(1, 13)), int(rng.integers(2, 6)), int(rng.integers(0, 4))

    def answers(size: int, labels: np.ndarray) -> np.ndarray:
        spread = rng.choice([1e-6, 1.0, 30.0, 1e4])
        random = np.round(rng.normal(0, 1, (size, classes)), int(rng.integers(0, 3))) * spread
        right = np.eye(classes)[labels] * spread
        return np.asarray((random, right, -right, np.zeros((size, classes)))[kind], dtype=np.float32)

    truth, fitted = rng.integers(0, classes, n), rng.integers(0, classes, 40)
    logits, labels = answers(n, truth), np.where(rng.random(n) < rng.choice([0, 0.5]), -1, truth)
    frame = rng.integers(0, 3, n)
    values = {
        "members": np.full(n, 3),
        "right_when_clean": rng.integers(0, 2, n),
        "frame": frame,
        "compared_with": frame - 1,
        "verified": rng.integers(0, 2, n) * (logits.argmax(axis=1) == truth),
        "certified_radius": rng.exponential(1, n) * rng.integers(0, 2, n),
        "randomised_agreement": rng.choice([-1, 0, 1, rng.uniform(-1, 1)], n),
        **{name: rng.normal(0, 1, n) for name in ("deletion_area", "insertion_area")},
        **{name: rng.random(n) for name in ("random_area", "distance_to_truth", *OF_GAMES)},
        **{name: rng.integers(0, 80, n) for name in ("alarm_at", "change_at")},
        **{name: rng.choice([0, 1, 0.5], n) for name in ("localisation", "aleatoric", "mutual_information")},
        "disagreement": rng.integers(0, 4, n) / 3,
        **{name: rng.random(n) for name in ("believed", "claimed")},
        **{name: rng.integers(0, 2, n) for name in ("weak_right", "probed", "probed_untrained", "answered_untrained")},
        **{name: rng.integers(0, 2, n) for name in ("reached", "cornered", "broken", "disabled", "worst")},
        "power_gain": rng.uniform(-1, 1, n),
        "divergence": rng.random(n).round(1),
        "paid": rng.integers(0, 6, n),
        "shortest": rng.integers(1, 10, n),
        "steps": rng.integers(10, 20, n),
        "proxy": rng.choice([0, 1, 2.5], n),
        "proxy_best": np.full(n, 2.5),
    }
    shown = Outcomes(
        logits=logits,
        labels=labels,
        examples=rng.integers(0, n, n),
        groups=rng.integers(-1, 3, n),
        parts=np.zeros(n, dtype=np.int64),
        part_names=("fog 1",),
        features=rng.normal(0, 1, (n, 3)).astype(np.float32),
        values={name: value.astype(np.float32) for name, value in values.items()},
    )
    reference = replace(
        shown,
        logits=answers(40, fitted),
        labels=fitted,
        examples=np.tile(np.arange(20), 2),
        groups=np.full(40, -1),
        parts=np.repeat([0, 1], 20),
        part_names=("training", "validation"),
        features=rng.normal(0, 1, (40, 3)).astype(np.float32),
        values={},
    )
    return replace(shown, reference=reference)


@pytest.fixture(scope="module")
def wild_outcomes() -> list[Outcomes]:
    return [wild(seed) for seed in range(150)]


@every_variant
def test_values_of_any_outcomes_are_finite_and_in_range(
    name: str, options: Options, wild_outcomes: list[Outcomes]
) -> None:
    facts, metric, measured = declared(name), parts.load(PACKAGE, name, options), 0
    for seed, outcomes in enumerate(wild_outcomes):
        if name in OF_MANY:
            outcomes = outcomes.rows(np.tile(np.arange(len(outcomes)), 60))
        try:
            found = metric(outcomes)
        except Unmeasurable:
            continue
        measured += 1
        assert what_is_wrong(found, (facts.lower, facts.upper)) == "", seed
        assert 0 < found.n <= len(outcomes)
    assert measured > 10


@pytest.mark.parametrize("name", PROPORTIONS)
def test_a_proportion_is_one_of_its_n_examples(name: str, wild_outcomes: list[Outcomes]) -> None:
    metric, sizes = parts.load(PACKAGE, name, {}), set()
    for outcomes in wild_outcomes:
        untied = outcomes.logits + np.random.default_rng(1).normal(0, 1e-3, outcomes.logits.shape).astype(np.float32)
        try:
            found = metric(replace(outcomes, logits=untied))
        except Unmeasurable:
            continue
        sizes.add(found.n)
        assert found.value * found.n == pytest.approx(round(found.value * found.n), abs=1e-5)
    assert len(sizes) > 3
