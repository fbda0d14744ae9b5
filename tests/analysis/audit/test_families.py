"""Families of claims: adjusted p-values against independent forms, and how often whole families err."""

import numpy as np
import polars as pl
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from analysis.audit.claims import in_families
from analysis.audit.families import (
    KINDS,
    beside,
    claim_weights,
    conditional,
    family_wise,
    judged,
    level_of,
    null_share,
    one_more,
    step_up,
)
from analysis.audit.settings import AuditSettings

NAN = float("nan")


def test_step_up_is_benjamini_hochberg_and_ignores_the_unmeasured() -> None:
    q = step_up(np.array([0.01, NAN, 0.04, 0.03, 0.5]))
    assert np.isnan(q[1])
    assert q[[0, 2, 3, 4]] == pytest.approx([0.04, 0.04 * 4 / 3, 0.04 * 4 / 3, 0.5])


def test_conditional_q_values_by_hand() -> None:
    """Four of six take part, as .002, .08, .4 and .8; one lies above .5: (1 + 1) / (.5 x 4) = all null."""
    p = np.array([0.001, 0.04, 0.2, 0.4, 0.9, NAN, 0.7])
    assert null_share(p) == 1.0
    q = conditional(p)
    assert q[:3] == pytest.approx([4 * 0.002, 4 * 0.08 / 2, 4 * 0.4 / 3])
    assert q[3:].tolist() == pytest.approx([1, 1, NAN, 1], nan_ok=True)
    none_null = np.array([0.001, 0.002, 0.003, 0.004])
    assert null_share(none_null) == pytest.approx(0.5)
    assert conditional(none_null) == pytest.approx([0.004] * 4)


def test_no_claim_of_a_family_fails_as_a_single_claim() -> None:
    """With all others far below, Storey's share alone would let a p of .2 pass at .05."""
    q = conditional(np.array([*[1e-6] * 60, 0.2]))
    assert q[-1] == pytest.approx(0.2)


def test_family_wise_is_holm_among_those_that_take_part() -> None:
    p = np.array([0.001, 0.01, 0.02, 0.7, NAN])
    wanted = multipletests(p[:3] / 0.5, method="holm")[1]
    assert family_wise(p) == pytest.approx([*wanted, 1.0, NAN], nan_ok=True)
    assert len(family_wise(np.zeros(0))) == len(conditional(np.zeros(0))) == 0


@pytest.mark.parametrize("kind", KINDS)
def test_the_level_left_to_a_claim_is_the_largest_p_value_that_is_found(kind: str) -> None:
    rng = np.random.default_rng(1)
    how = conditional if kind in ("gain", "loss", "sign") else step_up
    for _ in range(50):
        size = int(rng.integers(1, 30))
        p = rng.uniform(0, 1, size) ** rng.uniform(1, 6)
        p[rng.uniform(size=size) < 0.1] = NAN
        claim = int(rng.integers(size))
        level = level_of(p, claim, kind, 0.05)
        for factor, found in ((0.999999, True), (1.000001, False)):
            p[claim] = level * factor
            assert (how(p)[claim] <= 0.05) == found


@pytest.mark.parametrize("kind", KINDS)
def test_one_more_claim_needs_the_level_that_makes_it_a_finding(kind: str) -> None:
    rng = np.random.default_rng(0)
    p = np.concatenate([rng.uniform(0, 0.002, 3), rng.uniform(0.1, 1, 20)])
    level = one_more(p, kind, 0.05)
    how = conditional if kind in ("gain", "loss", "sign") else step_up
    worst = int(np.argmax(np.where(p <= 0.5, p, 0)))
    for factor, passes in ((0.999, True), (1.05, False)):
        changed = p.copy()
        changed[worst] = level * factor
        near = how(changed)[worst]
        assert (near <= 0.05) == passes or near == pytest.approx(0.05, rel=0.25)


def test_placebos_are_judged_among_all_and_count_in_no_other_family() -> None:
    p, methods = np.array([0.01, 0.04, 0.02, 0.03]), ["a", "b", "sugar", "salt"]
    q = judged(p, beside(methods, ["sugar", "salt", "absent"], [False] * 4), step_up)
    assert q[:2] == pytest.approx([0.02, 0.04])
    assert q[2] == pytest.approx(step_up(np.array([0.01, 0.04, 0.02]))[2])
    assert q[3] == pytest.approx(step_up(np.array([0.01, 0.04, 0.03]))[2])


def test_a_blocked_claim_is_judged_among_all_and_makes_no_room_for_another() -> None:
    """A measurement with one value in all runs has a p of 0 for every kind of no effect; so has a masked gain."""
    p, methods = np.array([0.03, 0.04, 0.0, 0.0, 0.02]), ["a", "b", "a", "b", "sugar"]
    apart = beside(methods, ["sugar"], [False, False, True, True, False])
    assert [bool(name) for name in apart] == [False, False, True, True, True]
    assert len({*apart[2:]}) == 3
    for how in (step_up, conditional, family_wise):
        q = judged(p, apart, how)
        assert q[:2] == pytest.approx(how(p[:2]))
        assert q[2:4] == pytest.approx([0, 0])
        assert q[4] == pytest.approx(how(p[[0, 1, 4]])[2])


def claims(p_of: dict[str, list[float | None]], tier: str = "primary") -> pl.DataFrame:
    size = len(next(iter(p_of.values())))
    given = {f"p_{kind}": p_of.get(kind, [0.9] * size) for kind in (*KINDS, "neutral")}
    frame = pl.DataFrame({"method": [f"m{i // 2}" for i in range(size)], "blocked": [False] * size, **given})
    place = {"domain": "vision", "dataset": "digits", "tier": tier}
    return frame.with_columns(pl.lit(value).alias(name) for name, value in place.items())


