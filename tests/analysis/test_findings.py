import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest
import statsmodels.api as sm
from scipy.stats import fisher_exact

from analysis import schema, tables
from analysis.audit import schema as audit_schema
from analysis.audit.decision import LABELS
from analysis.audit.preregistration import preregistration, preregistration_digest
from analysis.audit.selection import ledger, planned_runs
from analysis.audit.settings import AuditSettings, Margins
from analysis.audit.verdicts import audit
from analysis.findings import findings
from analysis.jumps import schema as jump_schema
from analysis.reliability import reliability
from tests.analysis.conftest import Study

QUICK = AuditSettings(draws=100, margins=Margins({"pgd/accuracy": 0.2, "clean/brier": 0.1}, 0.1), placebos=("sugar",))
MADE = ("environments", "crossings")
AREAS = {"attacks": "pgd/accuracy"}
TABLES = {
    value.name: value
    for module in (tables, audit_schema, jump_schema)
    for value in vars(module).values()
    if isinstance(value, schema.Table)
}
PLANNED = pl.DataFrame(
    {
        "domain": "vision",
        "dataset": "digits",
        "method": ["standard"] * 6 + ["shield"] * 6 + ["scale"] * 6,
        "model": [f"f0-{size}" for size in (1, 2, 3)] * 6,
        "family": "f0",
        "parameters": pl.Series([8, 16, 32] * 6, dtype=pl.Int64),
        "seed": [0, 0, 0, 1, 1, 1] * 3,
        "status": ["finished"] * 7 + ["failed"] * 5 + ["finished"] * 6,
        "reason": "",
    }
)


def run(results: pl.DataFrame, **options: Any) -> dict[str, pl.DataFrame]:
    usual: dict[str, Any] = {"seed": 0, "areas": AREAS, "settings": QUICK}
    return findings(results, PLANNED, **(usual | options))


def test_findings_are_the_tables_they_are_called(study: Study) -> None:
    found = run(study())
    assert set(found) == {
        *("capability", "capability_weights", "correlations", "effects", "ledger", "selection", "jumps", "jump_fits"),
        *("reliability", "risks", "forecasts", "agreement_line"),
        *("settings", "environments", "crossings"),
        *("verdicts", "estimates", "ladder", "restatements", "pillars", "gates", "margins", "externalities"),
        *("fragility", "comparisons"),
    }
    for name, frame in found.items():
        assert schema.checked(frame, TABLES[name]).equals(frame)
        assert len(frame) or name in ("jump_fits", "forecasts", "risks", "agreement_line", "fragility", *MADE)
    assert set(found["correlations"]["score_name"]) == {"clean_accuracy", "pc1"}


def test_the_verdicts_are_the_audits(study: Study) -> None:
    """A planted effect beyond capability is found, one through capability is not, and an area names its verdict."""
    found = run(study())
    (shield, scale) = (
        found["verdicts"].filter(method=method, measurement="pgd/accuracy").row(0, named=True)
        for method in ("shield", "scale")
    )
    assert (shield["label"], shield["area"], shield["scale"], shield["placebo"]) == (
        "DIFFERENTIAL", "attacks", "logit", False
    )  # fmt: skip
    assert scale["label"] != "DIFFERENTIAL"
    results = study()
    standard = results.filter(method="standard", measurement="pgd/accuracy")
    assert shield["baseline"] == pytest.approx(standard["value"].mean())
    assert found["verdicts"].filter(measurement="clean/brier")["area"].null_count() == 2
    score = found["capability"].filter(score_name="pc1")
    direct = audit(results, score, primary=["pgd/accuracy"], settings=QUICK, rng=np.random.default_rng([0, 1]))
    assert direct.verdicts["label"].to_list() == found["verdicts"]["label"].to_list()
    assert direct.verdicts["beyond"].to_list() == found["verdicts"]["beyond"].to_list()


def test_without_areas_every_safety_measurement_is_one(study: Study) -> None:
    verdicts = run(study(), areas={})["verdicts"]
    assert verdicts["area"].to_list() == verdicts["measurement"].to_list()
    assert set(verdicts["tier"]) == {"primary"}


def test_an_area_that_was_not_measured_has_no_verdict(study: Study) -> None:
    verdicts = run(study(), areas={**AREAS, "outliers": "near/auroc"})["verdicts"]
    assert verdicts["area"].drop_nulls().unique().to_list() == ["attacks"]


