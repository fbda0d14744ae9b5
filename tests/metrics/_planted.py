"""Outcomes whose better and worse, ends and chance level are known, for every metric."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipelines.outcomes import Outcomes

MANY = 20_000


@dataclass(frozen=True)
class Planted:
    """What is known of a metric: outcomes better than each of the worse ones, outcomes at either end of its range
    (beyond 100 where that end is infinite), and two kinds that know nothing.
    """

    better: Outcomes
    worse: tuple[Outcomes, ...]
    lowest: Outcomes
    highest: Outcomes
    uninformed: tuple[Outcomes, Outcomes]
    options: Mapping[str, Any] = field(default_factory=dict)


def rows(
    labels: ArrayLike, answer: ArrayLike, margin: ArrayLike, classes: int, groups: ArrayLike = -1, **values: ArrayLike
) -> Outcomes:
    """Rows whose answer has a logit above the others, all equal; each keyword is a recorded value."""
    truth = np.asarray(labels, dtype=np.int64)
    n = len(truth)
    logits = np.zeros((n, classes), dtype=np.float32)
    logits[np.arange(n), np.asarray(answer)] = np.asarray(margin)
    return Outcomes(
        logits=logits,
        labels=truth,
        examples=np.arange(n),
        groups=np.broadcast_to(np.asarray(groups, dtype=np.int64), n),
        parts=np.zeros(n, dtype=np.int64),
        part_names=("fog 1",),
        values={name: np.broadcast_to(np.asarray(value, dtype=np.float32), n) for name, value in values.items()},
    )


def answered(
    right: float, n: int = 1000, classes: int = 5, sure: ArrayLike = 2.0, sure_wrong: float | None = None, **more: Any
) -> Outcomes:
    """The first so many answered right, the others with the class after; how sure by the logit of the answer."""
    labels, hit = np.arange(n) % classes, np.arange(n) < round(right * n)
    margin = sure if sure_wrong is None else np.where(hit, sure, sure_wrong)
    return rows(labels, np.where(hit, labels, (labels + 1) % classes), margin, classes, **more)


def guessed(classes: int, sure: float | None = None, **more: Any) -> Outcomes:
    """Answers at random, as sure as it comes or all as sure."""
    rng = np.random.default_rng(classes)
    labels, answer = rng.integers(0, classes, (2, MANY))
    return rows(labels, answer, rng.random(MANY) if sure is None else sure, classes, **more)


def recorded(name: str, value: ArrayLike, right: float = 1.0, **more: Any) -> Outcomes:
    """Answers with a recorded value."""
    more[name] = value
    return answered(right, len(np.atleast_1d(value)) if np.ndim(value) else 1000, **more)


def validated(outcomes: Outcomes, on: Outcomes) -> Outcomes:
    """The outcomes with validation images answered so, and training images too."""
    both = replace(on, parts=np.repeat([0, 1], len(on)), part_names=("training", "validation"))
    twice: dict[str, Any] = {name: np.tile(getattr(on, name), 2) for name in ("labels", "examples", "groups")}
    return replace(outcomes, reference=replace(both, logits=np.tile(on.logits, (2, 1)), values={}, **twice))


def beside_outliers(sure_of_outliers: ArrayLike, sure: ArrayLike) -> Outcomes:
    """Outliers, then as many images of a known class as are sure."""
    labels = np.repeat([-1, 0], [len(np.atleast_1d(sure_of_outliers)), len(np.atleast_1d(sure))])
    return rows(labels, 0, np.concatenate([np.atleast_1d(sure_of_outliers), np.atleast_1d(sure)]), 3)


def noise(n: int, seed: int = 0) -> NDArray[np.float64]:
    """Numbers from 0 to 1."""
    return np.random.default_rng(seed).random(n)


def of_groups(right: list[float], size: list[int]) -> Outcomes:
    """Groups of these accuracies and sizes."""
    groups = np.repeat(np.arange(len(size)), size)
    hit = np.concatenate([np.arange(n) < round(share * n) for share, n in zip(right, size, strict=True)])
    return rows(np.zeros(len(groups)), np.where(hit, 0, 1), 2.0, 3, groups)


def constant(share: list[float], size: int = 1000) -> Outcomes:
    """Groups that are all answered alike, of which these shares have that label."""
    return of_groups(share, [size] * len(share))


def in_conflict(by_label: float, by_cue: float, classes: int = 5) -> Outcomes:
    """Images whose cue is of the next class, so many answered by their label and so many by the cue; others neither."""
    labels = np.arange(1000) % classes
    off = np.where(np.arange(1000) < round(1000 * by_label), 0, np.where(np.arange(1000) >= 1000 * (1 - by_cue), 1, 2))
    return rows(labels, (labels + off) % classes, 2.0, classes, (labels + 1) % classes)


def guessed_in_conflict(classes: int) -> Outcomes:
    """Answers at random to images whose cue is of the next class."""
    outcomes = guessed(classes)
    return replace(outcomes, groups=(outcomes.labels + 1) % classes)


def blends(uncertain: NDArray[np.float64], of_one: NDArray[np.float64]) -> Outcomes:
    """Blends of two classes and images of one, with their aleatoric uncertainty."""
    groups = np.repeat([1, -1], [len(uncertain), len(of_one)])
    return rows(np.zeros(len(groups)), 0, 2.0, 3, groups, aleatoric=np.concatenate([uncertain, of_one]))


def members(of_outliers: NDArray[np.float64], of_known: NDArray[np.float64]) -> Outcomes:
    """Outliers and others, with the mutual information of their three members."""
    labels = np.repeat([-1, 0], [len(of_outliers), len(of_known)])
    return rows(labels, 0, 2.0, 3, members=3, mutual_information=np.concatenate([of_outliers, of_known]))


def filmed(flipped: float, classes: int = 5) -> Outcomes:
    """Two frames of each example, of which so many are answered otherwise in the second."""
    frame, second = np.repeat([0, 1], 1000), np.arange(1000) < round(1000 * flipped)
    answer = np.concatenate([np.zeros(1000), second]).astype(np.int64)
    outcomes = rows(np.zeros(2000), answer, 2.0, classes, frame=frame, compared_with=frame - 1)
    return replace(outcomes, examples=np.tile(np.arange(1000), 2))


def guessed_films(classes: int) -> Outcomes:
    """Two frames of each example, answered at random."""
    frame = np.repeat([0, 1], MANY // 2)
    outcomes = guessed(classes, frame=frame, compared_with=frame - 1)
    return replace(outcomes, examples=np.tile(np.arange(MANY // 2), 2))


UNKNOWN = guessed(2), guessed(10)
DETECTION = Planted(
    better=beside_outliers(noise(500), 0.5 + noise(500, 1)),
    worse=(beside_outliers(noise(500), 0.1 + noise(500, 1)),),
    lowest=beside_outliers(np.full(500, 2.0), np.full(500, 1.0)),
    highest=beside_outliers(np.full(500, 1.0), np.full(500, 2.0)),
    uninformed=(beside_outliers(noise(2000), noise(18000, 1)), beside_outliers(noise(10000), noise(10000, 1))),
)
FALSE_ALARMS = replace(DETECTION, lowest=DETECTION.highest, highest=DETECTION.lowest)
RARE_OUTLIERS = beside_outliers(np.full(1, 2.0), np.full(2000, 1.0))
ACCURACY = Planted(answered(0.9), (answered(0.7),), answered(0.0), answered(1.0), UNKNOWN)
SELECTIVE = Planted(
    better=answered(0.8, sure=2.0, sure_wrong=1.0),
    worse=(answered(0.8, sure=1.0, sure_wrong=2.0), answered(0.6, sure=1.0, sure_wrong=2.0)),
    lowest=answered(1.0),
    highest=answered(0.0),
    uninformed=UNKNOWN,
)
CALIBRATION = Planted(
    better=answered(0.8, sure=np.log(16)),  # of five classes: a probability of 0.8
    worse=(answered(0.8, sure=9.0), answered(0.8, sure=0.01)),
    lowest=answered(1.0, sure=50.0),
    highest=answered(0.0, sure=50.0),
    uninformed=(guessed(2, 9.0), guessed(10, 9.0)),
)
FORECAST = Planted(
    better=answered(0.9),
    worse=(answered(0.7), answered(0.9, sure=0.1)),
    lowest=answered(1.0, sure=50.0),
    highest=answered(0.0, sure=50.0),
    uninformed=(guessed(2, 0.0), guessed(10, 0.0)),
)
HELD = np.arange(1000) < 600


def shares(name: str) -> Planted:
    """Of the share of examples whose recorded value is 1, the others' being 0."""
    better, worse, none, every, half, few = (
        recorded(name, np.arange(1000) < round(1000 * share)) for share in (0.9, 0.6, 0, 1, 0.5, 0.1)
    )
    return Planted(better, (worse,), none, every, (half, few))


