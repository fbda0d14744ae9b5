"""Fragility: against the audit run again on tables without the models, and on planted claims."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import polars as pl
import pytest

from analysis.audit.claims import in_families
from analysis.audit.decision import decide
from analysis.audit.families import KINDS
from analysis.audit.fragility import fragility
from analysis.audit.settings import AuditSettings, Margins
from analysis.audit.standing import levels_left
from analysis.audit.verdicts import Audit, audit
from analysis.schema import CLAIM
from analysis.simulation.worlds import Method, World, simulated_study

NAMES = ["condition00/auroc", "condition01/auroc"]
SETTINGS = AuditSettings(draws=100, margins=Margins(dict.fromkeys(NAMES, 0.105), 0.25), placebos=("nothing",))
METHODS = {
    "nothing": Method(),
    "safer": Method(beyond=0.18),
    "dear": Method(beyond=0.25, capability=-0.3, flops=1.4),
    "worse": Method(beyond=-0.15),
}
WORLD = World(families=2, measurements=2, methods=METHODS)
Tables = tuple[pl.DataFrame, pl.DataFrame]


def judged(tables: Tables, settings: AuditSettings = SETTINGS) -> Audit:
    names = sorted(tables[0]["measurement"].unique())
    return audit(*tables, primary=names, settings=settings, rng=np.random.default_rng(0))


def fragile(tables: Tables, settings: AuditSettings = SETTINGS) -> pl.DataFrame:
    found = judged(tables, settings)
    return fragility(*tables, found.verdicts, found.margins, settings)


def without(tables: Tables, names: tuple[str, ...], of: str = "model") -> Tables:
    results, scores = (frame.filter(~pl.col(of).cast(pl.String).is_in(names)) for frame in tables)
    return results, scores


def known(of: Audit, claim: dict[str, str]) -> set[tuple[str, str]]:
    rows = of.effects.filter(**claim).iter_rows(named=True)
    return {(row["match"], name) for row in rows for name in ("total", "beyond") if row[name] is not None}


def changed(whole: Audit, part: Audit) -> dict[tuple[str, ...], str]:
    """The labels that are others in `part`, each claim judged among all others as they are in `whole`."""
    names = [
        *CLAIM,
        "tier",
        *(name for name in whole.verdicts.columns if name.startswith("p_") and "family" not in name),
    ]
    found = {}
    for row in whole.verdicts.iter_rows(named=True):
        claim = {name: row[name] for name in CLAIM}
        if not known(whole, claim) <= known(part, claim):
            continue
        own = pl.all_horizontal(pl.col(name) == value for name, value in claim.items())
        rows = pl.concat([whole.verdicts.filter(~own).select(names), part.verdicts.filter(own).select(names)])
        again = in_families(rows.with_columns(blocked=pl.lit(False)), SETTINGS).filter(**claim).row(0, named=True)
        epochs = part.effects.filter(**claim, match="epochs").row(0, named=True)
        p_values = part.verdicts.filter(**claim).select(
            pl.col("^p_(tax|paid|safer|epochs|paid_epochs)$"), "capability_least"
        )
        label, _ = decide({**epochs, **p_values.row(0, named=True), **again}, SETTINGS)
        if label != row["label"]:
            found[tuple(claim.values())] = label
    return found


def agrees_with_brute_force(seed: int, most: int, of: str = "model", world: World = WORLD) -> int:
    """How many claims have another label without `most` or fewer; all as the audit itself has it."""
    tables = simulated_study(world, np.random.default_rng(seed))
    whole, found = judged(tables), fragile(tables).filter(of=of)
    assert len(found) == len(whole.verdicts)
    names = [str(name) for name in sorted(tables[0][of].unique())]
    count = 0
    for size in range(1, most + 1):
        by_removal = {
            removed: changed(whole, judged(without(tables, removed, of))) for removed in combinations(names, size)
        }
        for row in found.iter_rows(named=True):
            claim = tuple(row[name] for name in CLAIM)
            labels = {removed: then[claim] for removed, then in by_removal.items() if claim in then}
            if row["fewest"] == size:
                assert labels[tuple(row["removed"].split(", "))] == row["label_then"]
                count += 1
            assert bool(labels) == (row["fewest"] is not None and row["fewest"] <= size) or row["fewest"] == size - 1
    return count


@pytest.mark.slow
def test_one_and_two_models_are_exact() -> None:
    assert agrees_with_brute_force(0, 2) > 2


@pytest.mark.parametrize(("of", "world"), [("family", replace(WORLD, families=3)), ("seed", replace(WORLD, seeds=3))])
def test_families_and_seeds_are_exact_too(of: str, world: World) -> None:
    assert agrees_with_brute_force(0, 1, of, world) > 0


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_fragility_is_what_the_audit_says_without_the_models_in_200_studies() -> None:
    """All single models; every twentieth study all pairs, too."""
    assert sum(agrees_with_brute_force(seed, 2 if seed % 20 == 0 else 1) for seed in range(1, 201)) > 200


@pytest.mark.parametrize("weigh", [False, True])
def test_the_level_that_others_leave_a_claim_is_that_at_which_it_is_found(weigh: bool) -> None:
    """With the weight of the claimed ones, and of a placebo that has none; some are blocked."""
    settings = AuditSettings(weigh_claims=weigh, placebos=("m3",))
    for seed in range(10):
        rng = np.random.default_rng(seed)
        p = {f"p_{kind}": np.where(rng.random(24) < 0.5, rng.random(24) * 0.03, rng.random(24)) for kind in KINDS}
        names = [(f"m{k // 6}", f"x{k % 6}", k % 6 == 0) for k in range(24)]
        rows = pl.DataFrame(names, schema=["method", "measurement", "claimed"], orient="row")
        place = dict.fromkeys(("domain", "dataset"), pl.lit("")) | {"tier": pl.lit("primary"), "p_neutral": pl.lit(0.5)}
        rows = rows.with_columns(**place, **{name: pl.Series(values) for name, values in p.items()})
        rows = rows.with_columns(blocked=pl.Series(rng.random(24) < 0.2))
        rows = rows.with_columns(label=pl.when("blocked").then(pl.lit("BLOCKED")).otherwise(pl.lit("NULL")))
        levels = levels_left(rows, settings)
        for row in in_families(rows, settings).iter_rows(named=True):
            level = levels[tuple(row[name] for name in CLAIM)]
            for kind in KINDS:
                assert (row[f"q_{kind}"] <= 0.05) == (row[f"p_{kind}"] <= level.found[kind]), (row, kind)


def test_a_clear_effect_far_from_its_margin_hangs_on_no_model() -> None:
    world = World(widths=5, methods={"strong": Method(beyond=1.0), "harmful": Method(beyond=-1.0)})
    tables = simulated_study(world, np.random.default_rng(1))
    found = fragile(tables)
    assert found.filter(of="model")["fewest"].to_list() == [None, None]
    assert found.filter(of="model")["removed"].null_count() == 2
    assert found["of"].unique().sort().to_list() == ["family", "model", "seed"]


def test_a_claim_that_hangs_on_one_model_names_it() -> None:
    """Eleven models gain half a logit, one loses two: without it the gain is found."""
    tables = simulated_study(World(methods={"m": Method(beyond=0.5)}), np.random.default_rng(3))
    odds = pl.col("value") / (1 - pl.col("value")) * np.exp(-2.5)
    outlier = (pl.col("model") == "family1-1") & (pl.col("method") == "m")
    results = tables[0].with_columns(value=pl.when(outlier).then(odds / (1 + odds)).otherwise("value"))
    row = fragile((results, tables[1])).filter(of="model").row(0, named=True)
    assert (row["fewest"], row["removed"], row["label_then"]) == (1, "family1-1", "DIFFERENTIAL")


def test_it_is_the_same_again_and_in_any_order_of_the_rows() -> None:
    tables = simulated_study(WORLD, np.random.default_rng(2))
    found = judged(tables)
    first = fragility(*tables, found.verdicts, found.margins, SETTINGS)
    turned = tables[0].sample(fraction=1.0, shuffle=True, seed=0), tables[1].reverse()
    assert fragility(*turned, found.verdicts.reverse(), found.margins, SETTINGS).equals(first)
    assert first["fewest"].drop_nulls().max() <= 4  # type: ignore[operator]


def test_claims_on_pairs_and_blocked_claims_have_none() -> None:
    few = simulated_study(World(families=1, widths=5, methods={"m": Method()}), np.random.default_rng(0))
    assert fragile(few).is_empty()
    masked = simulated_study(World(methods={"m": Method(beyond=1.0, flags="masked")}), np.random.default_rng(0))
    assert judged(masked).verdicts["label"].to_list() == ["BLOCKED"]
    assert fragile(masked).is_empty()