def test_equal_flops_can_be_left_out(study: Study) -> None:
    size = pl.col("model").str.slice(3).cast(pl.Float64)
    results = study().with_columns(flops=pl.when(method="shield").then(2.0).otherwise(1.0) * 2**size)
    for equal_flops, matches in ((True, {"epochs", "flops"}), (False, {"epochs"})):
        found = run(results, settings=replace(QUICK, equal_flops=equal_flops))
        assert set(found["estimates"].filter(method="shield")["match"]) == matches
        said = found["gates"].filter(method="shield", gate="equal FLOPs")["detail"].unique().item()
        assert ("equal training FLOPs" if equal_flops else "equal epochs alone") in said


def test_default_margins_are_of_a_doubling_of_compute_whether_or_not_equal_flops_are_asked_for(study: Study) -> None:
    """Parameters grow eightfold where compute doubles: by parameters a doubling would seem a third as much."""
    size = pl.col("model").str.slice(3).cast(pl.Int64)
    results = study().with_columns(flops=2.0**size, parameters=(8**size).cast(pl.Int64))
    free = replace(QUICK, margins=Margins())
    with_flops, without = (
        run(results, settings=replace(free, equal_flops=asked))["margins"] for asked in (True, False)
    )
    assert (with_flops["source"] == "doubling").any()
    assert without.equals(with_flops)


def test_a_placebo_is_marked(study: Study) -> None:
    results = study().with_columns(method=pl.col("method").replace("scale", "sugar"))
    verdicts = run(results)["verdicts"]
    assert verdicts.filter("placebo")["method"].unique().to_list() == ["sugar"]


def test_the_seed_alone_decides_the_draws(study: Study) -> None:
    first, again, other = (run(study(noise=0.1), seed=seed) for seed in (1, 1, 2))
    for name in ("correlations", "pillars"):
        assert first[name].equals(again[name])
        assert not first[name].equals(other[name])


def test_verdicts_over_models_hang_on_no_draw(study: Study) -> None:
    one, other = (run(study(noise=0.1), seed=seed)["verdicts"] for seed in (1, 2))
    assert one.equals(other)


def test_a_study_without_results_has_empty_tables() -> None:
    found = run(tables.RESULTS.empty())
    assert all(found[name].is_empty() for name in found if name not in ("ledger", "selection", "settings"))


def test_what_is_no_results_table_is_refused(study: Study) -> None:
    with pytest.raises(schema.TableError, match=r"^results: missing columns \['flags'\], unknown columns \[\]$"):
        run(study().drop("flags"))
    with pytest.raises(
        schema.TableError, match=r"^results: vision/digits: no run of the baseline 'standard' among scale, shield$"
    ):
        run(study().filter(pl.col("method") != "standard"))


def test_the_ledger_shows_failures_that_go_with_a_method() -> None:
    rows = {row["method"]: row for row in ledger(PLANNED).to_dicts()}
    assert (rows["shield"]["planned"], rows["shield"]["finished"], rows["shield"]["failed"]) == (6, 1, 5)
    assert rows["shield"]["p"] == pytest.approx(fisher_exact([[5, 1], [0, 12]]).pvalue)
    assert ledger(PLANNED.filter(method="shield"))["p"].to_list() == [None]


def test_a_run_with_a_flag_is_flagged_and_a_failed_one_has_its_models_size(study: Study) -> None:
    results = study().with_columns(
        flags=pl.when(method="scale", model="f0-2", seed=1).then(pl.lit("masked")).otherwise("flags")
    )
    runs = PLANNED.with_columns(parameters=pl.when(pl.col("status") == "finished").then("parameters"))
    planned = planned_runs(runs, results)
    assert planned.filter(status="flagged").select("method", "model", "seed").rows() == [("scale", "f0-2", 1)]
    assert planned["parameters"].to_list() == PLANNED["parameters"].to_list()
    assert {row["method"]: row["flagged"] for row in ledger(planned).to_dicts()} == {
        "standard": 0, "shield": 0, "scale": 1
    }  # fmt: skip