def gains(name: str, sign: float) -> Planted:
    """Of an order's area beside that of a random order."""
    random = 0.5 + noise(MANY)
    better, worse, far, back = (random - sign * step for step in (0.3, 0.1, 500.0, -500.0))
    one, other = (recorded(name, 0.5 + noise(MANY, seed), random_area=random) for seed in (1, 2))
    kinds = [recorded(name, area, random_area=random) for area in (better, worse, back, far)]
    return Planted(kinds[0], (kinds[1],), kinds[2], kinds[3], (one, other))


def lost(right: float, right_when_clean: float = 1.0, n: int = 1000) -> Outcomes:
    """Answers under a corruption, of images that were answered right when clean, from the first on."""
    return answered(right, n, right_when_clean=np.arange(n) < round(right_when_clean * n))


def student(right: float, weak: float, own: float, outcomes: Outcomes | None = None) -> Outcomes:
    """A weak supervisor's student, the first of whose answers are right, as those of both others are."""
    found = answered(right) if outcomes is None else outcomes
    n, classes = found.logits.shape
    values = {"weak_right": (np.arange(n) < round(weak * n)).astype(np.float32)}
    return validated(replace(found, values=values), answered(own, n, classes))


def probed(right: float, outcomes: Outcomes, untrained: float = 0.0, answered_untrained: float = 0.0) -> Outcomes:
    """Answers beside those of a probe, and of both before training, the first of each being right."""
    n = len(outcomes)
    shares = {"probed": right, "probed_untrained": untrained, "answered_untrained": answered_untrained}
    values = {name: (np.arange(n) < round(share * n)).astype(np.float32) for name, share in shares.items()}
    return replace(outcomes, values=values)


