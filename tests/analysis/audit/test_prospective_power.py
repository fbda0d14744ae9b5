import numpy as np
import polars as pl
import pytest

from analysis.audit.power import detectable_effect, equivalence_halfwidth
from analysis.audit.prospective_power import assumed_spread, narrow_margins, prospective_power, spread_of_claims
from analysis.audit.settings import AuditSettings
from analysis.audit.verdicts import audit
from analysis.simulation.worlds import Method, World, simulated_study

SETTINGS = AuditSettings(draws=200)


def spread(world: World, seed: int = 0) -> dict[str, object]:
    rng = np.random.default_rng(seed)
    results, scores = simulated_study(world, rng)
    found = audit(results, scores, primary=["condition00/auroc"], settings=SETTINGS, rng=rng)
    verdicts = found.verdicts.with_columns(area=pl.lit("outliers"))
    return spread_of_claims(verdicts).row(0, named=True)


def test_an_assumed_spread_is_the_paired_t_test() -> None:
    few = prospective_power(assumed_spread(0.5, [("outliers", 0.1)], models=2), models=2, seeds=[5, 20], claims=10)
    assert few["alone"].to_list() == pytest.approx([0.1 + detectable_effect(n, 0.5) for n in (10, 40)])
    assert few["among"].to_list() == pytest.approx([0.1 + detectable_effect(n, 0.5, claims=10) for n in (10, 40)])
    many = prospective_power(assumed_spread(0.5, [("outliers", 0.1)], models=12), models=12, seeds=[4], claims=1)
    assert many["equivalence"].to_list() == pytest.approx([equivalence_halfwidth(12, 0.25)])
    assert many["alone"].to_list() == many["among"].to_list()


def test_seeds_help_only_against_what_seeds_scatter() -> None:
    noisy = World(families=4, seeds=4, methods={"m": Method()}, seed_spread=0.5, interaction_spread=0.0)
    differing = World(families=4, seeds=4, methods={"m": Method()}, seed_spread=0.01, interaction_spread=0.5)
    shares = [np.median([spread(world, seed)["seed_share"] for seed in range(5)]) for world in (noisy, differing)]
    assert shares[0] > 0.6
    assert shares[1] < 0.1
    base = {"area": ["a"], "margin": [0.1], "unit": ["model"], "seeds": [2.0], "sd": [0.4]}
    for share, wanted in ((1.0, 0.5), (0.0, 1.0)):
        rows = prospective_power(pl.DataFrame({**base, "seed_share": [share]}), models=8, seeds=[2, 8], claims=1)
        two, eight = rows["equivalence"]
        assert eight / two == pytest.approx(wanted)


def test_the_spread_is_that_of_a_models_effect() -> None:
    """Where models alone differ, each time a method meets one and the baseline too, D scatters by root two of that."""
    world = World(
        families=4, seeds=2, methods={"m": Method()}, seed_spread=0.0, interaction_spread=0.4, capability_spread=0.01,
        examples=10_000_000,
    )  # fmt: skip
    found = [spread(world, seed) for seed in range(8)]
    assert {row["unit"] for row in found} == {"model"}
    assert float(np.mean([float(str(row["sd"])) for row in found])) == pytest.approx(0.4 * 2**0.5, rel=0.2)


def test_the_spread_is_of_the_unit_that_most_methods_have() -> None:
    """Whatever their names: one that lost runs is judged by pairs, whose spread is another one."""
    row = {"domain": "d", "dataset": "s", "area": "a", "measurement": "y", "margin": 0.1, "seed_share": 0.5}
    by_model = {**row, "unit": "model", "units": 6, "pairs": 24, "in_range": 6, "beyond_se": 0.1}
    by_pair = {**row, "unit": "pair", "units": 20, "pairs": 20, "in_range": 20, "beyond_se": 0.5}
    for places in ((0, 1, 2), (2, 0, 1), (1, 2, 0)):
        rows = [[by_pair, by_model, by_model][place] for place in places]
        (found,) = spread_of_claims(pl.DataFrame(rows)).to_dicts()
        assert (found["unit"], found["seeds"], found["seed_share"]) == ("model", 4, 0.5)
        assert found["sd"] == pytest.approx(0.1 * 6**0.5)


def test_a_single_pair_foresees_nothing() -> None:
    assert prospective_power(assumed_spread(0.5, [("a", 0.1)], models=1), models=1, seeds=[1], claims=1).is_empty()


def test_margins_that_are_too_narrow_are_named_with_what_would_do() -> None:
    """One below 2.5 standard errors, one below its default, one that is neither, and one of unknown spread."""
    areas = {"a": "x/auroc", "b": "y/auroc", "c": "z/auroc", "d": "w/auroc"}
    study = prospective_power(
        assumed_spread(0.4, [(area, 0.1) for area in "abc"], models=16), models=16, seeds=[1], claims=1
    )
    assert study["least"].to_list() == pytest.approx([2.5 * 0.4 / 4] * 3)
    margins = pl.DataFrame(
        {"measurement": list(areas.values()), "margin": [0.24, 0.26, 0.26, 0.1], "default": [0.2, 0.3, 0.26, 0.2]}
    )
    found = narrow_margins(study, margins, areas)
    assert found.rows() == [
        ("a", "x/auroc", 0.24, pytest.approx(0.25), 0.2),
        ("b", "y/auroc", 0.26, pytest.approx(0.25), 0.3),
        ("d", "w/auroc", 0.1, None, 0.2),
    ]
