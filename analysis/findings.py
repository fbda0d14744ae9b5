"""Everything the analysis says of a study, as named tables."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import polars as pl

from analysis.agreement import agreement_on_the_line
from analysis.audit.comparison import comparisons
from analysis.audit.externalities import externalities
from analysis.audit.fragility import fragility
from analysis.audit.grid import grids
from analysis.audit.looks import Look, first_judged
from analysis.audit.preregistration import preregistration, settings_table
from analysis.audit.schema import (
    COMPARISONS,
    ESTIMATES,
    EXTERNALITIES,
    FRAGILITY,
    GATES,
    LADDER,
    MARGINS,
    PILLARS,
    RESTATEMENTS,
    SELECTION,
    VERDICTS,
    conformed,
)
from analysis.audit.selection import ledger, planned_runs, selection_tests
from analysis.audit.settings import AuditSettings, Margins
from analysis.audit.verdicts import audit
from analysis.capability import SCORES, at_last_step, capability_scores, capability_weights, score_deviations
from analysis.correlation import capability_correlation
from analysis.effects import paired_effects
from analysis.environments import crossings, environments
from analysis.jumps.curves import Axis
from analysis.jumps.forecasts import forecasts
from analysis.jumps.schema import FORECASTS, JUMP_FITS, JUMPS
from analysis.jumps.table import confirmed_by_refinement, jumps
from analysis.reliability import reliability
from analysis.risk import risks
from analysis.scales import distances_from_targets
from analysis.schema import CLAIM, RUN, TASK, TableError, checked
from analysis.tables import AGREEMENT_LINE, CAPABILITY, PROVENANCE, RESULTS

SCORE = "pc1"  # the capability score that verdicts hold safety against
SENSITIVITY = "clean_accuracy"  # and the one they are held against again
AUDITED = (VERDICTS, ESTIMATES, LADDER, RESTATEMENTS, PILLARS, GATES, MARGINS, EXTERNALITIES, FRAGILITY, COMPARISONS)


def findings(
    results: pl.DataFrame,
    runs: pl.DataFrame,
    *,
    seed: int,
    areas: Mapping[str, str] | None = None,
    settings: AuditSettings | None = None,
    replicates: pl.DataFrame | None = None,
    refined: pl.DataFrame | None = None,
    agreement: pl.DataFrame | None = None,
    exposure: Mapping[str, float] | None = None,
    provenance: pl.DataFrame | None = None,
    look: Look | None = None,
) -> dict[str, pl.DataFrame]:
    """The findings by name, each as the table of that name: capability, capability_weights, correlations, effects,
    reliability, risks, agreement_line, settings, environments, crossings, ledger, selection, jumps, jump_fits,
    forecasts, and the audit's tables (see `audited`).

    `results` is the table RESULTS, in which a metric with a target is analysed as the distance from it; `runs` has
    every planned run: domain, dataset, method, model, family, parameters,
    seed, status (finished or failed) and reason; `replicates` what each value of a run (domain, dataset, method, model,
    seed, measurement) moves by, `deviations`, in draws of the test examples that all runs share; `refined` the jumps,
    as the table JUMPS, that runs were added for inside their brackets; `agreement` between runs, as that table;
    `exposure` to hazards, by condition; `provenance` what the runs were made with, as that table; `look` which
    of the study's looks it is. The same input and seed give the same tables. Raises TableError where `results` is not
    that table or a data set has no standard run.
    """
    measured = checked(results, RESULTS)
    results = distances_from_targets(measured)
    settings = settings or AuditSettings()
    scores = checked(pl.concat([capability_scores(results, score=score) for score in SCORES]), CAPABILITY)
    sources = [np.random.default_rng([seed, number]) for number in range(4)]
    planned = planned_runs(runs, results)
    judged, fits = _jumps(results, settings.draws, sources[2])
    judged = judged if refined is None else confirmed_by_refinement(judged, refined)
    axis = _scale_axis(results)
    foreseen = forecasts(results, axis=axis, draws=settings.draws, rng=sources[3]) if axis else FORECASTS.empty()
    effects = paired_effects(results, scores)
    weights = capability_weights(results)
    held, scored = (results, scores) if replicates is None else with_deviations(measured, scores, replicates, weights)
    audit_tables = audited(held, scored, areas or {}, settings, sources[1], look, planned)
    made = PROVENANCE.empty() if provenance is None else provenance
    fixed = preregistration(settings, areas or {}, exposure=exposure or {})
    return {
        "capability": scores,
        "capability_weights": weights,
        "correlations": capability_correlation(results, scores, draws=settings.draws, rng=sources[0]),
        "effects": effects,
        "ledger": ledger(planned),
        "selection": conformed(selection_tests(planned), SELECTION),
        "jumps": judged,
        "jump_fits": fits,
        "forecasts": foreseen,
        **audit_tables,
        "verdicts": with_difference(audit_tables["verdicts"], effects),
        "reliability": reliability(scores, scored),
        "risks": risks(results, exposure or {}),
        "settings": settings_table(settings, fixed),
        "environments": environments(made),
        "crossings": crossings(made),
        "agreement_line": AGREEMENT_LINE.empty() if agreement is None else agreement_on_the_line(agreement),
    }


def with_deviations(
    results: pl.DataFrame, scores: pl.DataFrame, replicates: pl.DataFrame, weights: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Results of the last steps, as measured before, as distances where the metric has a target, and the capability
    scores, each with its deviations over draws of the test examples; null where they are not known.
    """
    held = distances_from_targets(at_last_step(results).join(replicates, on=[*RUN, "measurement"], how="left"))
    whole = held.filter(pl.col("part") == "all")
    return held, scores.join(score_deviations(whole, weights), on=[*RUN, "score_name"], how="left")