def test_every_kind_of_claim_and_tier_is_a_family_of_its_own() -> None:
    primary = claims({"null": [0.01, 0.2, 0.5, None], "none": [0.02] * 4, "neutral": [0.02, 0.03, 0.04, 0.04]})
    found = in_families(pl.concat([primary, claims({"null": [0.04] * 4}, "exploratory")]), AuditSettings())
    rows = found.filter(tier="primary")
    assert rows["q_null"].to_list() == pytest.approx([0.03, 0.3, 0.5, None])
    assert rows["q_none"].to_list() == pytest.approx([0.02] * 4)
    assert rows["q_neutral"].to_list() == pytest.approx([0.04] * 4)
    # a method that is neutral where one of its two areas has runs is not neutral for the other
    apart = in_families(claims({"neutral": [0.001, 0.9, 0.9, 0.9]}), AuditSettings())
    assert apart["q_neutral"].to_list() == pytest.approx([0.004, 0.9, 0.9, 0.9])
    assert rows["level_null"].to_list() == pytest.approx([0.05 * 2 / 3] * 4) or rows["level_null"][0] == pytest.approx(
        0.05 * 2 / 3
    )
    assert found.filter(tier="exploratory")["q_null"].to_list() == pytest.approx([0.04] * 4)


@pytest.mark.parametrize("at", [0.0, -2.0])
@pytest.mark.parametrize("null", [36, 30])
def test_false_discoveries_of_a_family_keep_the_rate_on_and_inside_the_boundary(at: float, null: int) -> None:
    """36 t tests with 9 degrees of freedom, nulls at the boundary or two errors inside it; the rest 4 errors beyond."""
    rng = np.random.default_rng(3)
    shares, false, wise = [], 0, 0
    truth = np.arange(36) < null
    for _ in range(600):
        t = np.where(truth, at, 4.0) + rng.standard_normal(36)
        p = stats.t.sf(t / np.sqrt(rng.chisquare(9, 36) / 9), 9)
        found = conditional(p) <= 0.05
        shares.append((found & truth).sum() / max(found.sum(), 1))
        false += bool((found & truth).any())
        wise += bool(((family_wise(p) <= 0.05) & truth).any())
    assert np.mean(shares) < 0.05 + 2.6 * np.std(shares) / np.sqrt(600)
    assert wise / 600 < 0.05 + 2.6 * np.sqrt(0.05 * 0.95 / 600)


def test_claims_far_inside_their_null_cost_no_power() -> None:
    """Six effects among thirty placebos-like claims: found as if alone, where Benjamini and Hochberg count all."""
    rng = np.random.default_rng(4)
    found, plain = 0, 0
    for _ in range(300):
        z = np.where(np.arange(36) < 6, 2.6, -2.5) + rng.standard_normal(36)
        p = stats.norm.sf(z)
        found += (conditional(p)[:6] <= 0.05).sum()
        plain += (step_up(p)[:6] <= 0.05).sum()
    assert found / 1800 > 0.75
    assert plain / 1800 < 0.6


def test_weights_of_claims_are_of_mean_one_and_never_below_the_others() -> None:
    assert claim_weights([True, False, False, False]) == pytest.approx([2, 2 / 3, 2 / 3, 2 / 3])
    for claimed in ([False] * 4, [True] * 4, [True, True, False, False], [True, True, True, False]):
        assert claim_weights(claimed) == pytest.approx(np.ones(4))


def test_a_weighted_claim_counts_as_its_p_over_its_weight() -> None:
    """One claim of weight 2 among three: by hand, with Storey's share of nulls by weight, (2 + 0) / (.5 x 3) and so 1;
    q = 3 x (p / .5 / w) / rank.
    """
    p, weights = np.array([0.01, 0.02, 0.2]), np.array([2.0, 0.5, 0.5])
    wanted = 3 * np.array([0.01 / 2, 0.02 / 0.5 / 2, 0.2 / 0.5 / 3]) / 0.5
    assert conditional(p, weights) == pytest.approx(np.clip(wanted, p, 1))
    assert conditional(p, np.ones(3)) == pytest.approx(conditional(p))


def test_weights_are_shared_among_the_claims_that_take_part() -> None:
    """Claims far inside their null leave theirs to none: of claims of one weight, it is as if they had none."""
    p = np.array([0.01, 0.03, 0.2, *[0.99] * 9])
    weights = claim_weights([True] * 3 + [False] * 9)
    assert weights[0] == 2
    assert conditional(p, weights) == pytest.approx(conditional(p))
    assert level_of(p, 1, "gain", 0.05, weights) == pytest.approx(level_of(p, 1, "gain", 0.05))


def test_weighted_families_keep_the_rate_where_what_is_claimed_lies_on_its_margin() -> None:
    """12 claimed effects on their margin, 60 others far inside their null: with weights of mean 1 over all, some 15 %
    of such families would have a false gain.
    """
    rng = np.random.default_rng(5)
    weights = claim_weights([True] * 12 + [False] * 60)
    false = 0
    for _ in range(1500):
        z = np.where(np.arange(72) < 12, 0.0, -6.0) + rng.standard_normal(72)
        false += bool((conditional(stats.norm.sf(z), weights) <= 0.05).any())
    assert false / 1500 < 0.05 + 2.6 * np.sqrt(0.05 * 0.95 / 1500)
