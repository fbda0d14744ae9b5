"""The whole audit: planted effects get their labels, invariances, gates, thin studies, errors."""

import re
from dataclasses import replace
from itertools import product

import numpy as np
import polars as pl
import pytest

from analysis.audit.margins import margins_digest
from analysis.audit.settings import AuditSettings, Margins
from analysis.audit.verdicts import Audit, audit
from analysis.schema import checked
from analysis.simulation.worlds import Method, World, simulated_study
from analysis.tables import RESULTS

SETTINGS = AuditSettings(draws=600, margins=Margins(capability=0.25))
METHODS = {
    "safer": Method(beyond=0.6),
    "washing": Method(capability=0.5),
    "taxed": Method(beyond=0.6, capability=-0.5),
    "worse": Method(beyond=-0.6),
    "masked": Method(beyond=1.0, flags="gradient-masking"),
    "bigger": Method(beyond=0.6, capability=0.6),
    "placebo": Method(),
}
# Many examples and little noise: every label is then sure.
CLEAR = World(
    methods=METHODS, measurements=2, examples=10**6, seed_spread=0.03, capability_spread=0.05, interaction_spread=0.0
)
PRIMARY = ["condition00/auroc"]


def study(world: World, seed: int = 0, settings: AuditSettings = SETTINGS, primary: list[str] | None = None) -> Audit:
    rng = np.random.default_rng(seed)
    results, scores = simulated_study(world, rng)
    return audit(results, scores, primary=primary or PRIMARY, settings=settings, rng=rng)


@pytest.fixture(scope="module")
def clear() -> Audit:
    return study(CLEAR)


@pytest.mark.parametrize(
    ("method", "label", "qualifier"),
    [
        ("safer", "DIFFERENTIAL", "capability-neutral"),
        ("bigger", "DIFFERENTIAL", "with externality"),
        ("washing", "WASHING", ""),
        ("taxed", "TRADE-OFF", ""),
        ("worse", "REGRESSION", "beyond what its capability explains"),
        ("masked", "BLOCKED", ""),
        ("placebo", "NULL", "capability unchanged"),
    ],
)
def test_planted_methods_get_their_labels(clear: Audit, method: str, label: str, qualifier: str) -> None:
    found = clear.verdicts.filter((pl.col("method") == method) & (pl.col("measurement") == PRIMARY[0]))
    assert found.select("label", "qualifier").rows() == [(label, qualifier)]


def test_estimates_are_near_the_planted_ones(clear: Audit) -> None:
    for name, method in METHODS.items():
        row = clear.verdicts.filter((pl.col("method") == name) & (pl.col("measurement") == PRIMARY[0])).row(
            0, named=True
        )
        assert row["beyond"] == pytest.approx(method.beyond, abs=0.08)
        assert row["capability"] == pytest.approx(method.capability, abs=0.05)
        assert row["pairs"] == 24
        assert row["df"] == 9


def test_blocked_names_the_gate_and_keeps_the_label_it_would_have_had(clear: Audit) -> None:
    row = clear.verdicts.filter(pl.col("method") == "masked").row(0, named=True)
    assert row["reason"] == "validity: 24 of 24 runs carry gradient-masking or masked or leak"
    assert row["label_ungated"] == "DIFFERENTIAL"
    assert row["flagged_runs"] == 24
    assert row["label_without_flagged"] == "UNDETERMINED"


def test_the_simulated_table_is_a_results_table() -> None:
    results, _ = simulated_study(CLEAR, np.random.default_rng(0))
    assert len(checked(results, RESULTS)) == len(results)


def test_row_order_and_names_do_not_matter() -> None:
    world = replace(CLEAR, methods={"a": Method(beyond=0.2), "b": Method()})
    results, scores = simulated_study(world, np.random.default_rng(5))
    first = audit(results, scores, primary=PRIMARY, settings=SETTINGS, rng=np.random.default_rng(1))
    shuffled = results.sample(fraction=1.0, shuffle=True, seed=3), scores.sample(fraction=1.0, shuffle=True, seed=4)
    second = audit(*shuffled, primary=PRIMARY, settings=SETTINGS, rng=np.random.default_rng(1))
    assert first.verdicts.equals(second.verdicts)
    renamed = (frame.with_columns(pl.col("seed") + 40, pl.col("dataset") + "2") for frame in (results, scores))
    third = audit(*renamed, primary=PRIMARY, settings=SETTINGS, rng=np.random.default_rng(1))
    assert first.verdicts["beyond_lower"].equals(third.verdicts["beyond_lower"])


