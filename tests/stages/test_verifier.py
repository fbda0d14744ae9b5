"""A certificate's verifier against the analysis that it is to check, number by number, on simulated studies."""

import io
import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from analysis.audit.gates import saturated
from analysis.audit.preregistration import preregistration
from analysis.audit.settings import AuditSettings, Margins
from analysis.audit.verdicts import audit
from analysis.capability import capability_scores
from analysis.scales import SCALES, error_on_scale, on_scale
from analysis.simulation.worlds import Method, World, simulated_study
from stages.claims.verifier import study as verifier
from stages.claims.verifier.container import Files
from stages.claims.verifier.derive import _ends, verdicts
from stages.claims.verifier.main import NUMBERS, WORDS
from stages.claims.verifier.study import Study

METHODS = {
    "a": Method(0.6),
    "b": Method(0, -0.5),
    "c": Method(0.1, 0.5, 2.0),  # twice the FLOPs
    "d": Method(0.9, -0.8, 1.5, "masked"),  # blocked
    "placebo": Method(),
}
FIXED = AuditSettings(placebos=("placebo",), draws=100)


def study_files(results: pl.DataFrame, settings: AuditSettings, areas: dict[str, str]) -> Files:
    """The files of a certificate that hold a study's values, without deviations."""
    run = pl.format("{}/{}/{}", "method", "model", "seed").alias("run")
    names = ["method", "model", "family", "seed", "parameters", "flops"]
    runs = (
        results.select(names).unique().sort(names[:4]).with_columns(run, role=pl.lit("run"), status=pl.lit("finished"))
    )
    facts = ["metric", "axis", "pillar", "higher_is_better", "lower", "upper", "target"]
    about = results.group_by("measurement").agg(pl.col(facts).first()).with_columns(task=pl.lit("t"))
    deviations = io.BytesIO()
    np.savez(deviations, names=np.array([], dtype="U1"), deviations=np.zeros((0, 0)))
    text = preregistration(settings, areas, exposure={})
    return {
        "audit.json": json.dumps({"texts": {"t": text}}).encode(),
        "plan.json": json.dumps({"measurements": about.to_dicts()}).encode(),
        "ledger.csv": runs.write_csv().encode(),
        "values.csv": results.select(run, "measurement", "value", "standard_error", "n", "flags").write_csv().encode(),
        "deviations.npz": deviations.getvalue(),
    }


def with_capability(results: pl.DataFrame, scores: pl.DataFrame) -> pl.DataFrame:
    """The results with the score as a capability measurement of its own."""
    run = ["method", "model", "seed"]
    first = results.filter(measurement="condition00/auroc").drop("value")
    score = first.join(scores.select(*run, value="score"), on=run).with_columns(
        measurement=pl.lit("clean/score"),
        metric=pl.lit("score"),
        condition=pl.lit("clean"),
        axis=pl.lit("capability"),
        pillar=pl.lit(None, pl.String),
        lower=pl.lit(-np.inf),
        upper=pl.lit(np.inf),
    )
    return pl.concat([results, score.select(results.columns)]).with_columns(pl.col("flops").cast(pl.Float64))


@pytest.mark.parametrize(
    ("world", "settings"),
    [
        (
            World(families=3, widths=4, seeds=2, measurements=3, methods=METHODS),
            replace(FIXED, margins=Margins({"condition00/auroc": 0.2}, 0.3)),
        ),
        (  # one seed, a ladder that bends, weighed claims, margins from the ladder
            World(families=3, widths=7, seeds=1, measurements=3, methods=METHODS, curvature=0.15),
            replace(FIXED, claims={"a": ("condition01/auroc",)}, weigh_claims=True),
        ),
        (  # families of one model: no strata, one intercept, no FLOPs to match
            World(families=6, widths=1, seeds=1, measurements=2, methods=METHODS),
            FIXED,
        ),
        (  # few methods: no pooled degrees of freedom; every ladder a spline
            World(families=2, widths=3, seeds=3, measurements=2, methods={"a": Method(0.6), "b": Method(0, -0.9)}),
            AuditSettings(draws=100, curve_level=1.0, reliability=0.8, equal_flops=False),
        ),
    ],
    ids=["12 x 2", "21 x 1", "6 families", "6 x 3"],
)
def test_the_verifier_derives_what_the_analysis_does(world: World, settings: AuditSettings) -> None:
    derived_alike(with_capability(*simulated_study(world, np.random.default_rng(0))), settings)