def test_a_study_too_small_for_a_capability_score_has_effects_but_no_verdicts(study: Study) -> None:
    results = study()
    model = results["model"][0]
    seeds = results["seed"].unique().sort()[:2].to_list()
    found = run(results.filter(pl.col("model") == model, pl.col("seed").is_in(seeds)))
    assert len(found["effects"]) > 0
    assert len(found["verdicts"]) == 0


def test_verdicts_are_held_against_accuracy_alone_too(study: Study) -> None:
    """Both find what a planted shield adds; nothing is beyond the score that a measurement is a part of."""
    found = run(study())
    row = found["verdicts"].filter(method="shield", measurement="pgd/accuracy").row(0, named=True)
    assert row["label_by_accuracy"] in LABELS
    assert row["beyond_by_accuracy"] == pytest.approx(row["beyond"], rel=0.2)
    parts = found["estimates"].filter(axis="capability")
    assert len(parts)
    assert parts["beyond"].null_count() == parts["p_differential"].null_count() == len(parts)
    assert found["estimates"].filter(axis="safety")["beyond"].null_count() == 0


def test_the_score_is_as_reliable_as_its_noise_leaves_it(study: Study) -> None:
    found = run(study(noise=0.05))["reliability"].filter(score_name="pc1")
    by = dict(found.select("over", "reliability").iter_rows())
    assert by["examples"] is None
    assert 0.9 < by["seeds"] < 1
    same = run(study(noise=0.0))["reliability"].filter(score_name="pc1", over="seeds")
    assert same["reliability"][0] == pytest.approx(1)
    runs = study().filter(axis="capability").select("domain", "dataset", "method", "model", "seed", "measurement")
    rng = np.random.default_rng(0)
    moved = pl.Series("deviations", rng.normal(0, 0.05, (len(runs), 100)).tolist(), dtype=pl.List(pl.Float64))
    halves = run(study(), replicates=runs.with_columns(moved))["reliability"]
    assert halves.filter(over="examples", score_name="pc1")["reliability"].is_between(0.3, 0.99).all()


def test_reliability_over_seeds_is_the_intraclass_correlation() -> None:
    """Shrout and Fleiss (1979), table 4: one-way, ICC(1, 1) = .17 of six targets with four ratings each. And of models
    whose numbers of seeds differ, one way of two: a mixed model's.
    """
    ratings = [(9, 2, 5, 8), (6, 1, 3, 2), (8, 4, 6, 8), (7, 1, 2, 6), (10, 5, 6, 9), (6, 2, 4, 7)]
    assert over_seeds(ratings) == pytest.approx(0.166, abs=0.001)
    assert over_seeds([(1, 2), (1, 2)]) == 0
    assert over_seeds([(1,), (2,)]) is None
    rng = np.random.default_rng(0)
    uneven = [tuple(mean + rng.normal(0, 1, 3 + model % 4)) for model, mean in enumerate(rng.normal(0, 2, 60))]
    scores = np.concatenate(uneven)
    models = np.repeat(np.arange(60), [len(each) for each in uneven])
    fit = sm.MixedLM(scores, np.ones(len(scores)), models).fit()
    between, within = float(fit.cov_re[0, 0]), fit.scale
    assert over_seeds(uneven) == pytest.approx(between / (between + within), abs=0.02)


def test_reliability_has_the_same_bits_each_time() -> None:
    rng = np.random.default_rng(0)
    models = [tuple(rng.normal(size=3)) for _ in range(40)]
    assert len({over_seeds(models) for _ in range(50)}) == 1


def over_seeds(models: Sequence[Sequence[float]]) -> float | None:
    rows = [(f"m{m}", seed, float(value)) for m, own in enumerate(models) for seed, value in enumerate(own)]
    runs = pl.DataFrame(rows, schema=["model", "seed", "score"], orient="row")
    place = {"domain": "d", "dataset": "e", "method": "standard", "score_name": "pc1", "step": 1}
    scores = runs.with_columns(pl.lit(value).alias(name) for name, value in place.items())
    found: float | None = reliability(scores, scores).filter(over="seeds")["reliability"].item()
    return found


