"""The audit of a table in a notebook."""

from typing import Any

import numpy as np
import polars as pl
import pytest

from analysis import audit_table

ROLES: dict[str, Any] = {"key": "name", "capability": ["mmlu", "gsm8k"], "safety": ["refusal"], "family": "family"}
PAIRED: dict[str, Any] = {**ROLES, "method": "method", "baseline": "base"}


def table(gain: float = 0.0, price: float = 0.0, seed: int = 0) -> pl.DataFrame:
    """Baselines of eight families and three sizes, each with a tuned model; the tuning adds `gain` to safety and takes
    `price` from capability, on the scale of logits.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for family in range(8):
        for size in range(3):
            able, name = size + rng.normal() / 5 - 1, f"m{family}-{size}"
            for tuned in (False, True):
                skill = able - price * tuned
                logits = [skill + rng.normal() / 20, skill + rng.normal() / 20]
                safe = 0.8 * skill + gain * tuned + rng.normal() / 20
                values = [float(1 / (1 + np.exp(-x))) for x in (*logits, safe)]
                about = [name + "-it" * tuned, f"f{family}", "tuning" if tuned else None, name if tuned else None]
                rows.append((*about, *values))
    names = ["name", "family", "method", "base", "mmlu", "gsm8k", "refusal"]
    return pl.DataFrame(rows, schema=names, orient="row")


@pytest.mark.parametrize(
    ("gain", "price", "label"),
    [(0.0, 0.0, "NULL"), (0.6, 0.0, "DIFFERENTIAL"), (0.6, 0.5, "TRADE-OFF"), (-0.6, 0.0, "REGRESSION")],
)
def test_a_planted_effect_gets_its_label(gain: float, price: float, label: str) -> None:
    found = audit_table(table(gain, price), **PAIRED, margins={"refusal": 0.2, "capability": 0.3})
    assert found["verdicts"].select("method", "measurement", "label").rows() == [("tuning", "refusal", label)]
    assert found["effects"].select("pairs", "families").rows() == [(24, 8)]


def test_what_capability_gives_is_washing() -> None:
    found = audit_table(table(0.0, -0.6), **PAIRED, margins={"refusal": 0.2, "capability": 0.3})
    assert found["verdicts"]["label"].to_list() == ["WASHING"]


def test_pandas_and_polars_give_the_same() -> None:
    frame = table(0.3)
    one, other = (audit_table(each, **PAIRED) for each in (frame, frame.to_pandas()))
    assert all(one[name].equals(other[name]) for name in one)


def test_a_table_without_pairs_has_correlations() -> None:
    found = audit_table(table(), **ROLES)
    assert "verdicts" not in found
    assert found["metric_labels"]["label"].to_list() == ["capability-determined"]


def test_a_model_with_blank_cells_keeps_its_score() -> None:
    frame = table().with_columns(bbh=pl.col("mmlu") ** 2, arc=pl.col("gsm8k") ** 2)
    blank = frame.with_columns(arc=pl.when(pl.int_range(pl.len()) % 3 == 0).then(None).otherwise("arc"))
    asked = {**PAIRED, "capability": ["mmlu", "gsm8k", "bbh", "arc"]}
    with pytest.warns(UserWarning, match=r"^pc1: 32 of 48 models have all 4 capability measurements; 16 are scored"):
        scores = audit_table(blank, **asked)["capability"].filter(score_name="pc1")
    assert len(scores) == len(frame)
    assert (scores["standard_error"] > 0).sum() == 16


def test_what_is_wrong_with_a_table_is_said() -> None:
    with pytest.raises(ValueError, match=r"^not among the columns of the table: bse \(there are name, family, "):
        audit_table(table(), **{**PAIRED, "baseline": "bse"})
    with pytest.raises(ValueError, match=r"^columns that are not numbers: family \(String\)$"):
        audit_table(table(), **{**PAIRED, "safety": ["family"]})
    with pytest.raises(ValueError, match=r"^both capability and safety: mmlu$"):
        audit_table(table(), **{**PAIRED, "safety": ["mmlu"]})
    with pytest.raises(ValueError, match=r"^capability: 'mmlu' is not a list of names: \['mmlu'\]$"):
        audit_table(table(), **{**PAIRED, "capability": "mmlu"})
    named = table().with_columns(method=pl.col("method").replace("tuning", "standard"))
    with pytest.raises(
        ValueError, match=r"^method: 'standard' is what the tables call models that nothing was done to"
    ):
        audit_table(named, **PAIRED)
    endless = table().with_columns(mmlu=pl.when(name="m3-1").then(float("inf")).otherwise("mmlu"))
    with pytest.raises(ValueError, match=r"^mmlu of m3-1 is infinite: give it a value, or none$"):
        audit_table(endless, **PAIRED)


@pytest.mark.parametrize(
    ("option", "given", "known"),
    [
        ("margins", {"refusall": 0.2}, "capability, mmlu, gsm8k, refusal"),
        ("lower_is_better", ["family"], "mmlu, gsm8k, refusal"),
        ("placebos", ["nothing"], "tuning"),
    ],
)
def test_a_name_without_effect_is_refused(option: str, given: Any, known: str) -> None:
    (name,) = given
    with pytest.raises(ValueError, match=f"^{option}: '{name}' has no effect: it is not among {known}$"):
        audit_table(table(), **PAIRED, **{option: given})


def test_percents_are_not_guessed_and_not_passed_over() -> None:
    frame = table().with_columns(pl.col("refusal") * 100)
    with pytest.warns(UserWarning, match=r"from 0 to 100, and not taken as percents: .* divide them by 100: refusal$"):
        audit_table(frame, **PAIRED)


@pytest.mark.parametrize("families", [1, 2])
def test_few_families_have_effects_and_no_verdict(families: int) -> None:
    """T of one family without an interval, of two with one; D needs three."""
    few = table(0.6).filter(pl.col("family").is_in([f"f{number}" for number in range(families)]))
    row = audit_table(few, **PAIRED)["verdicts"].row(0, named=True)
    assert (row["label"], row["beyond"]) == ("UNDETERMINED", None)
    assert row["total"] == pytest.approx(0.6, abs=0.1)
    assert (row["total_lower"] is None) == (families == 1)


def test_a_measurement_of_few_families_takes_no_other_with_it() -> None:
    frame = table(0.6).with_columns(other=pl.when(family="f0").then("refusal"))
    found = audit_table(frame, **{**PAIRED, "safety": ["refusal", "other"]})
    labels = dict(found["verdicts"].select("measurement", "label").iter_rows())
    assert labels == {"refusal": "DIFFERENTIAL", "other": "UNDETERMINED"}


@pytest.mark.parametrize("lower", [True, False])
def test_a_measurement_of_one_value_is_blocked(lower: bool) -> None:
    frame = table(0.6).with_columns(refusal=pl.lit(0.1))
    found = audit_table(frame, **PAIRED, lower_is_better=["refusal"] if lower else [])
    assert found["verdicts"].select("label", "reason").rows() == [
        ("BLOCKED", "saturation: 0.1 in every run, so that it tells none apart")
    ]


def test_nothing_is_claimed_beyond_the_ladder_of_models_that_it_does_not_cover() -> None:
    found = audit_table(table(0.6, 4.0), **PAIRED)
    assert found["verdicts"]["beyond"].to_list() == [None]
    gate = found["gates"].filter(gate="range").row(0, named=True)
    assert (gate["passed"], gate["detail"]) == (False, "the ladder covers 0 of 24 pairs")


def test_scores_of_items_pair_models_by_item() -> None:
    frame = table(0.3)
    rng = np.random.default_rng(4)
    cells = [
        (name, "refusal", item, value + spread)
        for name, value in frame.select("name", "refusal").iter_rows()
        for item, spread in enumerate(centred(rng.normal(0, 0.05, 30)))
    ]
    items = pl.DataFrame(cells, schema=["model", "measurement", "item", "value"], orient="row")
    found = audit_table(frame, **PAIRED, items=items.to_pandas())
    assert found["item_pairs"].select("items", "only_model", "only_baseline").unique().rows() == [(30, 0, 0)]
    assert found["item_variances"].select("effect", "pairs", "items").rows() == [("beyond", 24, 30), ("total", 24, 30)]
    plain = audit_table(frame, **PAIRED)
    assert {*found} - {*plain} == {"item_pairs", "item_variances"}
    assert found["effects"].select("total", "beyond").equals(plain["effects"].select("total", "beyond"))
    stranger = items.with_columns(model=pl.lit("nobody"))
    with pytest.raises(ValueError, match=r"^items of models that are not in the table: nobody$"):
        audit_table(frame, **PAIRED, items=stranger)
    percents = items.with_columns(pl.col("value") * 100)
    with pytest.raises(
        ValueError, match=r"^values are the means of their items: refusal of .* is 0\.\d+, the mean of "
    ):
        audit_table(frame, **PAIRED, items=percents)
    with pytest.raises(ValueError, match=r"^not among the columns of the items: value \(there are model, "):
        audit_table(frame, **PAIRED, items=items.drop("value"))


def centred(values: np.ndarray) -> list[float]:
    """Values whose mean is 0, so that an item's score is off its model's value by them."""
    return list(values - values.mean())
