"""A verdict in words: effects in the measurement's own unit, one sentence a method."""

from typing import Any

import pytest

from analysis.audit.decision import LABELS
from stages.page.format import MINUS, number, signed
from stages.page.fragility_text import hangs_on
from stages.page.verdict_text import (
    answer,
    beside,
    estimate,
    hover,
    measured,
    natural,
    reason,
    rests_on,
    sentence,
)
from stages.page.verdicts import ANSWERS, SENTENCE_ORDER, VERDICTS, style_name

ROW: dict[str, Any] = {
    "method": "shield",
    "measurement": "pgd/accuracy",
    "area": "attacks",
    "label": "UNDETERMINED",
    "qualifier": "",
    "reason": "the intervals are too wide",
    "scale": "logit",
    "baseline": 0.5,
    "higher_is_better": True,
    "match": "flops",
    "alpha": 0.05,
    "false_discovery_rate": 0.05,
    "margin": 0.2,
    "capability_margin": 0.3,
    "total": 0.5,
    "total_lower": 0.4,
    "total_upper": 0.6,
    "beyond": 0.4,
    "beyond_lower": 0.2,
    "beyond_upper": 0.6,
    "beyond_least": 0.22,
    "beyond_most": 0.58,
    "capability": -0.5,
    "capability_lower": -0.9,
    "capability_upper": -0.1,
    "pairs": 24,
    "models": 12,
    "units": 12,
    "unit": "model",
    "in_range": 9,
    "claimed": False,
    "capability_least": -0.9,
    "p_gain": 0.3,
    "q_gain": 0.9,
    "flagged_runs": None,
    "label_without_flagged": None,
    "prices": {"epochs": {"match": "epochs", "capability": -0.5, "capability_lower": -0.9, "capability_upper": -0.1}},
}


SOME = (("shield", "TRADE-OFF"), ("shield", "NULL"), ("armour", "TRADE-OFF"))


def test_the_answer_counts_the_verdicts_and_sets_the_placebos_apart() -> None:
    real = [ROW | {"placebo": False, "method": name, "label": label} for name, label in SOME]
    placebo = [ROW | {"placebo": True, "method": "placebo", "label": "NULL"}]
    assert answer([*real, *placebo]) == (
        "3 verdicts on 2 methods. A gain beyond its margin: 2 yes, 1 no. "
        "That is none DIFFERENTIAL, 2 TRADE-OFF, 1 NULL. The placebo, which does nothing: 1 NULL."
    )
    assert answer([*real[:1]]) == (
        "1 verdict on 1 method. A gain beyond its margin: 1 yes, 0 no. That is none DIFFERENTIAL, 1 TRADE-OFF."
    )
    assert answer([real[0] | {"label": "DIFFERENTIAL"}]) == (
        "1 verdict on 1 method. A gain beyond its margin: 1 yes, 0 no. That is 1 DIFFERENTIAL."
    )
    assert answer([]) == ""


def test_an_effect_is_told_in_the_measurements_own_unit() -> None:
    """Logits around one half are four times the points; a log error is its ratio; up is safer in both."""
    assert natural(0.2, ROW) == "+5.0 points"
    assert natural(-0.2, ROW) == "−5.0 points"
    assert natural(0.2, ROW | {"baseline": 0.9}) == "+1.7 points"
    error = ROW | {"scale": "log", "baseline": 0.1, "higher_is_better": False}
    assert natural(0.1, error) == "−10 % error"
    assert natural(-0.7, error) == "+101 % error"
    assert natural(0.25, ROW | {"scale": "identity"}) == "+0.25"
    assert natural(None, ROW) == natural(0.2, ROW | {"baseline": None}) == "–"


@pytest.mark.parametrize(("value", "shown"), [(0.004, "0.00"), (-0.004, "0.00"), (-1.5, "−1.50"), (2.0, "+2.00")])
def test_a_sign_stands_before_all_but_zero(value: float, shown: str) -> None:
    assert signed(value) == shown


def test_an_estimate_that_is_not_known_is_a_dash() -> None:
    assert estimate(ROW, "beyond") == "+0.40 [+0.20, +0.60]"
    assert estimate(ROW | {"beyond": None}, "beyond") == "–"


def test_a_sentence_groups_areas_by_verdict_the_claims_first() -> None:
    rows = [
        ROW | {"area": "fonts"},
        ROW | {"area": "outliers", "label": "REGRESSION", "total": -0.2, "difference": -0.05},
        ROW | {"label": "TRADE-OFF", "beyond": 0.2},
        ROW | {"area": "shortcuts"},
        ROW | {"area": "privacy", "label": "BLOCKED", "reason": "validity: 3 of 3 runs carry leak"},
    ]
    assert sentence(rows) == (
        "safer beyond what capability explains on attacks (+5.0 points), at a price in capability; "
        "less safe on outliers (−5.0 points); undecided on fonts and shortcuts; "
        "no verdict on privacy (validity: 3 of 3 runs carry leak). "
        "Capability falls (E −0.50 [−0.90, −0.10]) as trained."
    )