def with_difference(verdicts: pl.DataFrame, effects: pl.DataFrame) -> pl.DataFrame:
    """The verdicts with the mean difference as measured, which their own scale does not show."""
    differences = effects.select(*CLAIM, pl.col("effect").alias("difference"))
    return checked(verdicts.drop("difference").join(differences, on=CLAIM, how="left"), VERDICTS)


def audited(
    results: pl.DataFrame,
    scores: pl.DataFrame,
    areas: Mapping[str, str],
    settings: AuditSettings,
    rng: np.random.Generator,
    look: Look | None = None,
    planned: pl.DataFrame | None = None,
) -> dict[str, pl.DataFrame]:
    """The audit's tables: verdicts, estimates, ladder, restatements, pillars, gates, margins, externalities,
    fragility and comparisons.

    `areas` is the measurement that stands for each area; without any, every safety measurement is an area of its own.
    An area whose measurement has no results has no verdict; nor has anything where there is no capability score.
    """
    safety = results.filter(pl.col("axis") == "safety", pl.col("part") == "all")["measurement"].unique().sort()
    if safety.is_empty():
        return {table.name: table.empty() for table in AUDITED}
    named = {measurement: area for area, measurement in areas.items() if measurement in safety}
    named = named or ({} if areas else {name: name for name in safety})
    score, accuracy = (scores.filter(pl.col("score_name") == name) for name in (SCORE, SENSITIVITY))
    if score.is_empty() and settings.baseline in results["method"]:
        return {table.name: table.empty() for table in AUDITED}
    try:
        found = audit(results, score, primary=list(named), settings=settings, rng=rng, look=look, planned=planned)
        about = _about(results, score, settings)
        again = _by_accuracy(results, accuracy, list(named), settings, rng, look, planned)
        fragile = fragility(results, score, found.verdicts, found.margins, settings, look)
        compared = comparisons(results, score, found.verdicts, found.margins, settings)
    except ValueError as error:
        raise TableError(f"results: {error}") from error
    area = pl.col("measurement").replace_strict(named, default=None, return_dtype=pl.String)
    verdicts = found.verdicts.join(about, on=[*TASK, "measurement"], how="left").with_columns(
        area=area,
        placebo=pl.col("method").is_in(settings.placebos),
        alpha=settings.alpha,
        false_discovery_rate=settings.false_discovery_rate,
    )
    verdicts = verdicts.join(again, on=CLAIM, how="left")
    frames = (verdicts, found.effects, found.curves, found.restatements, found.pillars, found.gates, found.margins)
    tables = [conformed(frame, table) for frame, table in zip(frames, AUDITED, strict=False)]
    tables += [externalities(found), fragile, compared]
    return {table.name: frame for frame, table in zip(tables, AUDITED, strict=True)}


