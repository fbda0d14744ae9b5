"""The row that a claim shows of its two matches, and what is said where the matches differ."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from analysis.audit.settings import AuditSettings, Margins
from analysis.audit.simulated import Method, World, simulated_study
from analysis.audit.verdicts import Audit, audit

NAME = "condition00/auroc"
SETTINGS = AuditSettings(draws=600, margins=Margins(capability=0.25))
CLEAR = World(examples=10**6, seed_spread=0.03, capability_spread=0.05, interaction_spread=0.0)
METHODS = {
    "costly": Method(beyond=0.6, flops=2.0),
    "cheap": Method(beyond=0.6, capability=-0.5, flops=0.5),
    "longer": Method(capability=0.5, flops=2.0),
    "shorter": Method(capability=-0.5, flops=0.5),
}


def audited(world: World, seed: int = 0, settings: AuditSettings = SETTINGS) -> Audit:
    rng = np.random.default_rng(seed)
    results, scores = simulated_study(world, rng)
    return audit(results, scores, primary=[NAME], settings=settings, rng=rng)


@pytest.fixture(scope="module")
def matched() -> Audit:
    return audited(replace(CLEAR, methods=METHODS))


@pytest.mark.parametrize("method", ["costly", "cheap"])
def test_a_claim_beyond_capability_has_the_worse_of_both_matches(matched: Audit, method: str) -> None:
    row = matched.verdicts.filter(method=method).row(0, named=True)
    epochs, flops = matched.effects.filter(method=method).rows(named=True)
    both = (epochs, flops)
    assert (epochs["match"], flops["match"]) == ("epochs", "flops")
    shown, other = sorted(both, key=lambda each: float(each["beyond"]))
    assert (row["match"], row["beyond"], row["total"]) == (shown["match"], shown["beyond"], shown["total"])
    assert row["other_match_beyond"] == pytest.approx(other["beyond"])
    for name in ("p_differential", "p_tax", "p_neutral"):
        assert row[name] == max(each[name] for each in both), name
    for name in ("p_up", "p_washing", "p_null"):
        assert row[name] == shown[name], name
    assert row["p_epochs"] == epochs["p_differential"]
    assert row["total_least"] == min(each["total_lower"] for each in both)
    assert row["total_most"] == max(each["total_upper"] for each in both)
    assert row["capability_least"] == min(each["capability_lower"] for each in both)
    assert row["capability_most"] == min(each["capability_upper"] for each in both)


@pytest.mark.parametrize("method", ["longer", "shorter"])
def test_any_other_claim_is_of_equal_epochs_alone(matched: Audit, method: str) -> None:
    row = matched.verdicts.filter(method=method).row(0, named=True)
    epochs, flops = matched.effects.filter(method=method).rows(named=True)
    assert epochs["p_neutral"] != flops["p_neutral"]
    for name in ("match", "beyond", "total", "p_differential", "p_tax", "p_neutral", "p_washing"):
        assert row[name] == epochs[name], name
    assert (row["total_least"], row["total_most"]) == (epochs["total_lower"], epochs["total_upper"])
    assert (row["capability_least"], row["capability_most"]) == (epochs["capability_lower"], epochs["capability_upper"])


def test_what_holds_at_equal_epochs_alone_says_so() -> None:
    """A baseline whose safety rises with its FLOPs where its capability, of every other width, does not: a method that
    takes sixteen times the FLOPs has only what they bring.
    """
    world = replace(CLEAR, families=2, widths=6, doublings=1.0, slope=0.02, gain=0.02, family_spread=0.0)
    world = replace(world, methods={"m": Method(beyond=0.4, flops=2.0**4)}, model_spread=0.0, capability_spread=0.01)
    rng = np.random.default_rng(0)
    results, scores = simulated_study(world, rng)
    logit = (pl.col("value") / (1 - pl.col("value"))).log() + 0.1 * pl.col("parameters").log(2)
    zigzag = pl.col("model").str.slice(-1).cast(pl.Int64) % 2
    results = results.with_columns(value=1 / (1 + (-logit).exp()))
    scores = scores.with_columns(score=pl.col("score") + zigzag)
    row = audit(results, scores, primary=[NAME], settings=SETTINGS, rng=rng).verdicts.row(0, named=True)
    assert row["p_epochs"] <= 0.05 < row["p_differential"]
    assert (row["label"], row["seeds_needed"]) == ("UNDETERMINED", None)
    assert row["reason"] == "beyond what capability explains at equal epochs, not shown at equal FLOPs"


@pytest.mark.parametrize("beyond", [0.15, 0.2, 0.25])
def test_max_t_of_one_claim_is_its_t_test(beyond: float) -> None:
    settings = replace(SETTINGS, draws=20_000)
    row = audited(World(methods={"m": Method(beyond=beyond)}), settings=settings).verdicts.row(0, named=True)
    assert 0.001 < row["p_differential"] < 0.9
    assert row["p_max_t"] == pytest.approx(row["p_differential"], abs=0.02)


def test_max_t_counts_primary_claims_alone() -> None:
    """Among eight claims the p of one grows; the exploratory ones have none."""
    world = World(methods={f"m{k}": Method(beyond=0.2) for k in range(8)}, measurements=2)
    found = audited(world).verdicts
    primary = found.filter(tier="primary")
    assert (primary["p_max_t"] >= primary["p_differential"] - 0.02).all()
    assert (primary["p_max_t"] > primary["p_differential"] + 0.02).any()
    assert found.filter(tier="exploratory")["p_max_t"].null_count() == 8
