"""Labels of curves: the first rule that fits, on both sides of each bound."""

from dataclasses import replace
from typing import Any

import pytest

from analysis.jumps.artefact import Companion
from analysis.jumps.decision import Judged
from analysis.jumps.labels import label
from analysis.jumps.shape import Jump

STEP = Jump(
    change_point=0.5,
    change_low=0.4,
    change_high=0.6,
    amplitude=1.0,
    amplitude_low=0.9,
    amplitude_high=1.1,
    amplitude_error=0.1,
    sharpness=0.9,
    on_trend=False,
    midpoint=0.5,
    width=0.1,
)
JUDGED = Judged(
    gain=10.0,
    gain_slower=-1.0,
    p=0.5,
    p_acceleration=0.5,
    p_flat=0.5,
    power=0.9,
    smallest=0.2,
    least_sharpness=0.6,
    jump=STEP,
)


def labelled(p: float, p_acceleration: float = 0.5, companion: Companion | None = None, **fields: Any) -> str:
    return label(replace(JUDGED, **fields), p, p_acceleration, companion=companion)[0]


@pytest.mark.parametrize(
    ("p", "p_acceleration", "fields", "expected"),
    [
        (0.049, 0.5, {}, "JUMP"),
        (0.05, 0.5, {}, "NONE"),
        (0.01, 0.5, {"gain": 0.0}, "NONE"),
        (0.01, 0.5, {"gain_slower": 0.0}, "JUMP"),
        (0.01, 0.5, {"gain_slower": 0.1}, "ACCELERATION"),
        (0.01, 0.5, {"jump": replace(STEP, sharpness=0.6)}, "ACCELERATION"),
        (0.01, 0.5, {"jump": replace(STEP, sharpness=0.61)}, "JUMP"),
        (0.01, 0.5, {"jump": replace(STEP, sharpness=0.1, on_trend=True)}, "JUMP"),
        (0.01, 0.5, {"jump": replace(STEP, sharpness=0.1, on_trend=True, amplitude_low=0.2)}, "ACCELERATION"),
        (0.01, 0.5, {"jump": replace(STEP, amplitude_error=0.25)}, "NONE"),
        (0.01, 0.5, {"jump": replace(STEP, amplitude_error=0.249)}, "JUMP"),
        (0.01, 0.5, {"jump": replace(STEP, amplitude=-1.0)}, "JUMP"),
        (0.01, 0.5, {"smallest": 1.0}, "NONE"),
        (0.5, 0.049, {}, "ACCELERATION"),
        (0.5, 0.05, {"p_flat": 0.049}, "SMOOTH"),
        (0.5, 0.5, {"p_flat": 0.05}, "NONE"),
        (0.5, 0.5, {"p_flat": 0.01, "power": 0.79}, "UNDETERMINED"),
        (0.5, 0.5, {"p_flat": 0.01, "power": 0.8}, "SMOOTH"),
    ],
)
def test_every_bound_of_a_rule_has_two_sides(
    p: float, p_acceleration: float, fields: dict[str, Any], expected: str
) -> None:
    assert labelled(p, p_acceleration, **fields) == expected


def test_a_companion_that_accelerates_leaves_an_acceleration_and_a_smooth_one_does_not() -> None:
    smooth, rising = (Companion(JUDGED, 0.5, p) for p in (0.05, 0.049))
    assert labelled(0.5, 0.01, smooth) == "METRIC ARTEFACT"
    assert labelled(0.5, 0.01, rising) == "ACCELERATION"
    assert labelled(0.5, 0.5, smooth) == "NONE"


@pytest.mark.parametrize(("low", "high"), [(0.6, 0.8), (0.2, 0.4), (0.45, 0.5)])
def test_change_points_that_touch_are_one(low: float, high: float) -> None:
    companion = Companion(replace(JUDGED, jump=replace(STEP, change_low=low, change_high=high)), 0.01, 0.5)
    assert labelled(0.01, companion=companion) == "JUMP"


@pytest.mark.parametrize(("low", "high"), [(0.61, 0.8), (0.2, 0.39)])
def test_change_points_apart_are_the_metric_s(low: float, high: float) -> None:
    companion = Companion(replace(JUDGED, jump=replace(STEP, change_low=low, change_high=high)), 0.01, 0.5)
    assert labelled(0.01, companion=companion) == "METRIC ARTEFACT"


def test_two_groups_of_seeds_come_before_everything() -> None:
    said = "seeds form two groups, and the share of the upper one changes smoothly"
    assert label(JUDGED, 0.01, 0.01, seeds_mixed=True) == ("SEED MIXTURE", said)


def test_reasons_say_which_part_is_lacking() -> None:
    blunt = replace(JUDGED, jump=replace(STEP, sharpness=0.1))
    assert label(blunt, 0.01, 0.5)[1] == "too little of the change is within a fifth of the range"
    assert label(replace(JUDGED, gain_slower=1.0), 0.01, 0.5)[1] == "a slower transition fits better than a jump"
    unseen = replace(JUDGED, power=0.3)
    assert label(unseen, 0.5, 0.5)[1] == "a step of 0.2 would be seen with probability 0.30"
