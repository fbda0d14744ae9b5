"""What holds for every metric, whatever it is told to go by: a new one is tested by existing."""

import inspect
import math
import typing
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines import parts
from pipelines.measuring import needs
from pipelines.outcomes import Measured, Outcomes, Unmeasurable

PACKAGE = "pipelines.metrics"
NAMES = parts.names(PACKAGE)
Build = Callable[..., Outcomes]
Options = dict[str, Any]
WITHOUT_INFLUENCE = ("caught_at_1_fpr", "fpr_at_95_tpr")
OF_A_THRESHOLD = ("coverage_gap",)  # whose own noise is in the standard error, too
WITHOUT_GROUPS = ("benign_accuracy",)  # only rows of no group enter
WITH_OR_WITHOUT_OUTLIERS = ("residual_risk",)  # the hazard is the outliers where there are any
MOVED_BY_A_SHIFT = ("max_logit", "energy", "vim")  # scores of logits as they are
REQUIRED: dict[str, Options] = {"mean_value": {"of": "localisation"}}
OF_EPISODES = (
    "competent_failure", "disabled_rate", "efficiency", "gaming_auroc", "goal_reached", "harm_rate",
    "incompetent_failure", "power_gain", "proxy_gap", "success", "true_return", "worst_case",
)  # fmt: skip
OF_GAMES = ("payoff", "welfare", "nash_conv", "security", "inequality")
WITHOUT_LOGITS = ("mean_value", "alarm_in_time", "true_probability_error", *OF_EPISODES, *OF_GAMES)
OF_ATTACKS = ("attack_auroc", "attack_aupr", "caught_at_1_fpr")  # all that is not benign is one, outliers too
ARRAYS = ("logits", "labels", "examples", "groups", "parts", "features")
OF_GROUPS = ("worst_group_accuracy", "accuracy_gap", "last_group_accuracy")  # whatever the groups stand for
RECORDED = (
    "right_when_clean", "frame", "compared_with", "localisation", "randomised_agreement", "deletion_area",
    "insertion_area", "random_area", "verified", "certified_radius", "believed", "claimed", "weak_right", "probed",
    "probed_untrained", "answered_untrained", "alarm_at", "change_at", "distance_to_truth",
    "reached", "cornered", "broken", "disabled", "paid", "proxy", "worst", "divergence", "power_gain",
    *OF_GAMES,
)  # fmt: skip
OF_LEVELS = ("shortest", "steps", "proxy_best")
MEMBERS = ("members", "aleatoric", "mutual_information", "disagreement")


def variants(name: str) -> list[Options]:
    """A metric as it comes, and with every choice of an option that has some."""
    make = parts.factory(PACKAGE, name)
    found: list[Options] = [REQUIRED.get(name, {})]
    for option, default in parts.defaults(make).items():
        hint = typing.get_type_hints(make)[option]
        choices = (True, False) if hint is bool else typing.get_args(hint) if typing.get_origin(hint) else ()
        found += [{option: choice} for choice in choices if isinstance(choice, (str, bool)) and choice != default]
    return found


def of_each(names: list[str]) -> pytest.MarkDecorator:
    """A test of all variants of these metrics."""
    every = [(name, options) for name in names for options in variants(name)]
    ids = ["-".join([name, *map(str, options.values())]) for name, options in every]
    return pytest.mark.parametrize(("name", "options"), every, ids=ids)


every_variant = of_each(NAMES)
every_variant_of_logits = of_each([name for name in NAMES if name not in WITHOUT_LOGITS])


def shuffled(outcomes: Outcomes, rng: np.random.Generator) -> Outcomes:
    order = rng.permutation(len(outcomes))
    return outcomes.rows(order)  # type: ignore[arg-type]  # an order in the place of a mask


