"""Looks at a growing study: what is found stays found, at the levels that were planned."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from scipy import stats

from analysis.audit.claims import in_families
from analysis.audit.decision import GAINS
from analysis.audit.families import KINDS
from analysis.audit.fragility import fragility
from analysis.audit.looks import HELD, TESTS, Look, at_look, chance, since
from analysis.audit.settings import AuditSettings, Margins
from analysis.audit.verdicts import Audit, audit
from analysis.findings import audited as tables_of
from analysis.simulation.worlds import Method, World, simulated_study

NAME = "condition00/auroc"
SETTINGS = AuditSettings(draws=100, margins=Margins({NAME: 0.1}, 0.25))


def claims(**columns: Sequence[float | None]) -> pl.DataFrame:
    size = len(next(iter(columns.values())))
    names = (*TESTS, *(f"level_{kind}" for kind in KINDS))
    given = {name: columns.get(name, [0.9] * size) for name in names}
    frame = pl.DataFrame({"method": [f"m{i}" for i in range(size)], **given}, strict=False)
    place = {"domain": "vision", "dataset": "digits", "measurement": NAME}
    return frame.with_columns(pl.lit(value).alias(name) for name, value in place.items())


def held(rows: pl.DataFrame, look: Look, label: str = "NO GAIN") -> pl.DataFrame:
    return since(at_look(rows, look).with_columns(label=pl.lit(label)), look).select(HELD)


@pytest.mark.parametrize("share", [0.1, 0.3, 0.6])
def test_a_look_finds_what_its_share_of_q_finds(share: float) -> None:
    rng = np.random.default_rng(0)
    p = np.concatenate([rng.uniform(0, 0.01, 12), rng.uniform(0, 1, 28)])
    given = {f"p_{kind}": p for kind in (*KINDS, "neutral")}
    frame = pl.DataFrame({"method": [f"m{i // 4}" for i in range(40)], **given})
    place = {"domain": "vision", "dataset": "digits", "measurement": NAME, "tier": "primary", "blocked": False}
    frame = frame.with_columns(pl.lit(value).alias(name) for name, value in place.items())
    rows = in_families(frame, AuditSettings())
    rest = {name: pl.lit(0.5) for name in ("p_tax", "p_paid", "p_paid_epochs", "p_safer")}
    looked = at_look(rows.with_columns(**rest), Look(1, share))
    for kind in (*KINDS, "neutral"):
        wanted = rows[f"q_{kind}"] <= share * 0.05
        assert 0 < wanted.sum() < 40
        assert (looked[f"q_{kind}"] <= 0.05).to_list() == wanted.to_list(), kind
    assert looked["level_gain"].to_list() == (rows["level_gain"] * share).to_list()


@pytest.mark.parametrize("test", TESTS)
def test_what_was_found_stays_found(test: str) -> None:
    first = held(claims(**{test: [0.004, 0.006, None]}), Look(1, 0.1))
    later = at_look(claims(**{test: [0.9, 0.9, 0.02]}), Look(2, 0.9, first))
    assert later[test].to_list() == pytest.approx([0.04, 0.06, 0.02 / 0.9])


def test_a_method_without_new_runs_is_not_tested_again() -> None:
    first = held(claims(q_gain=[0.02, 0.02]), Look(1, 0.1))
    later = at_look(claims(q_gain=[0.02, 0.02]), Look(2, 0.9, first, frozenset({"m0"})))
    assert later["q_gain"].to_list() == pytest.approx([0.2, 0.02 / 0.9])


def test_a_label_says_since_which_look_it_stands() -> None:
    first = held(claims(q_gain=[0.9, 0.9]), Look(1, 0.1))
    labels = pl.Series("label", ["NO GAIN", "NULL"])
    second = since(at_look(claims(q_gain=[0.9, 0.9]), Look(2, 0.3, first)).with_columns(labels), Look(2, 0.3, first))
    assert second["look"].to_list() == [1, 2]
    third = since(second.drop("look"), Look(3, 0.6, second.select(HELD)))
    assert third["look"].to_list() == [1, 2]


def audited(beyond: float, look: Look | None) -> Audit:
    world = World(methods={"method": Method(beyond=beyond)}, seed_spread=0.05, capability_spread=0.05, examples=10**5)
    rng = np.random.default_rng(0)
    results, scores = simulated_study(world, rng)
    return audit(results, scores, primary=[NAME], settings=SETTINGS, rng=rng, look=look)


def test_an_audit_at_a_look_goes_on_from_the_one_before() -> None:
    """A gain, with what it was found to cost, is not taken back by data that show none."""
    first = audited(1.0, Look(1, 0.1)).verdicts
    assert first["label"].to_list() == ["DIFFERENTIAL"]
    then = audited(0.0, Look(2, 0.9, first.select(HELD))).verdicts
    assert (then["label"][0], then["look"][0]) == ("DIFFERENTIAL", 1)
    assert audited(0.0, Look(2, 0.9)).verdicts["label"].item() not in GAINS
    whole, alone = audited(1.0, None).verdicts, audited(1.0, Look(1, 1.0)).verdicts
    assert "look" not in whole.columns
    assert alone.drop("look").equals(whole)


def claim(**values: float | str | None) -> dict[str, float | str | None]:
    row: dict[str, float | str | None] = {"label": "UNDETERMINED", "margin": 0.1, "total": 0.0, "capability": 0.0}
    row |= dict.fromkeys(("total_se", "capability_se", "beyond_se"), 0.05) | {"beyond": 0.0}
    return row | {f"level_{kind}": 0.01 for kind in KINDS} | values


def test_the_chance_of_a_gain_is_that_of_later_estimates_around_the_present_one() -> None:
    """Drawn: the truth around the estimate, then the new half of the data around the truth."""
    rng = np.random.default_rng(0)
    row = claim(beyond=0.22, label="GAIN, SIZE OPEN", level_null=0.0, level_wash=0.0)
    truth = rng.normal(0.22, 0.05, 200_000)
    later = (0.22 + rng.normal(truth, 0.05)) / 2
    found = later - 0.1 > stats.norm.isf(0.02) * 0.05 / np.sqrt(2)
    assert chance(row, 2.0, 2.0, SETTINGS) == pytest.approx(found.mean(), abs=0.005)


def test_the_chance_without_new_data_is_whether_it_passes_now() -> None:
    for beyond, wanted in ((0.1 + 2.4 * 0.05, 1.0), (0.1 + 2.2 * 0.05, 0.0)):  # the level .01 is at 2.33 errors
        row = claim(beyond=beyond, total=-0.05, level_none=0.0, level_null=0.0)
        assert chance(row, 1.0, 1.0, SETTINGS) == wanted


def test_a_claim_without_an_estimate_has_no_chance_to_tell() -> None:
    assert chance(claim(beyond=None), 2.0, 1.0, SETTINGS) is None


def test_a_claim_near_its_margin_is_hopeless_and_one_far_away_is_not() -> None:
    near = claim(beyond=0.1, total=0.1, total_se=0.001, beyond_se=0.02, capability=-1.0)
    assert (chance({**near, "label": "GAIN, SIZE OPEN"}, 1.5, 1.0, SETTINGS) or 0) < 0.1
    assert (chance({**near, "beyond": 0.3}, 1.5, 1.0, SETTINGS) or 0) > 0.9


@pytest.mark.parametrize("looks", [(), (0.0, 1.0), (-0.1, 1.1), (0.5, 0.4), (1.5,)])
def test_shares_are_above_0_and_their_sum_is_1(looks: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="are not shares above 0 whose sum is 1"):
        replace(SETTINGS, looks=looks)


SEVERAL = World(families=2, seeds=1, measurements=2, methods={f"m{k}": Method(beyond=0.2 * k) for k in range(3)})


def test_what_a_verdict_hangs_on_is_at_the_looks_share_of_the_levels() -> None:
    """Of single claims: without the models that fragility names, the audit at that look says what fragility says."""
    changed = 0
    for seed in range(3):
        world = World(families=2, seeds=1, methods={"method": Method(beyond=0.3)})
        results, scores = simulated_study(world, np.random.default_rng(seed))
        for look in (Look(1, 0.1), Look(1, 0.6)):
            rng = np.random.default_rng(0)
            whole = audit(results, scores, primary=[NAME], settings=SETTINGS, rng=rng, look=look)
            found = fragility(results, scores, whole.verdicts, whole.margins, SETTINGS, look).filter(of="model")
            assert found.height == 1
            row = found.row(0, named=True)
            if row["fewest"] is not None:
                left = ~pl.col("model").is_in(row["removed"].split(", "))
                parts = results.filter(left), scores.filter(left)
                again = audit(*parts, primary=[NAME], settings=SETTINGS, rng=rng, look=look).verdicts
                assert (again["label"].item(), row["fewest"]) == (
                    row["label_then"],
                    len(results) // 2 - len(parts[0]) // 2,
                )
                changed += 1
    assert changed > 1


def test_the_same_score_again_gives_the_same_labels_at_a_look() -> None:
    results, score = simulated_study(SEVERAL, np.random.default_rng(0))
    scores = pl.concat([score.with_columns(score_name=pl.lit(name)) for name in ("pc1", "clean_accuracy")])
    names = {name: name for name in results["measurement"].unique().sort()}
    settings = AuditSettings(draws=100, margins=Margins(dict.fromkeys(names, 0.1)))
    first: pl.DataFrame | None = None
    for number, share in ((1, 0.1), (2, 0.9)):
        look = Look(number, share, first, frozenset({"m0"} if first is not None else ()))
        found = tables_of(results, scores, names, settings, np.random.default_rng(0), look)
        verdicts = found["verdicts"]
        earlier = [False] * 6 if first is None else (first["label"] != "UNDETERMINED").to_list()
        rests_on_this_look = [m != "m0" or first is None for m in verdicts["method"]]
        own = [rests and not before for rests, before in zip(rests_on_this_look, earlier, strict=True)]
        assert sum(own) > 0
        assert verdicts["label_by_accuracy"].is_not_null().to_list() == own
        judged = verdicts.filter(own)
        assert judged["label_by_accuracy"].to_list() == judged["label"].to_list()
        claims_of = judged.select("method", "measurement").rows()
        assert found["fragility"].filter(of="model").select("method", "measurement").rows() == claims_of
        first = verdicts.select(HELD)