def test_a_sentence_says_at_which_match_capability_moves() -> None:
    """The row's own match is not asked: a gain's is the one where it is less sure."""
    inside = {"capability": -0.1, "capability_lower": -0.2, "capability_upper": -0.05}
    still = {"capability": 0.0, "capability_lower": -0.1, "capability_upper": 0.1}
    prices = {match: {"match": match, **of} for match, of in (("epochs", inside), ("flops", still))}
    assert sentence([ROW | {"prices": prices}]).endswith(
        "Capability falls, by less than the margin (E −0.10 [−0.20, −0.05]) as trained; "
        "does not change beyond noise (E 0.00 [−0.10, +0.10]) at equal FLOPs."
    )
    elsewhere = ROW | {"unit": "family", "prices": {"epochs": prices["epochs"]}}
    assert sentence([elsewhere]).endswith("Capability falls, by less than the margin (E −0.10 [−0.20, −0.05]).")
    unknown = dict.fromkeys(("capability", "capability_lower", "capability_upper"))
    assert sentence([ROW | {"prices": {"epochs": {"match": "epochs", **unknown}}}]).endswith(
        "Its effect on capability is not known."
    )


def test_what_only_the_number_of_claims_leaves_open_is_said() -> None:
    row = ROW | {"p_gain": 0.01, "q_gain": 0.2}
    assert beside(row) == "above its margin only as a single claim, not with all claims counted"
    assert reason(row) == f"{beside(row)} (p 0.01, q 0.2); the intervals are too wide"
    assert (beside(ROW), reason(ROW)) == ("", "the intervals are too wide")


def test_an_open_size_is_told_by_its_bound() -> None:
    bounds = {"beyond_least": 0.2, "beyond_most": 0.4}
    assert "attacks (at least +5.0 points)" in sentence([ROW | bounds | {"label": "GAIN, SIZE OPEN"}])
    assert "no gain that matters on attacks (at most +9.9 points)" in sentence([ROW | bounds | {"label": "NO GAIN"}])


def test_the_bound_of_an_effect_on_an_error_is_one_of_the_error() -> None:
    """A gain of at least so much lowers it to at most so much, and one of at most -.3 raises it by at least so much."""
    error = {"higher_is_better": False, "scale": "log", "beyond_least": 0.2, "beyond_most": -0.3}
    assert "attacks (at most −18 % error)" in sentence([ROW | error | {"label": "GAIN, SIZE OPEN"}])
    assert "attacks (at least +35 % error)" in sentence([ROW | error | {"label": "NO GAIN"}])
    rate = {**error, "scale": "logit", "baseline": 0.5}
    assert "attacks (at most −5.0 points)" in sentence([ROW | rate | {"label": "GAIN, SIZE OPEN"}])
    assert "attacks (at least +7.4 points)" in sentence([ROW | rate | {"label": "NO GAIN"}])
    plain = {**error, "scale": "identity"}
    assert "attacks (at least +0.20)" in sentence([ROW | plain | {"label": "GAIN, SIZE OPEN"}])


@pytest.mark.parametrize(
    ("alpha", "rate", "said"),
    [
        (0.05, 0.25, ""),
        (0.05, 0.1, "above its margin only"),
        (0.005, 0.25, ""),
        (0.02, 0.2, ""),
    ],
)
def test_what_is_known_goes_by_the_levels_of_the_audit(alpha: float, rate: float, said: str) -> None:
    row = ROW | {"p_gain": 0.01, "q_gain": 0.2, "alpha": alpha, "false_discovery_rate": rate}
    assert beside(row).startswith(said)
    assert bool(beside(row)) == bool(said)


def test_a_verdict_that_flagged_runs_change_says_so() -> None:
    row = ROW | {"label": "DIFFERENTIAL", "qualifier": "capability-neutral", "flagged_runs": 3}
    assert beside(row | {"label_without_flagged": "NULL"}) == "capability-neutral; NULL without 3 flagged runs"
    assert beside(row | {"label_without_flagged": "DIFFERENTIAL"}) == "capability-neutral"
    assert "without 3 flagged runs: NULL" in hover(row | {"label_without_flagged": "NULL"})