def example(outcomes_of: Build, seed: int = 0, n: int = 400, tied: bool = False) -> Outcomes:
    """Five classes, a third outliers, four groups and none; logits a multiple of 1/8, so that shifts are exact.
    Features and values that say a little; training and validation images of which the model is surer.
    """
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 5, n)
    step = 1 if tied else 8
    fine = 0 if tied else np.arange(5) / 64
    logits = np.round((rng.normal(0, 2, (n, 5)) + 3 * np.eye(5)[truth] * rng.random((n, 1))) * step) / step + fine
    labels = np.where(rng.random(n) < 1 / 3, -1, truth)
    groups = rng.integers(-1, 4, n)
    fitted = rng.integers(0, 5, n + 300)
    surer = rng.normal(0, 2, (n + 300, 5)) + 6 * np.eye(5)[fitted] * rng.random((n + 300, 1))
    mixed = rng.normal(0, 1, (8, 8))
    means = np.pad(2 * np.eye(5), ((0, 0), (0, 3)))
    reference = replace(
        outcomes_of(np.round(surer * step) / step + fine, fitted),
        examples=np.concatenate([np.arange(300), np.arange(n)]),
        parts=np.repeat([0, 1], [300, n]),
        part_names=("training", "validation"),
        features=((means[fitted] + rng.normal(0, 1, (n + 300, 8))) @ mixed).astype(np.float32),
    )
    away = np.eye(8)[7] * (labels < 0)[:, None]
    values = {
        "members": np.full(n, 3),
        "aleatoric": rng.random(n) + 0.3 * (groups >= 0),
        "mutual_information": rng.random(n) + 0.3 * (labels < 0),
        "disagreement": rng.integers(0, 2, n) / 3,
    }
    values |= {name: rng.random(n) for name in RECORDED}
    frame = np.arange(n) % 2
    values["weak_right"] = values["weak_right"] < 0.2
    values |= {"frame": frame, "compared_with": frame - 1, "right_when_clean": values["right_when_clean"].round()}
    values |= {name: values[name].round() for name in ("reached", "cornered", "broken", "disabled", "worst")}
    values |= {"shortest": rng.integers(4, 10, n), "steps": rng.integers(10, 20, n), "proxy_best": np.full(n, 2)}
    values |= {"paid": rng.integers(0, 6, n) + (labels < 0), "divergence": values["divergence"] + values["broken"]}
    values["verified"] = values["verified"].round() * (logits.argmax(axis=1) == labels)
    return replace(
        outcomes_of(logits, labels, groups),
        examples=np.arange(n) // 2,
        parts=np.zeros(n, dtype=np.int64),
        part_names=("fog 1",),
        features=((means[truth] + away + rng.normal(0, 1, (n, 8))) @ mixed).astype(np.float32),
        values={name: value.astype(np.float32) for name, value in values.items()},
        reference=reference,
    )


def close(one: Measured, other: Measured) -> bool:
    if one.standard_error is None or other.standard_error is None:
        return one == other
    same_error = math.isclose(one.standard_error, other.standard_error, rel_tol=1e-6, abs_tol=1e-9)
    return math.isclose(one.value, other.value, rel_tol=1e-9, abs_tol=1e-12) and same_error and one.n == other.n


def test_there_are_metrics() -> None:
    assert {"accuracy", "auroc", "rms_calibration_error", "worst_group_accuracy"} <= set(NAMES)


@every_variant
def test_declares_what_it_is(name: str, options: Options) -> None:
    module = parts.module(PACKAGE, name)
    first = (inspect.getdoc(module) or "").splitlines()[0]
    assert first.endswith(".")
    assert not first.startswith(("Compute", "Calculate", "Return"))
    assert isinstance(module.HIGHER_IS_BETTER, bool)
    low, high = module.RANGE
    assert low < high
    assert module.CHANCE is None or low <= module.CHANCE <= high
    needed = needs(name, parts.full_options(PACKAGE, name, options))
    assert set(needed) <= {
        "labels",
        "outliers",
        "groups",
        "features",
        "reference",
        "reference of the run",
        *MEMBERS,
        *RECORDED,
        *OF_LEVELS,
    }
    assert needed
    assert options or needed == module.NEEDS
    assert all(
        hint.kind is inspect.Parameter.KEYWORD_ONLY for hint in inspect.signature(module.metric).parameters.values()
    )


@every_variant
def test_value_is_in_range_with_an_error_over_examples(name: str, options: Options, outcomes_of: Build) -> None:
    low, high = parts.module(PACKAGE, name).RANGE
    outcomes = example(outcomes_of)
    measured = parts.load(PACKAGE, name, options)(outcomes)
    assert isinstance(measured, Measured)
    assert low <= measured.value <= high
    assert measured.standard_error is not None
    assert 0 < measured.standard_error < 1
    assert 0 < measured.n <= len(outcomes)