def _by_accuracy(
    results: pl.DataFrame,
    accuracy: pl.DataFrame,
    primary: list[str],
    settings: AuditSettings,
    rng: np.random.Generator,
    look: Look | None,
    planned: pl.DataFrame | None,
) -> pl.DataFrame:
    """The claims held against clean accuracy alone in place of the component: CLAIM, label_by_accuracy,
    beyond_by_accuracy. The capability margin is then that of the ladder. At a look, those that are `first_judged`.
    """
    if accuracy.is_empty():
        schema = {**dict.fromkeys((*CLAIM, "label_by_accuracy"), pl.String), "beyond_by_accuracy": pl.Float64}
        return pl.DataFrame(schema=schema)
    own = replace(settings, margins=Margins(settings.margins.safety))
    found = audit(results, accuracy, primary=primary, settings=own, rng=rng, look=look, planned=planned).verdicts
    return first_judged(found, look, settings).select(*CLAIM, pl.col("label", "beyond").name.suffix("_by_accuracy"))


def _about(results: pl.DataFrame, score: pl.DataFrame, settings: AuditSettings) -> pl.DataFrame:
    """The scale of each measurement, its direction, and the baseline's mean value."""
    frames = []
    for grid in grids(results, score, settings):
        known = [values[np.isfinite(values)] for values in np.moveaxis(grid.value[0], -1, 0)]
        means = [float(values.mean()) if len(values) else None for values in known]
        about = grid.measurements.select("measurement", "higher_is_better", "scale")
        place = {"domain": pl.lit(grid.domain), "dataset": pl.lit(grid.dataset)}
        frames.append(about.with_columns(**place, baseline=pl.Series(means, dtype=pl.Float64)))
    return pl.concat(frames)


def _jumps(results: pl.DataFrame, draws: int, rng: np.random.Generator) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Jumps over scale (training FLOPs, or parameters where no FLOPs are stored), and over training steps where runs
    are measured on the way.
    """
    axis = _scale_axis(results)
    if axis is None:
        return JUMPS.empty(), JUMP_FITS.empty()
    several = _standard(results).group_by(*RUN, "measurement").agg(steps=pl.col("step").n_unique())["steps"].max()
    ranges = _ranges(results)
    over = [jumps(results, axis=axis, rng=rng, draws=draws, ranges=ranges)]
    if isinstance(several, int) and several > 1:
        over.append(jumps(results, axis="step", rng=rng, draws=draws, ranges=ranges))
    return checked(pl.concat([j for j, _ in over]), JUMPS), checked(pl.concat([f for _, f in over]), JUMP_FITS)


def _ranges(results: pl.DataFrame) -> dict[str, float]:
    """The width of each metric's range, where one is declared that ends."""
    width = pl.col("upper").max() - pl.col("lower").min()
    of = results.group_by("metric").agg(width=width).filter(pl.col("width").is_finite())
    return dict(of.select("metric", "width").iter_rows())


def _standard(results: pl.DataFrame) -> pl.DataFrame:
    return results.filter(pl.col("method") == "standard", pl.col("part") == "all")


def _scale_axis(results: pl.DataFrame) -> Axis | None:
    """Training FLOPs, or parameters where no FLOPs are stored; None without a standard run."""
    standard = _standard(results)
    if standard.is_empty():
        return None
    return "log2_flops" if standard["flops"].null_count() < len(standard) else "log2_parameters"
