from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest

from analysis.jumps.curves import curves
from analysis.jumps.schema import JUMP_FITS, JUMPS
from analysis.jumps.table import jumps
from analysis.schema import checked
from analysis.tables import RESULTS
from tests.analysis.jumps._rows import row

NLL, ACCURACY, BRIER = "clean/negative_log_likelihood", "clean/accuracy", "clean/brier_score"
Truth = dict[str, Callable[[np.ndarray], np.ndarray]]
Rows = list[dict[str, Any]]
TRUTH: Truth = {
    ACCURACY: lambda u: 0.1 + 0.8 * (u > 0.5),
    NLL: lambda u: 3 - 2 * u,
    BRIER: lambda u: 0.9 - 0.5 * u,
}


def _study(truth: Truth, models: int = 10, families: tuple[str, ...] = ("cnn",), **columns: Any) -> Rows:
    rng, rows = np.random.default_rng(0), []
    for place, family in enumerate(families):
        for size in range(models):
            for seed in range(4):
                of_run = {
                    "model": f"{family}-{size}",
                    "family": family,
                    "seed": seed,
                    "parameters": (3 + place) * 2**size,
                }
                of_run |= {"flops": float(3 * 4**size)} | columns
                rows += [
                    row(name, float(shape(np.array(size / 9)) + rng.normal(0, 0.02)), **of_run)
                    for name, shape in truth.items()
                ]
    return rows


def _table(rows: Rows) -> pl.DataFrame:
    return checked(pl.DataFrame(rows, schema=RESULTS.columns), RESULTS)


def _jumps(rows: Rows, axis: Any = "log2_parameters", **options: Any) -> tuple[pl.DataFrame, pl.DataFrame]:
    return jumps(_table(rows), axis=axis, rng=np.random.default_rng(1), draws=199, **options)


def test_labels_of_a_study_with_a_thresholded_metric() -> None:
    found, fits = _jumps(_study(TRUTH), ranges={"accuracy": 2.0, "brier_score": 2.0, "negative_log_likelihood": 3.0})
    labels = dict(found.select("measurement", "label").iter_rows())
    assert labels == {ACCURACY: "UNDETERMINED", BRIER: "SMOOTH", NLL: "SMOOTH"}
    accuracy = found.row(by_predicate=pl.col("measurement") == ACCURACY, named=True)
    assert accuracy["companion"] == NLL
    assert accuracy["smallest"] == pytest.approx(0.2)
    assert accuracy["p_adjusted"] == pytest.approx(3 * accuracy["p"])
    assert accuracy["change_low"] <= np.log2(3) + 4.5 <= accuracy["change_high"]
    assert accuracy["amplitude"] == pytest.approx(0.8, abs=0.1)
    assert checked(fits, JUMP_FITS).equals(fits)
    assert len(fits) == 30
    assert fits.filter(measurement=ACCURACY).select((pl.col("observed") - pl.col("jump")).abs().max()).item() < 0.05


def test_a_jump_in_both_metrics_is_a_candidate_and_confirmed_by_a_second_dataset() -> None:
    truth = {ACCURACY: TRUTH[ACCURACY], NLL: lambda u: 3 - 2 * (u > 0.5)}
    one, two = _study(truth), _study(truth, dataset="letters")
    found, _ = _jumps(one)
    assert found["label"].to_list() == ["JUMP", "JUMP"]
    assert not found["confirmed"].any()
    assert found["reason"].to_list() == ["abrupt, large and sharp"] * 2
    assert [len(each) for each in found["proposed"]] == [3, 3]
    both, _ = _jumps([*one, *two])
    assert both["confirmed"].to_list() == [True] * 4


def test_a_thresholded_metric_alone_says_so() -> None:
    found, _ = _jumps(_study({ACCURACY: TRUTH[ACCURACY]}))
    assert found["reason"].item() == "abrupt, large and sharp; no companion to check it"


def test_a_thin_curve_is_undetermined_with_its_reason() -> None:
    found, fits = _jumps(_study({BRIER: TRUTH[BRIER]}, models=5))
    row = found.row(0, named=True)
    assert (row["label"], row["points"], row["p"]) == ("UNDETERMINED", 5, None)
    assert row["reason"] == "a curve needs at least 8 positions, this one has 5"
    assert fits.equals(JUMP_FITS.empty())


def test_no_standard_runs_give_empty_tables() -> None:
    found, fits = _jumps([row | {"method": "mixup"} for row in _study({BRIER: TRUTH[BRIER]})])
    assert found.equals(JUMPS.empty())
    assert fits.equals(JUMP_FITS.empty())


