"""The row that a claim shows of its two matches, and what is said where the matches differ."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from analysis.audit.decision import GAINS
from analysis.audit.settings import AuditSettings, Margins
from analysis.audit.verdicts import Audit, audit
from analysis.simulation.worlds import Method, World, simulated_study

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
    for name, of in (("p_gain", "p_differential"), ("p_tax", "p_tax"), ("p_neutral", "p_neutral")):
        assert row[name] == max(each[of] for each in both), name
    assert row["p_sign"] == max(each[name] for each in both for name in ("p_above", "p_safer"))
    assert row["p_paid"] == min(each["p_paid"] for each in both)
    for name in ("p_differential", "beyond_lower", "beyond_df", "in_range"):
        assert row[name] == shown[name], name
    for name, of in (("p_none", "p_below"), ("p_loss", "p_loss"), ("p_null", "p_null"), ("p_epochs", "p_differential")):
        assert row[name] == epochs[of], name
    assert row["p_wash"] == max(epochs[name] for name in ("p_safer", "p_washing", "p_up"))
    assert row["capability_least"] == min(each["capability_lower"] for each in both)


@pytest.mark.parametrize("method", ["longer", "shorter"])
def test_any_other_claim_is_shown_at_equal_epochs(matched: Audit, method: str) -> None:
    row = matched.verdicts.filter(method=method).row(0, named=True)
    epochs, flops = matched.effects.filter(method=method).rows(named=True)
    assert epochs["beyond"] != flops["beyond"]
    for name in ("match", "beyond", "beyond_lower", "total", "capability", "p_differential", "p_washing", "beyond_df"):
        assert row[name] == epochs[name], name


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


def test_the_star_is_of_a_gain_that_passes_holm_too() -> None:
    """One clear effect among few and weak ones: its star is shown, and theirs only where Holm's test finds them."""
    world = World(methods={"m": Method(beyond=0.9), **{f"n{k}": Method(beyond=0.27) for k in range(5)}}, measurements=2)
    found = audited(world).verdicts
    gains = found.filter(pl.col("label").is_in(GAINS))
    assert gains.filter(method="m")["starred"].all()
    assert (gains["starred"] == (gains["p_family_wise"] <= 0.05)).all()
    assert not found.filter(~pl.col("label").is_in(GAINS))["starred"].any()
    assert (gains["q_gain"] <= gains["p_family_wise"] + 1e-12).all()


def test_a_placebo_changes_no_other_methods_verdict() -> None:
    world = World(methods={"a": Method(beyond=0.25), "b": Method(), "sugar": Method()})
    results, scores = simulated_study(world, np.random.default_rng(0))
    settings = replace(SETTINGS, placebos=("sugar",))
    both = [
        audit(frame, part, primary=[NAME], settings=settings, rng=np.random.default_rng(0)).verdicts
        for frame, part in (
            (results, scores),
            (results.filter(pl.col("method") != "sugar"), scores.filter(pl.col("method") != "sugar")),
        )
    ]
    names = [
        name for name in both[0].columns if name.startswith(("q_", "level_", "p_")) or name in ("label", "starred")
    ]
    assert both[0].filter(pl.col("method") != "sugar").select(names).equals(both[1].select(names))


def test_a_measurement_that_is_blocked_changes_no_other_verdict() -> None:
    """One value in all of its runs would pass every test of no effect."""
    world = World(methods={"a": Method(beyond=0.25), "b": Method()}, measurements=3)
    results, scores = simulated_study(world, np.random.default_rng(0))
    names = results["measurement"].unique().sort().to_list()
    same = pl.when(measurement=names[-1]).then(0.5).otherwise("value")
    both = [
        audit(rows, scores, primary=kept, settings=SETTINGS, rng=np.random.default_rng(0)).verdicts
        for rows, kept in (
            (results.with_columns(value=same), names),
            (results.filter(pl.col("measurement") != names[-1]), names[:-1]),
        )
    ]
    assert set(both[0].filter(measurement=names[-1])["label"]) == {"BLOCKED"}
    shown = [
        name for name in both[0].columns if name.startswith(("q_", "level_", "p_", "adjusted_")) or name == "label"
    ]
    assert both[0].filter(pl.col("measurement") != names[-1]).select(shown).equals(both[1].select(shown))


def test_a_gain_whose_price_is_open_says_what_would_decide_it() -> None:
    world = replace(CLEAR, methods={"m": Method(beyond=0.9, capability=-0.25)}, capability_spread=0.3)
    row = audited(world).verdicts.row(0, named=True)
    assert (row["label"], row["match"]) == ("GAIN, PRICE OPEN", "epochs")
    assert row["reason"] == "" or row["reason"].endswith("would decide its price, if the estimates hold")