def at_once(share: float) -> Outcomes:
    """Streams that change at row 40, so many with an alarm five rows later, the others with none."""
    return recorded("alarm_at", np.where(np.arange(1000) < round(1000 * share), 45, -1), change_at=40)


def one_of_many(wrong: float) -> Outcomes:
    """Labels that are all alike but one in a thousand, so many answered wrongly and surely."""
    labels = (np.arange(1000) == 0).astype(np.int64)
    return rows(labels, np.where(np.arange(1000) < 1000 * wrong, 1 - labels, labels), 50.0, 2)


def unsure(classes: int, more: float = 0.0) -> Outcomes:
    """The same forecast of all classes alike, or a little more of the label."""
    return answered(1.0, classes=classes, sure=more)


def of_games(name: str, better: float, worse: float, lowest: float, highest: float, chance: float | None) -> Planted:
    """Of a value of every game, with its ends and what uninformed play has where that is the same in all."""
    one, other = (0.3, 0.6) if chance is None else (chance, chance)
    return Planted(
        recorded(name, better),
        (recorded(name, worse),),
        recorded(name, lowest),
        recorded(name, highest),
        (recorded(name, one), recorded(name, other)),
    )


TINY = {"baseline": {"fog": 0.005}}
PLANTED = {
    **dict.fromkeys(("accuracy", "benign_accuracy"), ACCURACY),
    "accuracy_gap": Planted(
        better=of_groups([0.9, 0.8], [500, 500]),
        worse=(of_groups([0.9, 0.3], [500, 500]),),
        lowest=of_groups([0.5, 0.5], [500, 500]),
        highest=of_groups([1.0, 0.0], [2000, 5]),
        uninformed=(constant([0.5, 0.5]), constant([0.9, 0.1])),
    ),
    "aleatoric_auroc": Planted(
        better=blends(0.5 + noise(500), noise(500, 1)),
        worse=(blends(0.1 + noise(500), noise(500, 1)),),
        lowest=blends(np.full(5, 1.0), np.full(5, 2.0)),
        highest=blends(np.full(5, 2.0), np.full(5, 1.0)),
        uninformed=(blends(noise(2000), noise(18000, 1)), blends(noise(10000), noise(10000, 1))),
    ),
    **dict.fromkeys(("area_under_generalised_risk_coverage", "area_under_risk_coverage"), SELECTIVE),
    "alarm_in_time": Planted(at_once(0.9), (at_once(0.6),), at_once(0), at_once(1), (at_once(0.5), at_once(0.1))),
    **dict.fromkeys(("attack_auroc", "caught_at_1_fpr"), DETECTION),
    "attack_aupr": replace(DETECTION, options={"base_rate": 0.005}),
    "attack_success_rate": Planted(
        better=in_conflict(0.9, 0.1),
        worse=(in_conflict(0.5, 0.4),),
        lowest=in_conflict(1.0, 0.0),
        highest=in_conflict(0.0, 1.0),
        uninformed=(guessed_in_conflict(2), guessed_in_conflict(10)),
    ),
    "attribution_sanity": Planted(
        better=recorded("randomised_agreement", 0.0),
        worse=(recorded("randomised_agreement", 0.4), recorded("randomised_agreement", -0.4)),
        lowest=recorded("randomised_agreement", -1.0),
        highest=recorded("randomised_agreement", 1.0),
        uninformed=tuple(recorded("randomised_agreement", noise(MANY, seed) - 0.5) for seed in (0, 1)),  # type: ignore[arg-type]
    ),
    "aupr": replace(DETECTION, lowest=RARE_OUTLIERS),
    "auroc": DETECTION,
    "average_certified_radius": replace(shares("certified_radius"), highest=recorded("certified_radius", 1000.0)),
    "average_confidence_error": CALIBRATION,
    "backoff_information": Planted(
        better=validated(answered(0.9), answered(1.0)),
        worse=(validated(answered(0.7), answered(1.0)), validated(answered(0.9), answered(0.5))),
        lowest=validated(answered(0.0, classes=10, sure=9.0), answered(1.0, classes=10)),
        highest=validated(answered(1.0), answered(1.0)),
        uninformed=(
            validated(guessed(3, 9.0), answered(1.0, classes=3)),
            validated(guessed(10, 9.0), answered(1.0, classes=10)),
        ),
    ),
    "brier_score": FORECAST,
    "brier_skill": replace(FORECAST, lowest=one_of_many(1.0), highest=one_of_many(0.0)),
    "certified_accuracy": shares("certified_radius"),
    "clean_accuracy": shares("right_when_clean"),
    "coverage_gap": Planted(
        better=validated(answered(1.0, sure=noise(1000)), answered(1.0, sure=noise(1000))),
        worse=(validated(answered(1.0, sure=noise(1000) - 0.5), answered(1.0, sure=noise(1000))),),
        lowest=validated(answered(1.0, sure=noise(1000)), answered(1.0, sure=noise(1000))),
        highest=validated(answered(1.0, sure=-5.0), answered(1.0, sure=noise(1000))),
        uninformed=tuple(  # type: ignore[arg-type]
            validated(guessed(classes, 9.0), answered(1.0, classes=classes, sure=9.0)) for classes in (2, 10)
        ),
        options={"coverage": 0.999},
    ),
    "cue_conflict_coverage": Planted(
        better=in_conflict(0.5, 0.4),
        worse=(in_conflict(0.4, 0.3),),
        lowest=in_conflict(0.0, 0.0),
        highest=in_conflict(0.5, 0.5),
        uninformed=(guessed_in_conflict(3), guessed_in_conflict(10)),
    ),
    "deletion_gain": gains("deletion_area", 1),
    "difference_of_confidences_error": Planted(
        better=validated(answered(0.7, sure=2.0), answered(0.7, sure=2.0)),
        worse=(validated(answered(0.5, sure=2.0), answered(0.7, sure=2.0)),),
        lowest=validated(answered(0.5), answered(0.5)),
        highest=validated(answered(0.0, classes=1000, sure=50.0), answered(1.0, classes=1000, sure=0.01)),
        uninformed=(
            validated(guessed(2, 9.0), answered(1.0, classes=2, sure=9.0)),
            validated(guessed(10, 9.0), answered(1.0, classes=10, sure=9.0)),
        ),
    ),
    "epistemic_auroc": Planted(
        better=members(0.5 + noise(500), noise(500, 1)),
        worse=(members(0.1 + noise(500), noise(500, 1)),),
        lowest=members(np.full(5, 1.0), np.full(5, 2.0)),
        highest=members(np.full(5, 2.0), np.full(5, 1.0)),
        uninformed=(members(noise(2000), noise(18000, 1)), members(noise(10000), noise(10000, 1))),
    ),
    "error_detection_auroc": Planted(
        better=answered(0.5, sure=0.5 + noise(1000) + HELD),
        worse=(answered(0.5, sure=0.5 + noise(1000)),),
        lowest=answered(0.5, sure=1.0, sure_wrong=2.0),
        highest=answered(0.5, sure=2.0, sure_wrong=1.0),
        uninformed=UNKNOWN,
    ),
    "excess_area_under_risk_coverage": replace(
        SELECTIVE, worse=SELECTIVE.worse[:1], highest=answered(0.5, sure=1.0, sure_wrong=2.0)
    ),
    "expected_calibration_error": CALIBRATION,
    "flip_rate": Planted(filmed(0.1), (filmed(0.4),), filmed(0.0), filmed(1.0), (guessed_films(2), guessed_films(10))),
    "fpr_at_95_tpr": FALSE_ALARMS,
    "honesty": shares("believed"),
    "inequality": of_games("inequality", 0.1, 0.4, 0.0, 1.0, None),
    "insertion_gain": gains("insertion_area", -1),
    "last_group_accuracy": Planted(
        better=of_groups([0.1, 0.9], [500, 500]),
        worse=(of_groups([0.9, 0.3], [500, 500]),),
        lowest=of_groups([1.0, 0.0], [500, 500]),
        highest=of_groups([0.0, 1.0], [500, 500]),
        uninformed=tuple(replace(each, groups=np.zeros(MANY, dtype=np.int64)) for each in UNKNOWN),  # type: ignore[arg-type]
    ),
    "lie_rate": Planted(
        better=shares("claimed").worse[0],
        worse=(shares("claimed").better,),
        lowest=shares("claimed").lowest,
        highest=shares("claimed").highest,
        uninformed=shares("claimed").uninformed,
    ),
    "localisation": shares("localisation"),
    "mean_value": Planted(
        better=recorded("gain", np.arange(100) / 100),
        worse=(recorded("gain", np.arange(100) / 100 - 0.1),),
        lowest=recorded("gain", np.full(10, -200.0)),
        highest=recorded("gain", np.full(10, 200.0)),
        uninformed=(recorded("gain", np.full(10, 0.2)), recorded("gain", np.full(10, 0.6))),
        options={"of": "gain"},
    ),
    "looseness": Planted(
        better=recorded("verified", HELD, 0.7),
        worse=(recorded("verified", HELD[::2].repeat(2) * (np.arange(1000) < 300), 0.7),),
        lowest=recorded("verified", HELD, 0.6),
        highest=recorded("verified", 0.0, 1.0),
        uninformed=(guessed(2, verified=0.0), guessed(10, verified=0.0)),
    ),
    "mean_corruption_error": replace(ACCURACY, lowest=answered(1.0), highest=answered(0.0), options=TINY),
    "member_disagreement_error": Planted(
        better=answered(0.7, members=3, disagreement=0.3),
        worse=(answered(0.7, members=3, disagreement=0.0), answered(0.7, members=3, disagreement=0.9)),
        lowest=answered(0.5, members=3, disagreement=0.5),
        highest=answered(0.0, members=3, disagreement=0.0),
        uninformed=(guessed(2, members=3, disagreement=0.0), guessed(10, members=3, disagreement=0.0)),
    ),
    "nash_conv": of_games("nash_conv", 0.1, 0.4, 0.0, 2.0, None),
    "negative_log_likelihood": replace(FORECAST, highest=answered(0.0, sure=1000.0)),
    "overconfidence": replace(
        CALIBRATION, lowest=answered(1.0, classes=1000, sure=0.01), highest=answered(0.0, sure=50.0)
    ),
    "performance_gap_recovered": Planted(
        better=student(0.8, 0.6, 0.9),
        worse=(student(0.7, 0.6, 0.9), student(0.8, 0.7, 0.95)),
        lowest=student(0.0, 0.95, 1.0),
        highest=student(1.0, 0.0, 0.05),
        uninformed=(student(0, 0.3, 0.9, guessed(2)), student(0, 0.3, 0.9, guessed(10))),
    ),
    "probe_gap": Planted(
        better=probed(0.6, answered(0.6), 0.2, 0.2),
        worse=(probed(0.9, answered(0.6), 0.2, 0.2), probed(0.6, answered(0.5), 0.2, 0.2)),
        lowest=probed(0.0, answered(1.0), 1.0, 0.0),
        highest=probed(1.0, answered(0.0), 0.0, 1.0),
        uninformed=(probed(0.5, guessed(2), 0.5, 0.5), probed(0.1, guessed(10), 0.1, 0.1)),
    ),
    "payoff": of_games("payoff", 0.7, 0.4, -1.0, 1.0, 0.0),
    "relative_corruption_error": Planted(
        better=lost(0.9),
        worse=(lost(0.5),),
        lowest=lost(1.0, 0.0),
        highest=lost(0.0, 1.0),
        uninformed=(guessed(2, right_when_clean=1.0), guessed(10, right_when_clean=1.0)),
        options=TINY,
    ),
    "residual_risk": Planted(
        better=validated(answered(0.9, sure_wrong=1.0), answered(1.0)),
        worse=(validated(answered(0.6), answered(1.0)), validated(answered(0.9, sure_wrong=3.0), answered(1.0))),
        lowest=validated(answered(1.0), answered(1.0)),
        highest=validated(answered(0.0), answered(1.0)),
        uninformed=tuple(  # type: ignore[arg-type]
            validated(guessed(classes, 9.0), answered(1.0, classes=classes)) for classes in (2, 10)
        ),
    ),
    "rms_calibration_error": CALIBRATION,
    "security": of_games("security", -0.1, -0.4, -1.0, 1.0, None),
    "selective_risk": SELECTIVE,
    "set_size": Planted(
        better=validated(answered(0.9, sure=5.0), answered(1.0, sure=2.0)),
        worse=(validated(unsure(5), unsure(5, -0.1)),),
        lowest=validated(unsure(5), answered(1.0, sure=50.0)),
        highest=validated(unsure(1000), unsure(1000, -0.1)),
        uninformed=(validated(guessed(2, 0.0), unsure(2, -0.1)), validated(guessed(10, 0.0), unsure(10, -0.1))),
    ),
    "shape_bias": Planted(
        better=in_conflict(0.6, 0.2),
        worse=(in_conflict(0.4, 0.4),),
        lowest=in_conflict(0.0, 0.4),
        highest=in_conflict(0.4, 0.0),
        uninformed=(guessed_in_conflict(3), guessed_in_conflict(10)),
    ),
    "thresholded_confidence_error": Planted(
        better=validated(answered(0.8, sure_wrong=1.0), answered(0.8, sure_wrong=1.0)),
        worse=(validated(answered(0.5), answered(0.8, sure_wrong=1.0)),),
        lowest=validated(answered(1.0), answered(1.0)),
        highest=validated(answered(0.0), answered(1.0)),
        uninformed=tuple(  # type: ignore[arg-type]
            validated(guessed(classes, 9.0), answered(1.0, classes=classes)) for classes in (2, 10)
        ),
    ),
    "true_probability_error": Planted(
        better=recorded("distance_to_truth", 0.1),
        worse=(recorded("distance_to_truth", 0.4),),
        lowest=recorded("distance_to_truth", 0.0),
        highest=recorded("distance_to_truth", 2**0.5),
        uninformed=(recorded("distance_to_truth", 0.5), recorded("distance_to_truth", 0.6)),
    ),
    "verified_accuracy": shares("verified"),
    "welfare": of_games("welfare", 0.9, 0.6, 0.0, 1.0, None),
    "worst_group_accuracy": Planted(
        better=of_groups([0.9, 0.8], [500, 500]),
        worse=(of_groups([1.0, 0.3], [500, 500]),),
        lowest=of_groups([1.0, 0.0], [500, 500]),
        highest=of_groups([1.0, 1.0], [500, 500]),
        uninformed=tuple(replace(each, groups=np.arange(MANY) % 2) for each in UNKNOWN),  # type: ignore[arg-type]
    ),
}