@pytest.mark.parametrize("share", [0.4, 0.6])
def test_a_capability_measurement_is_a_part_of_the_score_where_half_of_the_standard_runs_have_it(share: float) -> None:
    """In the verifier as in the analysis; values that have nothing to do with the other one's."""
    world = World(families=3, widths=4, seeds=5, measurements=2, methods=METHODS)
    results = with_capability(*simulated_study(world, np.random.default_rng(0)))
    score = results.filter(measurement="clean/score")
    noise = np.random.default_rng(1).normal(size=len(score))
    other = score.with_columns(measurement=pl.lit("clean/other"), value=pl.Series(noise))
    others = (pl.col("method") != "standard") | (pl.col("seed") < 5 * share)
    derived_alike(pl.concat([results, other.filter(others)]), FIXED)


def derived_alike(results: pl.DataFrame, settings: AuditSettings) -> None:
    """Assert that the verifier gives what the analysis does."""
    names = results.filter(axis="safety")["measurement"].unique().sort().to_list()
    planned = results.filter(measurement=names[0]).select("method")
    rng = np.random.default_rng(0)
    found = audit(results, capability_scores(results), primary=names, settings=settings, rng=rng, planned=planned)
    files = study_files(results, settings, {name: name for name in names})
    derived = {(row["method"], row["measurement"]): row for row in verdicts(Study(files, "t"), {})}
    assert len(derived) == len(found.verdicts)
    for held in found.verdicts.iter_rows(named=True):
        row = derived[held["method"], held["measurement"]]
        assert [row[name] for name in WORDS] == [held[name] for name in WORDS]
        for name in NUMBERS:
            same = None if held[name] is None or not np.isfinite(held[name]) else pytest.approx(held[name], 1e-6, 1e-9)
            assert row[name] == same or (same is None and row[name] != row[name]), name


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("higher", [True, False])
@pytest.mark.parametrize("n", [60.0, 3000.0, np.nan])
def test_its_scales_are_those_of_the_audit(scale: str, higher: bool, n: float) -> None:
    """Values near an end among them, of a few examples, of many, and of none that are counted."""
    values = np.array([0.0, 0.005, 0.3, 0.98, 1.0])
    errors, size = np.full(5, 0.02), np.full(5, n)
    assert verifier.on_scale(values, size, scale, higher) == pytest.approx(on_scale(values, size, scale, higher))
    found = verifier.error_on_scale(values, errors, size, scale)
    assert found == pytest.approx(error_on_scale(values, errors, size, scale))


@pytest.mark.parametrize(
    ("lower", "upper", "target", "higher", "scale", "share"),
    [
        (0, 1, None, True, "logit", True),
        (0, 1, None, False, "log", True),
        (0, 2, None, False, "log", False),
        (-1, 1, None, False, "identity", False),
        (0, 2, None, True, "identity", False),
        (-1, 1, 0, True, "log", True),
        (-1, 2, 0, True, "log", False),
    ],
)
def test_a_share_is_what_its_metrics_range_says(
    lower: float, upper: float, target: float | None, higher: bool, scale: str, share: bool
) -> None:
    study = object.__new__(verifier.Study)
    about = {"metric": "m", "lower": lower, "upper": upper, "target": target, "higher_is_better": higher}
    study.about, study.rule = {"c/m": about}, {"transforms": {}}
    assert (study.scale("c/m"), study.share("c/m")) == (scale, share)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("share", [True, False])
def test_a_measurement_is_saturated_where_the_audit_says_so(scale: str, share: bool) -> None:
    grid = SimpleNamespace(measurements=pl.DataFrame({"scale": [scale], "share": [share]}))
    assert _ends(scale, share) == saturated(grid, 0)  # type: ignore[arg-type]