def test_moving_the_capability_scale_moves_only_what_is_in_its_units() -> None:
    settings = replace(SETTINGS, margins=Margins())
    results, scores = simulated_study(
        replace(CLEAR, methods={"a": Method(beyond=0.2, capability=0.2)}), np.random.default_rng(5)
    )
    stretched = scores.with_columns(pl.col("score") * 10 + 3)
    first, second = (
        audit(results, s, primary=PRIMARY, settings=settings, rng=np.random.default_rng(1)).verdicts
        for s in (scores, stretched)
    )
    assert first["label"].equals(second["label"])
    assert second["beyond"].to_numpy() == pytest.approx(first["beyond"].to_numpy())
    assert second["capability"].to_numpy() == pytest.approx(10 * first["capability"].to_numpy())


def test_a_collapsed_run_counts_and_is_also_left_out() -> None:
    world = replace(CLEAR, methods={"safer": Method(beyond=0.6)})
    results, scores = simulated_study(world, np.random.default_rng(2))
    fell = (pl.col("method") == "safer") & (pl.col("model") == "family0-1") & (pl.col("seed") == 0)
    collapsed = results.with_columns(
        pl.when(fell).then(0.01).otherwise("value").alias("value"),
        pl.when(fell).then(pl.lit("collapsed")).otherwise("flags").alias("flags"),
    )
    row = audit(collapsed, scores, primary=PRIMARY, settings=SETTINGS, rng=np.random.default_rng(0)).verdicts.row(
        0, named=True
    )
    assert row["flagged_runs"] == 1
    assert row["beyond_without_flagged"] == pytest.approx(0.6, abs=0.08)
    assert row["beyond"] < row["beyond_without_flagged"] - 0.1
    assert row["label_without_flagged"] == "DIFFERENTIAL"


@pytest.mark.parametrize(
    ("world", "reason"),
    [
        (
            World(methods={"m": Method()}, families=1, widths=4),
            "no ladder: the baseline needs at least 5 models of different capability",
        ),
        (
            World(methods={"m": Method()}, families=1, widths=9, doublings=1, method_models=1),
            "too few runs paired with the baseline by model and seed: at least 3 are needed",
        ),
        (World(methods={"m": Method(capability=4.0)}), "the ladder covers 0 of 12 models"),
    ],
)
def test_thin_studies_say_which_step_is_missing(world: World, reason: str) -> None:
    row = study(world).verdicts.row(0, named=True)
    assert (row["label"], row["reason"], row["seeds_needed"]) == ("UNDETERMINED", reason, None)


def test_an_undetermined_claim_says_how_many_seeds_decide_it() -> None:
    noisy = World(methods={"m": Method(beyond=0.2)}, seed_spread=0.3, interaction_spread=0.0)
    row = study(noisy, 5).verdicts.row(0, named=True)
    assert row["label"] == "UNDETERMINED"
    assert row["seeds_needed"] > 2
    said = f"about {row['seeds_needed']} seeds a model would decide it, if the estimates hold (GAIN, SIZE OPEN)"
    assert row["reason"] == f"the intervals are too wide: {said}"


def test_where_models_differ_more_of_them_decide_it() -> None:
    differing = World(
        methods={"m": Method(beyond=0.1)}, seed_spread=0.01, interaction_spread=0.3, capability_spread=0.01
    )
    row = study(differing, 2).verdicts.row(0, named=True)
    assert row["label"] == "UNDETERMINED"
    assert row["seeds_needed"] is None
    assert row["models_needed"] > 12
    said = f"about {row['models_needed']} models (more seeds would not do) would decide it"
    assert row["reason"].startswith(f"the intervals are too wide: {said}")


def test_no_open_claim_is_without_what_would_decide_it() -> None:
    """Effects of every kind in a noisy study: each open cell says seeds or models and the label."""
    methods = {f"m{k}": Method(beyond=d, capability=e) for k, (d, e) in enumerate(product((-0.2, 0, 0.2), (-0.3, 0.3)))}
    found = study(World(methods=methods, measurements=3), primary=[f"condition0{k}/auroc" for k in range(3)]).verdicts
    undecided = found.filter(label="UNDETERMINED")
    assert len(undecided) > 2
    assert undecided["reason"].str.contains("would decide it|not shown at equal FLOPs|too near its margin").all()
    assert undecided["reason"].str.contains("would decide it").to_numpy().mean() > 0.8