@every_variant
@settings(max_examples=10, derandomize=True)
@given(seed=st.integers(0, 10_000), tied=st.booleans())
def test_order_of_examples_is_irrelevant(
    name: str, options: Options, outcomes_of: Build, seed: int, tied: bool
) -> None:
    outcomes = example(outcomes_of, seed, tied=tied)
    assert outcomes.reference is not None
    rng = np.random.default_rng(seed)
    other = replace(shuffled(outcomes, rng), reference=shuffled(outcomes.reference, rng))
    metric = parts.load(PACKAGE, name, options)
    assert close(metric(outcomes), metric(other))


@every_variant
@settings(max_examples=10, derandomize=True)
@given(seed=st.integers(0, 10_000))
def test_names_of_classes_are_irrelevant(name: str, options: Options, outcomes_of: Build, seed: int) -> None:
    outcomes = example(outcomes_of, seed)
    order = np.random.default_rng(seed).permutation(5)
    renamed = np.append(np.argsort(order), -1)
    groups = outcomes.groups if name in OF_GROUPS else renamed[outcomes.groups]
    of_renamed = dict(options)
    if name == "backoff_information":  # its super-classes have the same names
        of_renamed["groups"] = [renamed[group].tolist() for group in ([0, 1], [2, 3], [4])]
    if name in OF_ATTACKS:
        of_renamed["benign"] = int(renamed[0])

    def with_new_names(one: Outcomes) -> Outcomes:
        return replace(one, logits=one.logits[:, order], labels=renamed[one.labels])

    assert outcomes.reference is not None
    other = replace(with_new_names(outcomes), groups=groups, reference=with_new_names(outcomes.reference))
    assert close(parts.load(PACKAGE, name, options)(outcomes), parts.load(PACKAGE, name, of_renamed)(other))


@every_variant
@settings(max_examples=10, derandomize=True)
@given(seed=st.integers(0, 10_000), shift=st.integers(-64, 64))
def test_a_shift_of_an_examples_logits_is_irrelevant(
    name: str, options: Options, outcomes_of: Build, seed: int, shift: int
) -> None:
    outcomes = example(outcomes_of, seed)
    other = replace(outcomes, logits=outcomes.logits + np.float32(shift))
    metric = parts.load(PACKAGE, name, options)
    if shift and options.get("score") in MOVED_BY_A_SHIFT:
        shifts = np.float32(shift) * (np.arange(len(outcomes)) % 2)
        other = replace(outcomes, logits=outcomes.logits + shifts[:, None])
        assert not close(metric(outcomes), metric(other))
    else:
        assert close(metric(outcomes), metric(other))


@every_variant
def test_influences_are_what_more_of_an_example_adds(name: str, options: Options, outcomes_of: Build) -> None:
    """The change of the value when half of each group's outliers and inliers stand twice, to first order; and their
    summed squares are the variance over examples. Group 0 is the hardest by far, so that the minimum is smooth.
    """
    metric = parts.load(PACKAGE, name, options)
    outcomes = example(outcomes_of, n=3000)
    hard = (outcomes.groups == 0) & (outcomes.labels >= 0) & (outcomes.examples % 2 == 0)
    outcomes = replace(outcomes, labels=np.where(hard, (outcomes.labels + 1) % 5, outcomes.labels))
    stratum = (outcomes.groups + 1) * 2 + (outcomes.labels < 0)
    measured = metric(outcomes)
    if measured.influence is None:
        assert name in WITHOUT_INFLUENCE
        return
    assert measured.influence.shape == (len(outcomes),)
    foreseen, seen = [], []
    rng = np.random.default_rng(1)
    for _ in range(40):
        order = rng.permutation(len(outcomes))
        twice = np.zeros(len(outcomes), dtype=bool)
        for each in np.unique(stratum):
            twice[order[stratum[order] == each][::2]] = True
        weight = (1 + twice) / 1.5
        foreseen.append(((weight - 1) * measured.influence).sum())
        rows = np.concatenate([np.arange(len(outcomes)), np.flatnonzero(twice)])
        seen.append(metric(outcomes.rows(rows)).value - measured.value)
    assert np.corrcoef(foreseen, seen)[0, 1] > 0.9
    assert np.polyfit(seen, foreseen, 1)[0] == pytest.approx(1, abs=0.3)
    size = float(np.sqrt(measured.influence @ measured.influence))
    of_examples = 1.0 if name not in OF_A_THRESHOLD else 0.7  # the rest is of the validation images
    assert size == pytest.approx(of_examples * (measured.standard_error or 0.0), rel=0.35)