def test_a_metric_with_a_target_is_analysed_as_its_distance_from_it(study: Study) -> None:
    """The same findings as of the distances themselves, declared as an error: half of them on either side."""
    distances = study()
    here = pl.col("measurement") == "clean/brier"
    sign = pl.when(here & (pl.col("seed") == 0)).then(-1.0).otherwise(1.0)
    facts = {"lower": -2.0, "upper": 2.0, "target": 0.0}
    signed = distances.with_columns(
        value=sign * pl.col("value"),
        **{name: pl.when(here).then(pl.lit(fact)).otherwise(pl.col(name)) for name, fact in facts.items()},
    )
    rng = np.random.default_rng(0)
    drawn = pl.Series(rng.normal(0, 0.01, (len(distances), 20)).tolist(), dtype=pl.List(pl.Float64))
    key = ["domain", "dataset", "method", "model", "seed", "measurement"]
    moved = distances.with_columns(deviations=drawn)
    turned = moved.select(*key, deviations=drawn * sign_of(signed))
    found = run(distances, replicates=moved.select(*key, "deviations"))
    again = run(signed, replicates=turned)
    assert (signed.filter(here)["value"] < 0).any()
    for name, frame in found.items():
        assert frame.equals(again[name]), name


def sign_of(results: pl.DataFrame) -> pl.Series:
    """-1 where a value is below 0, else 1."""
    return results["value"].sign().replace(0, 1)


def test_jumps_are_looked_for_over_training_flops_where_any_are_stored(study: Study) -> None:
    results = study(families=1)
    assert run(results)["jumps"]["axis"].unique().to_list() == ["log2_flops"]
    one_missing = results.with_columns(flops=pl.when(pl.int_range(pl.len()) > 0).then("flops"))
    assert run(one_missing)["jumps"]["axis"].unique().to_list() == ["log2_flops"]
    without = results.with_columns(flops=pl.lit(None, dtype=pl.Float64))
    assert run(without)["jumps"]["axis"].unique().to_list() == ["log2_parameters"]


def test_jumps_are_looked_for_over_steps_where_runs_are_measured_on_the_way(study: Study) -> None:
    last = study(families=1)
    results = pl.concat([last.with_columns(step=pl.lit(step, dtype=pl.Int64)) for step in (25, 50, 100)])
    assert run(results)["jumps"]["axis"].unique().sort().to_list() == ["log2_flops", "step"]


def test_margins_come_from_flops_where_one_run_has_none(study: Study) -> None:
    """A doubling of FLOPs is two of parameters: the margin is that of FLOPs, whatever one run lacks."""
    results = study(families=1).with_columns(size=pl.col("model").str.slice(3).cast(pl.Int64))
    parameters = (4 ** pl.col("size")).cast(pl.Int64)
    results = results.with_columns(flops=2.0 ** pl.col("size"), parameters=parameters).drop("size")
    settings = AuditSettings(draws=100)
    whole, part, without = (
        run(results.with_columns(flops=flops), settings=settings)["margins"]
        for flops in (
            pl.col("flops"),
            pl.when((pl.col("method") == "standard") & (pl.col("model") == "f0-1") & (pl.col("seed") == 0))
            .then(None)
            .otherwise("flops"),
            pl.lit(None, dtype=pl.Float64),
        )
    )
    assert part.equals(whole)
    assert without["doubling"].to_numpy() == pytest.approx(whole["doubling"].to_numpy() / 2)


def test_the_settings_are_told_and_each_verdict_has_its_levels(study: Study) -> None:
    settings = replace(QUICK, alpha=0.1, false_discovery_rate=0.2)
    found = run(study(), settings=settings, exposure={"pgd": 0.5})
    text = preregistration(settings, AREAS, exposure={"pgd": 0.5})
    assert found["settings"].rows() == [(preregistration_digest(text), 0.1, 0.2, 100, text)]
    assert set(found["verdicts"].select("alpha", "false_discovery_rate").rows()) == {(0.1, 0.2)}


def test_what_runs_were_made_with_is_told(study: Study) -> None:
    runs = study().select("domain", "dataset", "method", "model", "seed", "step").unique()
    old, new = (json.dumps({"processor": name}) for name in ("old", "new"))
    environment = pl.when(pl.col("method") == "shield").then(pl.lit(new)).otherwise(pl.lit(old))
    found = run(study(), provenance=runs.with_columns(environment=environment, stage=pl.lit("train")))
    assert found["environments"].select("processor", "runs").rows() == [("new", 24), ("old", 48)]
    assert found["crossings"].select("method", "field", "crossing", "pairs").rows() == [("shield", "processor", 24, 24)]