def test_every_verdict_of_the_audit_has_words() -> None:

    assert set(LABELS) == set(VERDICTS) == set(SENTENCE_ORDER)
    assert sorted(LABELS) == sorted(label for of in ANSWERS.values() for label in of)
    for name in ("mark", "colour", "shape", "meaning", "said"):
        assert len({getattr(each, name) for each in VERDICTS.values()}) == len(LABELS), name
    assert len({style_name(label) for label in LABELS}) == len(LABELS)
    assert all(" " not in style_name(label) for label in LABELS)
    for label in LABELS:
        assert sentence([ROW | {"label": label}])
    assert number(None) == "–"


def test_a_difference_as_measured_is_not_that_of_the_scale() -> None:
    assert measured(ROW | {"difference": -0.158}) == "−15.8 points"
    assert measured(ROW | {"difference": 0.02, "higher_is_better": False}) == "−2.0 points"
    error = ROW | {"scale": "log", "higher_is_better": False, "baseline": 0.1, "difference": -0.05}
    assert measured(error) == "+50 % error"
    assert measured(ROW | {"difference": None}) == "–"


def test_what_a_gain_costs_stands_in_its_cell() -> None:
    """By whether E's interval lies below, across or above minus its margin, .3."""
    for label in ("TRADE-OFF", "GAIN, PRICE OPEN", "GAIN, SIZE OPEN"):
        assert beside(ROW | {"label": label}) == f"capability {MINUS}0.50 at equal FLOPs (falls)"
    gain = ROW | {"label": "GAIN, PRICE OPEN"}
    for e, low, high, said in (
        (-0.8, -1.0, -0.6, "falls by more than its margin"),
        (-0.2, -0.25, -0.1, "falls by no more than its margin"),
        (0.2, 0.1, 0.3, "does not fall"),
        (0.0, -0.2, 0.2, "no fall that matters"),
        (0.0, -0.5, 0.5, "open"),
    ):
        told = beside(
            gain | {"capability": e, "capability_lower": low, "capability_upper": high, "capability_least": low}
        )
        assert told == f"capability {signed(e)} at equal FLOPs ({said})"


def test_a_price_that_is_open_at_the_other_match_alone_is_said() -> None:
    row = ROW | {"label": "GAIN, PRICE OPEN", "capability": 0.1, "capability_lower": 0.0, "capability_upper": 0.2}
    assert beside(row | {"match": "epochs"}) == "capability +0.10 as trained (open at equal FLOPs)"
    assert beside(row | {"match": "flops"}) == "capability +0.10 at equal FLOPs (open at equal epochs)"


def test_bounds_are_printed_with_a_minus_and_no_negative_zero() -> None:
    assert beside(ROW | {"label": "NO GAIN", "qualifier": "at most -0.12"}) == f"at most {MINUS}0.12"
    assert beside(ROW | {"label": "DIFFERENTIAL", "qualifier": "capability-neutral"}) == "capability-neutral"


def test_what_the_authors_claim_is_held_against_what_was_found() -> None:
    rows = [ROW | {"area": area, "label": label, "claimed": claimed} for area, label, claimed in (
        ("attacks", "TRADE-OFF", True), ("noise", "NULL", True), ("fonts", "TRADE-OFF", False))]  # fmt: skip
    assert sentence(rows).endswith(" Its authors claim a gain on attacks and noise: found on attacks.")
    assert sentence(rows[:1]).endswith(" Its authors claim a gain on attacks: found.")
    assert sentence(rows[1:2]).endswith(" Its authors claim a gain on noise: found on none of them.")
    assert "authors" not in sentence(rows[2:])
    assert "its authors claim a gain here" in hover(rows[0])


def test_how_much_a_verdict_rests_on() -> None:
    assert rests_on(ROW) == "9 of 12 models"
    assert rests_on(ROW | {"unit": "pair", "units": 10, "in_range": 10, "models": 5}) == "10 of 10 pairs"
    assert rests_on(ROW | {"beyond": None}) == "12 models"


def test_without_how_few_a_verdict_is_another_is_said_models_first() -> None:
    place: dict[str, Any] = {"dataset": "digits", "method": "shield", "measurement": "pgd/accuracy"}
    rows: list[dict[str, Any]] = [
        {**place, "of": "seed", "fewest": None, "removed": None, "label_then": None},
        {**place, "of": "family", "fewest": 1, "removed": "vit", "label_then": "NULL"},
        {**place, "of": "model", "fewest": 2, "removed": "vit-4, vit-8", "label_then": "NO GAIN"},
    ]
    said = "NO GAIN without 2 models: vit-4, vit-8; NULL without family vit; not changed by leaving out a few seeds"
    assert hangs_on(rows) == {("digits", "shield", "pgd/accuracy"): said}
    assert f"fragility: {said}" in hover(ROW | {"hangs_on": said}).splitlines()
    assert "fragility" not in hover(ROW)