def test_the_order_of_rows_does_not_matter() -> None:
    rows = _study(TRUTH, families=("cnn", "vit"))
    one, other = _jumps(rows), _jumps(rows[::-1])
    assert one[0].equals(other[0])
    assert one[1].equals(other[1])


def test_curves_per_family_and_pooled() -> None:
    frame = curves(_table(_study({BRIER: TRUTH[BRIER]}, families=("cnn", "vit"))), axis="log2_parameters")
    assert frame.group_by("family").len().sort("family").rows() == [("cnn", 40), ("pooled", 80), ("vit", 40)]
    assert frame.filter(family="cnn")["x"].unique().sort().to_list() == pytest.approx(list(np.log2(3) + np.arange(10)))
    flops = curves(_table(_study({BRIER: TRUTH[BRIER]})), axis="log2_flops")
    assert flops["family"].unique().to_list() == ["cnn"]
    assert flops["x"].unique().sort().to_list() == pytest.approx(list(np.log2(3) + 2 * np.arange(10)))


def test_curves_over_steps_share_the_steps_of_all_seeds() -> None:
    rows = [row(BRIER, 0.5, seed=seed, step=step) for seed in (0, 1) for step in (0, 1, 2, 4, 8)]
    frame = curves(_table(rows[:-1]), axis="step")
    assert frame.filter(seed=0)["x"].to_list() == frame.filter(seed=1)["x"].to_list() == [0, 1, 2]
    assert curves(_table(rows), axis="step", warmup=3)["x"].unique().sort().to_list() == [2, 3]
    assert curves(_table(rows), axis="log2_flops")["x"].to_list() == [3, 3]


def test_a_jump_over_steps() -> None:
    rng = np.random.default_rng(0)
    rows = [
        row(BRIER, 1.0 * (place > 10 + seed) + rng.normal(0, 0.02), seed=seed, step=int(2 ** (place / 2)) + place)
        for seed in range(3)
        for place in range(24)
    ]
    found, fits = _jumps(rows, axis="step")
    assert found["label"].item() == "JUMP"
    assert found["noise"].item() == "what the best curve of each seed leaves over, prewhitened as AR(1)"
    assert len(fits) == found["points"].item() == 24


def test_wrong_options_are_named() -> None:
    table = _table([row(BRIER, 0.5)])
    with pytest.raises(ValueError, match="axis") as axis:
        curves(table, axis="size")  # type: ignore[arg-type]
    assert str(axis.value) == "axis 'size' is not one of: log2_parameters, log2_flops, step"
    with pytest.raises(ValueError, match="warmup") as warmup:
        curves(table, axis="step", warmup=0)
    assert str(warmup.value) == "warmup is 0, but log2 needs steps from 1 on"


def test_curves_without_noise_or_change() -> None:
    rows = _study({BRIER: TRUTH[BRIER]})
    labels = []
    shapes: list[Callable[[float], float]] = [lambda size: 0.3, np.log, lambda size: float(size > 60)]
    for shape in shapes:
        found, _ = _jumps([row | {"value": shape(row["parameters"])} for row in rows])
        labels.append(found["label"].item())
    assert labels == ["NONE", "SMOOTH", "JUMP"]
    assert _jumps([row | {"parameters": None} for row in rows])[0].equals(JUMPS.empty())


def test_what_a_smooth_companion_predicts_is_in_the_table() -> None:
    """Sixty tokens that must all be right explain a steep rise; a probability that hardly moves explains no step."""
    probability = "clean/probability_correct"
    beside = {"accuracy": "probability_correct"}
    exact = {ACCURACY: lambda u: (0.5 + 0.5 * u) ** 60, probability: lambda u: 0.5 + 0.5 * u}
    step = {ACCURACY: lambda u: 1.0 * (u > 0.5), probability: lambda u: 0.5 + 0.1 * u}
    for truth, explained in ((exact, True), (step, False)):
        found, _ = _jumps(_study(truth), companions=beside)
        accuracy, companion = found.sort("measurement").rows(named=True)
        assert accuracy["companion"] == probability
        assert accuracy["label"] == ("METRIC ARTEFACT" if explained else "UNDETERMINED")
        assert (accuracy["p_pushed_through"] > 0.05) == explained
        assert ("does not explain it: p = " in accuracy["reason"]) != explained
        assert companion["p_pushed_through"] is companion["companion"] is None