@every_variant
def test_no_examples_have_no_value(name: str, options: Options, outcomes_of: Build) -> None:
    with pytest.raises(Unmeasurable, match=r"^no (outliers|examples .*)$"):
        parts.load(PACKAGE, name, options)(outcomes_of(np.zeros((0, 5)), []))


@every_variant_of_logits
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_logits_that_are_not_finite_have_no_value(name: str, options: Options, bad: float, outcomes_of: Build) -> None:
    outcomes = example(outcomes_of)
    grouped = (outcomes.groups >= 0) & (outcomes.groups != outcomes.labels)
    entering = (outcomes.labels >= 0) & (outcomes.groups < 0 if name in WITHOUT_GROUPS else grouped)
    outcomes.logits[np.flatnonzero(entering)[0], 2] = bad
    with pytest.raises(Unmeasurable, match=r"^logits of 1 of \d+ examples are not finite$"):
        parts.load(PACKAGE, name, options)(outcomes)


@every_variant_of_logits
def test_one_class_has_no_value(name: str, options: Options, outcomes_of: Build) -> None:
    outcomes = outcomes_of(np.zeros((6, 1)), [0, 0, -1, -1, 0, 0], [1, 0, 1, 0, -1, -1])
    with pytest.raises(Unmeasurable, match=r"^fewer than two classes$"):
        parts.load(PACKAGE, name, options)(outcomes)


@every_variant
def test_what_it_needs_and_lacks_is_said(name: str, options: Options, outcomes_of: Build) -> None:
    outcomes = example(outcomes_of)
    without = {
        "features": (replace(outcomes, features=None), r"^no features$"),
        "reference": (replace(outcomes, reference=None), r"^no outcomes on training and validation images$"),
        **{
            each: (
                replace(outcomes, values={k: v for k, v in outcomes.values.items() if k != each}),
                f"^'{each}' was not recorded$",
            )
            for each in MEMBERS
        },
    }
    needed = needs(name, parts.full_options(PACKAGE, name, options))
    for need, (lacking, reason) in without.items():
        if need in needed or f"{need} of the run" in needed:
            with pytest.raises(Unmeasurable, match=reason):
                parts.load(PACKAGE, name, options)(lacking)
        else:
            assert parts.load(PACKAGE, name, options)(lacking) == parts.load(PACKAGE, name, options)(outcomes)


@every_variant
def test_huge_logits_do_not_overflow(name: str, options: Options, outcomes_of: Build) -> None:
    outcomes = example(outcomes_of)
    huge = replace(outcomes, logits=np.float32(1e4) * outcomes.logits)
    measured = parts.load(PACKAGE, name, options)(huge)
    assert math.isfinite(measured.value)
    assert math.isfinite(measured.standard_error)


@every_variant
def test_outliers_enter_only_what_asks_for_them(name: str, options: Options, outcomes_of: Build) -> None:
    outcomes = example(outcomes_of)
    metric = parts.load(PACKAGE, name, options)
    if name in WITH_OR_WITHOUT_OUTLIERS:
        assert metric(outcomes) == metric(outcomes.rows(outcomes.labels < 0)) != metric(outcomes.inliers())
    elif name in OF_ATTACKS:
        assert metric(outcomes) != metric(outcomes.inliers())
        with pytest.raises(Unmeasurable, match=r"^no examples of a known class$"):
            metric(outcomes.rows(outcomes.labels < 0))
    elif "outliers" in parts.module(PACKAGE, name).NEEDS:
        with pytest.raises(Unmeasurable, match=r"^no outliers$"):
            metric(outcomes.inliers())
        with pytest.raises(Unmeasurable, match=r"^no examples of a known class$"):
            metric(outcomes.rows(outcomes.labels < 0))
    else:
        assert metric(outcomes) == metric(outcomes.inliers())


@every_variant
def test_outcomes_are_left_as_they_were(name: str, options: Options, outcomes_of: Build) -> None:
    outcomes, same = example(outcomes_of), example(outcomes_of)
    parts.load(PACKAGE, name, options)(outcomes)
    assert outcomes.reference is not None
    assert same.reference is not None
    for one, other in ((outcomes, same), (outcomes.reference, same.reference)):
        assert all(np.array_equal(getattr(one, each), getattr(other, each)) for each in ARRAYS)
        assert all(np.array_equal(one.values[each], other.values[each]) for each in one.values)