@pytest.mark.parametrize("others", [0, 20])
def test_what_decides_a_claim_counts_all_claims(others: int) -> None:
    """A claim among many needs more, by the level that one more of them would have to reach."""
    world = World(methods={"m": Method(beyond=0.2), **{f"n{k}": Method() for k in range(others)}}, seed_spread=0.3)
    row = study(world, 5).verdicts.filter(method="m").row(0, named=True)
    assert row["level_none"] <= 0.05 * (1 if others == 0 else 0.9)
    assert row["level_gain"] <= 0.05


def test_a_baseline_alone_has_ladders_and_no_verdicts() -> None:
    found = study(World())
    assert len(found.verdicts) == len(found.effects) == 0
    assert len(found.curves) == 40
    assert found.restatements["rungs"].to_list() == [12]


def test_a_saturated_measurement_is_blocked() -> None:
    results, scores = simulated_study(replace(CLEAR, methods={"m": Method()}), np.random.default_rng(0))
    high = results.with_columns(pl.col("value") * 0.02 + 0.97)
    row = audit(high, scores, primary=PRIMARY, settings=SETTINGS, rng=np.random.default_rng(0)).verdicts.row(
        0, named=True
    )
    assert row["label"] == "BLOCKED"
    assert row["reason"].startswith("saturation: baseline 0.9")


def test_a_method_that_costs_more_compute_is_matched_on_it() -> None:
    found = study(replace(CLEAR, methods={"costly": Method(beyond=0.6, flops=2.0)}))
    effects = found.effects.filter(pl.col("measurement") == PRIMARY[0])
    assert effects["match"].to_list() == ["epochs", "flops"]
    epochs, flops = effects.rows(named=True)
    # Twice the compute would have brought the baseline half a unit of capability, and the safety that goes with it.
    assert flops["capability"] - epochs["capability"] == pytest.approx(-0.5, abs=0.1)
    assert flops["total"] - epochs["total"] == pytest.approx(-0.21, abs=0.08)
    assert flops["beyond"] == pytest.approx(epochs["beyond"], abs=0.1)
    row = found.verdicts.filter(pl.col("measurement") == PRIMARY[0]).row(0, named=True)
    assert row["beyond"] == min(epochs["beyond"], flops["beyond"])
    # For the compute it takes, the baseline would have become more capable: that is the price.
    assert row["label"] == "TRADE-OFF"
    assert row["qualifier"] == "it pays at equal FLOPs only"
    assert row["other_match_beyond"] == pytest.approx(max(epochs["beyond"], flops["beyond"]))


def test_compute_is_matched_on_as_few_models_as_a_ladder_takes() -> None:
    """Five: too few to ask whether it bends, and several measurements at once."""
    few = replace(CLEAR, families=1, widths=5, measurements=3, methods={"costly": Method(beyond=0.6, flops=2.0)})
    effects = study(few).effects
    assert effects.group_by("match").len().sort("match").rows() == [("epochs", 3), ("flops", 3)]


def test_capability_that_compute_bought_is_washing_not_nothing() -> None:
    row = study(replace(CLEAR, methods={"longer": Method(capability=0.5, flops=2.0)})).verdicts.row(0, named=True)
    assert (row["label"], row["match"]) == ("WASHING", "epochs")
    assert row["total"] == pytest.approx(0.21, abs=0.08)
    assert row["other_match_beyond"] == pytest.approx(row["beyond"], abs=0.1)


def test_compute_that_can_not_be_matched_is_shown() -> None:
    costs = {"costly": Method(beyond=0.6, flops=1e6), "slower": Method(flops=2.0), "same": Method()}
    found = study(replace(CLEAR, methods=costs))
    costly = found.verdicts.filter((pl.col("method") == "costly") & (pl.col("measurement") == PRIMARY[0]))
    assert costly["reason"].to_list() == [
        "at equal epochs only: not matched on training FLOPs: none stored, or no baseline of the family as large"
    ]
    gates = found.gates.filter(pl.col("measurement") == PRIMARY[0])
    gates = gates.filter(pl.col("gate") == "equal FLOPs")
    assert dict(gates.select("method", "detail").iter_rows()) == {
        "costly": "not matched on training FLOPs: none stored, or no baseline of the family as large",
        "same": "the method costs what the baseline costs",
        "slower": "held against the ladder at equal training FLOPs, too",
    }


