"""Gates: each passes on one side of its bound and fails on the other."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from analysis.audit.settings import AuditSettings, Margins
from analysis.audit.verdicts import Audit, audit
from analysis.simulation.worlds import Method, World, simulated_study

SETTINGS = AuditSettings(draws=100, margins=Margins(capability=0.25))
WORLD = World(methods={"m": Method()})
NAME = "condition00/auroc"


def audited(results: pl.DataFrame, scores: pl.DataFrame, settings: AuditSettings = SETTINGS) -> Audit:
    return audit(results, scores, primary=[NAME], settings=settings, rng=np.random.default_rng(0))


def passed(found: Audit, gate: str) -> bool:
    return bool(found.gates.filter(pl.col("gate") == gate)["passed"].item())


@pytest.mark.parametrize(("flagged", "valid"), [(2, True), (3, False)])
def test_a_tenth_of_the_runs_may_carry_a_flag(flagged: int, valid: bool) -> None:
    results, scores = simulated_study(WORLD, np.random.default_rng(0))
    runs = results.filter(method="m").head(flagged).select("method", "model", "seed")
    marked = results.join(runs.with_columns(flag=pl.lit("gradient-masking")), on=runs.columns, how="left")
    found = audited(marked.with_columns(flags=pl.col("flag").fill_null("")).drop("flag"), scores)
    assert passed(found, "validity") == valid
    assert passed(found, "baseline validity")
    assert (found.verdicts["label"].item() == "BLOCKED") != valid


@pytest.mark.parametrize(("level", "open_to_change"), [(0.045, False), (0.055, True), (0.945, True), (0.955, False)])
@pytest.mark.parametrize("lost", [False, True])
def test_a_measurement_is_saturated_within_a_twentieth_of_an_end(
    level: float, open_to_change: bool, lost: bool
) -> None:
    """One run that was not measured makes no difference."""
    results, scores = simulated_study(WORLD, np.random.default_rng(0))
    results = results.with_columns(value=level + 1e-3 * (pl.col("value") - pl.col("value").mean()))
    found = audited(results.filter(pl.int_range(pl.len()) != 3) if lost else results, scores)
    assert passed(found, "saturation") == open_to_change
    assert (found.verdicts["label"].item() == "BLOCKED") != open_to_change


@pytest.mark.parametrize(("widths", "enough"), [(7, False), (8, True)])
def test_eight_rungs_are_recommended(widths: int, enough: bool) -> None:
    found = audited(*simulated_study(replace(WORLD, families=1, widths=widths), np.random.default_rng(0)))
    assert passed(found, "ladder") == enough


@pytest.mark.parametrize(("of_one_run", "reliable"), [(0.81, False), (0.82, True)])
def test_the_score_of_a_mean_over_seeds_is_reliable_from_nine_tenths(of_one_run: float, reliable: bool) -> None:
    """Spearman and Brown: that of a mean of two is 2 r / (1 + r), .9 from r = 9 / 11 on."""
    settings = replace(SETTINGS, reliability=of_one_run)
    found = audited(*simulated_study(WORLD, np.random.default_rng(0)), settings)
    assert passed(found, "capability reliability") == reliable


@pytest.mark.parametrize(("ratio", "moves"), [(2.9, False), (3.1, True)])
def test_a_measurement_moves_with_scale_from_three_times_the_spread_over_seeds(ratio: float, moves: bool) -> None:
    results, scores = simulated_study(WORLD, np.random.default_rng(0))
    models = results["model"].unique().sort()
    places = np.arange(len(models)) - (len(models) - 1) / 2
    levels = 0.5 + 0.1 * places / places.std(ddof=1)
    away = 0.1 / ratio / np.sqrt(2)  # two runs that far from their mean have an SD of sqrt(2) times that
    value = pl.col("model").replace_strict(models, levels) + (2 * pl.col("seed") - 1) * away
    found = audited(results.with_columns(value=value), scores, replace(SETTINGS, transforms={"auroc": "identity"}))
    assert passed(found, "moves with scale") == moves


def test_measurements_that_no_run_flags_and_pairs_are_counted() -> None:
    gates = audited(*simulated_study(replace(WORLD, capability_spread=0.05), np.random.default_rng(0))).gates
    details = dict(gates.select("gate", "detail").iter_rows())
    assert details["pairs"] == "24 pairs over 12 models"
    assert details["validity"] == "0 of 24 runs carry gradient-masking or masked or leak"
    assert details["range"] == "the ladder covers 12 of 12 models"
    assert details["ladder"] == "12 rungs, 8 recommended"


@pytest.mark.parametrize(
    ("widths", "capability", "told"),
    [
        (3, 0.0, "the ladder covers 6 of 6 models"),
        (3, -0.55, "D rests on 3 models in 3 families, too few"),
        (3, -0.8, "the ladder covers 3 of 6 models, but not the mean of their capability"),
        (2, -3.0, "the ladder covers 0 of 6 models"),
    ],
)
def test_a_d_that_is_not_told_says_why(widths: int, capability: float, told: str) -> None:
    """Of nine rungs or of six: that these are few is no reason."""
    method = {"m": Method(capability=capability, beyond=-0.42 * capability)}
    world = World(families=3, widths=widths, seeds=1, methods=method, capability_spread=0.01)
    results, scores = simulated_study(world, np.random.default_rng(0))
    if widths == 3:
        lost = (pl.col("method") == "m") & pl.col("model").str.ends_with("-2")
        results, scores = results.filter(~lost), scores.filter(~lost)
    found = audited(results, scores)
    row = found.verdicts.row(0, named=True)
    known = row["beyond"] is not None
    gate = found.gates.filter(gate="range").row(0, named=True)
    assert (gate["detail"], gate["passed"]) == (told, known)
    assert known or (row["label"], row["reason"]) == ("UNDETERMINED", told)


@pytest.mark.parametrize(("baseline", "method"), [(0.03, 0.3), (0.97, 0.7), (0.03, 0.97), (0.3, 0.03)])
def test_a_method_that_leaves_an_end_or_reaches_it_is_not_saturated(baseline: float, method: float) -> None:
    results, scores = simulated_study(WORLD, np.random.default_rng(0))
    level = pl.when(method="m").then(method).otherwise(baseline)
    moved = results.with_columns(value=level + 1e-3 * (pl.col("value") - pl.col("value").mean()))
    assert passed(audited(moved, scores), "saturation")


@pytest.mark.parametrize("value", [0.0, 0.3])
@pytest.mark.parametrize("higher", [True, False])
def test_a_measurement_of_one_value_is_blocked(value: float, higher: bool) -> None:
    """No attack has ever succeeded, say: that shows nothing of a method. Where one run differs there is something."""
    results, scores = simulated_study(WORLD, np.random.default_rng(0))
    same = results.with_columns(value=pl.lit(value), higher_is_better=pl.lit(higher))
    found = audited(same, scores)
    assert (found.verdicts["label"].item(), passed(found, "saturation")) == ("BLOCKED", False)
    assert found.verdicts["reason"].item() == f"saturation: {value:.3g} in every run, so that it tells none apart"
    one = pl.when(pl.int_range(pl.len()) == 3).then(0.9).otherwise("value")
    assert passed(audited(same.with_columns(value=one), scores), "saturation") is (not higher or value > 0.05)


def test_an_end_that_a_metric_without_a_range_lacks_saturates_nothing() -> None:
    results, scores = simulated_study(WORLD, np.random.default_rng(0))
    high = results.with_columns(value=0.99 + 1e-3 * pl.col("value"), upper=pl.lit(2.0))
    assert passed(audited(high, scores), "saturation")


@pytest.mark.parametrize(("level", "saturated"), [(0.02, False), (0.94, False), (0.96, True)])
def test_an_error_that_is_a_share_is_saturated_at_its_upper_end_alone(level: float, saturated: bool) -> None:
    """An attack that always succeeds tells as little as one that no model withstands; errors near 0 are what the
    logarithm is for.
    """
    results, scores = simulated_study(WORLD, np.random.default_rng(0))
    value = level + 1e-3 * (pl.col("value") - pl.col("value").mean())
    found = audited(results.with_columns(value=value, higher_is_better=pl.lit(False)), scores)
    assert passed(found, "saturation") is not saturated


@pytest.mark.parametrize(("lost", "fair"), [(0, True), (2, True), (3, False)])
@pytest.mark.parametrize("without", ["any value", "a score"])
def test_runs_that_are_lost_more_often_than_others_block(lost: int, fair: bool, without: str) -> None:
    """By Fisher's exact test 2 of 12 against 0 of 24 have p = 66 / 630, 3 have p = 220 / 7140."""
    world = replace(WORLD, methods={"m": Method(), "n": Method()}, seeds=1)
    results, scores = simulated_study(world, np.random.default_rng(0))
    planned = results.select("method", "model", "seed").unique()
    gone = planned.filter(method="m").sort("model").head(lost)
    if without == "any value":
        results = results.join(gone, on=gone.columns, how="anti")
    scores = scores.join(gone, on=gone.columns, how="anti")
    rng = np.random.default_rng(0)
    found = audit(results, scores, primary=[NAME], settings=SETTINGS, rng=rng, planned=planned)
    gates = dict(found.gates.filter(gate="survivors").select("method", "passed").iter_rows())
    assert gates == {"m": fair, "n": True}
    labels = dict(found.verdicts.select("method", "label").iter_rows())
    assert (labels["m"] == "BLOCKED") != fair
    assert labels["n"] != "BLOCKED"


def test_a_method_of_which_nothing_is_left_is_not_blocked() -> None:
    results, scores = simulated_study(WORLD, np.random.default_rng(0))
    planned = results.select("method", "model", "seed").unique()
    rng = np.random.default_rng(0)
    left = scores.filter(pl.col("method") != "m")
    found = audit(results, left, primary=[NAME], settings=SETTINGS, rng=rng, planned=planned)
    assert passed(found, "survivors")
    assert found.verdicts["label"].item() == "UNDETERMINED"
