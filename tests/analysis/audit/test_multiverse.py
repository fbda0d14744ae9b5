"""The multiverse: what a claim's label is under other choices, on studies whose truth is known."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from analysis.audit.looks import HELD, Look, first_judged
from analysis.audit.multiverse import FACTORS, analyses, multiverse
from analysis.audit.settings import AuditSettings, Margins
from analysis.audit.verdicts import Audit, audit
from analysis.schema import CLAIM
from analysis.simulation.worlds import Method, World, simulated_study

SETTINGS = AuditSettings(draws=400, margins=Margins({"condition00/auroc": 0.105}, 0.25))
Tables = tuple[pl.DataFrame, pl.DataFrame]


def judged(tables: Tables, settings: AuditSettings) -> Audit:
    return audit(*tables, primary=["condition00/auroc"], settings=settings, rng=np.random.default_rng(0))


def of(tables: Tables, settings: AuditSettings = SETTINGS, accuracy: bool = True) -> pl.DataFrame:
    """The multiverse of a study whose other score is the first on another scale."""
    other = tables[1].with_columns(pl.col("score") * 1.5) if accuracy else tables[1].clear()
    return multiverse(*tables, other, judged(tables, settings).verdicts, settings, seed=0)


def study(world: World, seed: int = 0) -> Tables:
    return simulated_study(world, np.random.default_rng(seed))


@pytest.mark.parametrize("seed", [0, 3])
def test_at_a_look_the_studys_own_choices_give_its_own_labels(seed: int) -> None:
    """The first look finds two measurements for all methods: they stay in the families of the second one."""
    names = [f"condition{m:02}/auroc" for m in range(6)]
    settings = AuditSettings(draws=100, margins=Margins(dict.fromkeys(names, 0.2), 0.3), looks=(0.3, 0.7))
    beyond = (1.0, 1.0, 0.1, 0.1, 0.1, 0.1)
    world = World(seeds=2, measurements=6, methods={name: Method(beyond) for name in "abc"}, interaction_spread=0.15)
    look, verdicts = Look(1, 0.3), pl.DataFrame()
    for number, share in ((1, 0.3), (2, 0.7)):
        tables = study(world, seed + 1000 * (number - 1))
        look = Look(number, share, verdicts.select(HELD) if number > 1 else None)
        verdicts = audit(*tables, primary=names, settings=settings, rng=np.random.default_rng(1), look=look).verdicts
    own = first_judged(verdicts, look, settings)
    assert own["measurement"].unique().sort().to_list() == names[2:]
    rows = pl.concat(list(analyses(tables[0], {"": tables[1]}, own, names, settings, 0, look, None)))
    same = rows.filter(pl.col(factor) == "" for factor in FACTORS).join(own, on=CLAIM)
    assert len(same) == len(own)
    assert same["label_then"].to_list() == same["label"].to_list()


def test_a_clear_effect_keeps_its_label_in_every_analysis() -> None:
    methods = {"strong": Method(beyond=1.0), "harmful": Method(beyond=-1.0)}
    found = of(study(World(methods=methods)))
    assert found["label"].to_list() == ["REGRESSION", "DIFFERENTIAL"]
    assert found["kept"].min() >= 0.95  # type: ignore[operator]
    assert found["flips"].to_list() == ["", ""]


@pytest.mark.parametrize(
    ("world", "accuracy", "analyses"),
    [
        (World(methods={"m": Method()}), False, 2 * 2 * 3),  # shape, unit, margin
        (World(methods={"m": Method()}), True, 2 * 2 * 2 * 3),
        (World(methods={"m": Method(flops=2.0)}), True, 2 * 2 * 2 * 2 * 3),  # and equal epochs alone
        (World(methods={"m": Method(flags="doubtful")}), False, 2 * 2 * 3),  # without flagged runs nothing is left
    ],
)
def test_the_analyses_are_those_that_are_possible(world: World, accuracy: bool, analyses: int) -> None:
    assert of(study(world), accuracy=accuracy)["analyses"].to_list() == [analyses]


def test_an_effect_between_the_margin_and_its_double_hangs_on_the_margin() -> None:
    world = World(methods={"m": Method(beyond=0.16)}, seed_spread=0.02, interaction_spread=0.01, model_spread=0.01)
    row = of(study(world)).row(0, named=True)
    assert row["label"] == "DIFFERENTIAL"
    assert row["flips"] == "twice the margin: GAIN, SIZE OPEN"
    assert row["kept"] == pytest.approx(2 / 3)


def test_a_gain_that_pays_at_equal_flops_alone_hangs_on_the_match() -> None:
    """Four times the FLOPs would have bought the baseline a whole unit of capability."""
    found = of(study(World(methods={"m": Method(beyond=0.5, flops=4.0)}))).row(0, named=True)
    assert found["label"] == "TRADE-OFF"
    assert "equal epochs alone: DIFFERENTIAL" in found["flips"]


def test_flagged_runs_that_carry_a_gain_are_named() -> None:
    world = World(seeds=3, methods={"m": Method(beyond=0.0)}, seed_spread=0.03, interaction_spread=0.01)
    results, scores = study(world)
    odd = (pl.col("method") == "m") & (pl.col("seed") == 2)
    odds = pl.col("value") / (1 - pl.col("value")) * np.exp(0.9)
    results = results.with_columns(
        value=pl.when(odd).then(odds / (1 + odds)).otherwise("value"),
        flags=pl.when(odd).then(pl.lit("collapsed")).otherwise("flags"),
    )
    row = of((results, scores)).row(0, named=True)
    assert row["label"] == "DIFFERENTIAL"
    assert row["analyses"] == 48
    assert "without flagged runs: " in row["flips"]


def test_a_curve_that_the_test_did_not_choose_is_one_choice() -> None:
    """On a bent ladder a straight one leaves what the method never did."""
    world = World(curvature=0.3, method_models=8, methods={"m": Method(capability=0.9)}, seed_spread=0.02)
    row = of(study(world)).row(0, named=True)
    assert "a straight ladder: " in row["flips"]
    assert "a curved ladder" not in row["flips"]


def test_few_models_are_judged_as_models_too() -> None:
    world = World(families=1, widths=9, doublings=1.0, method_models=5, methods={"m": Method(beyond=1.0)})
    assert of(study(world), accuracy=False)["analyses"].to_list() == [2 * 2 * 3]


def test_a_method_that_lost_runs_is_blocked_in_every_analysis() -> None:
    tables = study(World(methods={"m": Method(beyond=0.6), "n": Method()}))
    planned = tables[0].select("method", "model", "seed").unique()
    lost = (pl.col("method") == "m") & pl.col("model").is_in(["family0-0", "family1-0"])
    results, scores = (frame.filter(~lost) for frame in tables)
    quick = replace(SETTINGS, draws=100)
    rng = np.random.default_rng(0)
    own = audit(results, scores, primary=["condition00/auroc"], settings=quick, rng=rng, planned=planned).verdicts
    row = multiverse(results, scores, scores.clear(), own, quick, 0, planned=planned).filter(method="m")
    assert row.select("label", "kept", "flips").rows() == [("BLOCKED", 1.0, "")]


def test_it_is_the_same_again() -> None:
    tables = study(World(families=1, widths=9, doublings=1.0, method_models=5, methods={"m": Method(beyond=0.2)}))
    assert of(tables).equals(of((tables[0].reverse(), tables[1].reverse())))
    without = replace(SETTINGS, placebos=("m",))
    assert of(tables, without)["label"].to_list() == judged(tables, without).verdicts["label"].to_list()