def test_margins_come_from_the_ladder_or_are_given(clear: Audit) -> None:
    margins = dict(clear.margins.select("measurement", "margin").iter_rows())
    assert margins["capability"] == 0.25
    assert margins[PRIMARY[0]] == pytest.approx(0.105, abs=0.02)
    given = replace(SETTINGS, margins=Margins({PRIMARY[0]: 0.3}, 0.25))
    other = study(CLEAR, settings=given).margins
    assert dict(other.select("measurement", "margin").iter_rows())[PRIMARY[0]] == 0.3
    assert margins_digest(other) != margins_digest(clear.margins)
    assert margins_digest(other) == margins_digest(other.reverse())


def test_a_missing_pillar_of_runs_leaves_other_measurements_as_they_are() -> None:
    results, scores = simulated_study(replace(CLEAR, methods={"m": Method(beyond=0.2)}), np.random.default_rng(0))
    lost = (pl.col("measurement") == "condition01/auroc") & (pl.col("model") == "family1-2")
    whole, part = (
        audit(frame, scores, primary=PRIMARY, settings=SETTINGS, rng=np.random.default_rng(0)).verdicts
        for frame in (results, results.filter(~lost))
    )
    assert part["pairs"].to_list() == [24, 22]
    assert part["beyond"][0] == pytest.approx(whole["beyond"][0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"primary": ["nothing"]}, "primary: nothing not among the safety measurements: condition00/auroc"),
        (
            {"settings": AuditSettings(baseline="none")},
            "vision/simulated: no run of the baseline 'none' among m, standard",
        ),
    ],
)
def test_wrong_input_is_named(change: dict[str, object], message: str) -> None:
    results, scores = simulated_study(World(methods={"m": Method()}), np.random.default_rng(0))
    given: dict[str, object] = {"primary": PRIMARY, "settings": SETTINGS, **change}
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        audit(results, scores, rng=np.random.default_rng(0), **given)  # type: ignore[arg-type]


def test_scores_must_be_one_a_run() -> None:
    results, scores = simulated_study(World(methods={"m": Method()}), np.random.default_rng(0))
    with pytest.raises(ValueError, match=r"^scores: missing columns \['score'\]$"):
        audit(results, scores.drop("score"), primary=PRIMARY, settings=SETTINGS, rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match=r"^scores: 2 rows share a run, the first \{'domain': 'vision'"):
        audit(
            results, pl.concat([scores, scores[:1]]), primary=PRIMARY, settings=SETTINGS, rng=np.random.default_rng(0)
        )


def test_selected_intervals_are_wider_only_when_few_of_many_are_selected() -> None:
    world = replace(CLEAR, methods={"safer": Method(beyond=0.6), **{f"placebo{k}": Method() for k in range(3)}})
    found = study(world).verdicts.filter(pl.col("tier") == "primary")
    chosen = found.filter(pl.col("method") == "safer").row(0, named=True)
    assert chosen["adjusted_lower"] < chosen["beyond_lower"] < chosen["beyond_upper"] < chosen["adjusted_upper"]
    assert found.filter(pl.col("method") != "safer")["adjusted_lower"].null_count() == 3
    alone = study(replace(CLEAR, methods={"safer": Method(beyond=0.6)})).verdicts.row(0, named=True)
    assert alone["adjusted_lower"] == pytest.approx(alone["beyond_lower"])


def test_noise_of_capability_turns_the_joint_ellipse_of_e_and_d() -> None:
    world = World(methods={"m": Method()}, true_share=0.0, capability_spread=0.5, measurements=8)
    assert study(world).verdicts["capability_beyond_correlation"].to_numpy().mean() < -0.3


def test_errors_of_few_models_hang_on_no_other_method() -> None:
    """Pairs are the units, and resampled: a method's draws are its own."""
    world = World(families=1, widths=5, seeds=2, measurements=2, methods={"m": Method(0.4), "placebo": Method()})
    results, scores = simulated_study(world, np.random.default_rng(0))
    names = results["measurement"].unique().sort().to_list()
    settings = AuditSettings(margins=Margins(dict.fromkeys(names, 0.2), 0.3), draws=200)
    rows = []
    for left in (pl.lit(True), pl.col("method") != "m"):
        tables = results.filter(left), scores.filter(left)
        found = audit(*tables, primary=names, settings=settings, rng=np.random.default_rng(0)).verdicts
        rows.append(found.filter(method="placebo").select("unit", "total_se", "capability_se", "beyond_se"))
    assert rows[0]["unit"].to_list() == ["pair"] * 2
    assert rows[0].equals(rows[1])
