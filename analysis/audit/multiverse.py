"""The multiverse of a claim: its label in every defensible analysis of the same results (Steegen et al. 2016).

Choices: the capability score (or clean accuracy alone), the ladder's shape (or the one that the test did not choose),
the margin of safety (or half, or twice), flagged runs (or without them), equal FLOPs beside equal epochs (or equal
epochs alone), and the units (models or pairs). Every combination is a whole audit, families of claims included; gates
stay. At a look they are held against its share of the levels, and claims that an earlier look has found have none. An
analysis that a claim has none of (no flagged runs, no equal FLOPs, no other unit) or that lacks the estimate
of D that the claim has is not possible for it.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import polars as pl

from analysis.audit.claims import claims
from analysis.audit.decision import LEAST_DF, tested
from analysis.audit.estimation import Estimated, estimated
from analysis.audit.grid import grids
from analysis.audit.looks import Look, first_judged
from analysis.audit.margins import margin_frame
from analysis.audit.removals import of_measurements
from analysis.audit.schema import MULTIVERSE, conformed
from analysis.audit.settings import AuditSettings, Margins
from analysis.audit.survivors import survivor_gates
from analysis.schema import CLAIM

ACCURACY = "clean accuracy as the score"
FACTORS = {  # the study's own choice is the empty one
    "score": ("", ACCURACY),
    "flagged": ("", "without flagged runs"),
    "shape": ("", "a straight ladder", "a curved ladder"),
    "units": ("", "models as units", "pairs as units"),
    "match": ("", "equal epochs alone"),
    "bound": ("", "half the margin", "twice the margin"),
}
SHAPES = {"a straight ladder": 0.0, "a curved ladder": 1.0}  # levels of the test for a curve
UNITS = {"models as units": 4, "pairs as units": 10**9}  # models from which on they are units
BOUNDS = {"half the margin": 0.5, "twice the margin": 2.0}
FEWEST_DRAWS = 100  # where models are the units no verdict rests on a draw


def multiverse(
    results: pl.DataFrame,
    scores: pl.DataFrame,
    accuracy: pl.DataFrame,
    verdicts: pl.DataFrame,
    settings: AuditSettings,
    seed: int,
    look: Look | None = None,
    planned: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """The table MULTIVERSE: a row for each claim of the primary tier, at a look of those that are `first_judged` by it.
    `verdicts` are those of the study's own audit, with `scores`; `accuracy` is the other score. Where pairs are units
    their bootstrap is drawn anew. planned: every run that was planned, as in `audit`. The same input and seed give the
    same table.
    """
    primary = verdicts.filter(pl.col("tier") == "primary")
    own = first_judged(primary, look, settings)
    if own.is_empty():
        return MULTIVERSE.empty()
    names = primary["measurement"].unique().sort().to_list()  # of the families, whatever an earlier look has found
    every = analyses(results, {"": scores, ACCURACY: accuracy}, own, names, settings, seed, look, planned)
    found = pl.concat(list(every))
    facts = own.select(
        *CLAIM, "label", own_unit="unit", known="beyond", flagged_runs=pl.col("flagged_runs").fill_null(0)
    )
    possible = found.join(facts, on=CLAIM).filter(
        pl.col("beyond").is_not_null() | pl.col("known").is_null(),
        (pl.col("flagged") == "") | (pl.col("flagged_runs") > 0),
        (pl.col("shape") == "") | ((pl.col("shape") == "a straight ladder") == pl.col("curved")),
        (pl.col("units") == "") | (pl.col("unit") != pl.col("own_unit")),
        (pl.col("match") == "") | pl.col("matched"),
    )
    choices = pl.concat_list(pl.col(name) for name in FACTORS).list.eval(pl.element().filter(pl.element() != ""))
    choice = pl.when(choices.list.len() == 1).then(choices.list.first())
    flips = pl.when(pl.col("label_then") != pl.col("label")).then(choice + ": " + pl.col("label_then"))
    rows = possible.group_by(CLAIM).agg(
        pl.col("label").first(),
        analyses=pl.len(),
        kept=(pl.col("label_then") == pl.col("label")).mean(),
        flips=flips.drop_nulls().sort().str.join("; "),
    )
    return conformed(rows, MULTIVERSE)


def analyses(
    results: pl.DataFrame,
    scores: dict[str, pl.DataFrame],
    own: pl.DataFrame,
    names: list[str],
    settings: AuditSettings,
    seed: int,
    look: Look | None,
    planned: pl.DataFrame | None,
) -> Iterator[pl.DataFrame]:
    """A row per claim and analysis: the choices, label_then, unit, beyond, curved (the ladder that the test chose),
    matched (held against the ladder at equal FLOPs).
    """
    for score, frame in scores.items():
        if frame.is_empty():
            continue
        fixed = settings if score == "" else replace(settings, margins=Margins(settings.margins.safety))
        every = [of_measurements(grid, names) for grid in grids(results, frame, fixed)]
        whole = [grid for grid in every if len(grid.measurements)]
        margins = [margin_frame(grid, fixed) for grid in whole]
        survived = [] if planned is None else [survivor_gates(grid, planned, fixed) for grid in whole]
        for flagged in FACTORS["flagged"] if own["flagged_runs"].sum() else ("",):
            parts = whole if flagged == "" else [grid.without_flagged() for grid in whole]
            curved = None
            for shape, units, variant in _estimations(own, fixed):
                rng = np.random.default_rng(seed)
                found = [estimated(grid, margin, variant, rng) for grid, margin in zip(parts, margins, strict=True)]
                curved = _curved(found) if curved is None else curved
                chosen = {"score": score, "flagged": flagged, "shape": shape, "units": units}
                for labels in _labels(found, survived, names, variant, look):
                    rows = labels.join(curved, on=["domain", "dataset", "measurement"], how="left")
                    yield rows.with_columns(pl.lit(value).alias(name) for name, value in chosen.items())


def _estimations(own: pl.DataFrame, settings: AuditSettings) -> Iterator[tuple[str, str, AuditSettings]]:
    """Shape, units and their settings; the study's own first."""
    of_pairs = own["unit"].eq("pair").any()
    wanted = {"models as units": of_pairs, "pairs as units": own["unit"].eq("model").any()}
    for units in ("", *(name for name, some in wanted.items() if some)):
        least = UNITS.get(units, settings.min_models)
        drawn = units != "models as units" and (of_pairs or units == "pairs as units")
        for shape in FACTORS["shape"]:
            level = SHAPES.get(shape, settings.curve_level)
            draws = settings.draws if drawn else FEWEST_DRAWS
            yield shape, units, replace(settings, min_models=least, curve_level=level, draws=draws)


def _labels(
    found: list[Estimated], survived: list[pl.DataFrame], names: list[str], settings: AuditSettings, look: Look | None
) -> Iterator[pl.DataFrame]:
    gates = pl.concat([*(each.gates for each in found), *survived])
    rows = pl.concat([each.rows for each in found], how="diagonal_relaxed")
    matched = rows.filter(pl.col("match") == "flops").select(CLAIM).unique().with_columns(matched=True)
    for match in FACTORS["match"] if len(matched) else ("",):
        for bound in FACTORS["bound"]:
            parts = [_changed(each, match, BOUNDS.get(bound, 1.0), settings) for each in found]
            labels, _ = claims(parts, gates, names, settings, look)
            chosen = [pl.lit(match).alias("match"), pl.lit(bound).alias("bound")]
            labels = labels.select(*CLAIM, "unit", "beyond", *chosen, label_then="label")
            yield labels.join(matched, on=CLAIM, how="left").with_columns(pl.col("matched").fill_null(False))


def _changed(each: Estimated, match: str, factor: float, settings: AuditSettings) -> Estimated:
    rows = each.rows if match == "" else each.rows.filter(pl.col("match") == "epochs")
    if factor != 1:
        rows = tested(rows.with_columns(pl.col("margin") * factor), settings, LEAST_DF)
    return replace(each, rows=rows)


def _curved(found: list[Estimated]) -> pl.DataFrame:
    schema = {**dict.fromkeys(("domain", "dataset", "measurement"), pl.String), "curved": pl.Boolean}
    drawn = [each.curves.select(list(schema)).unique() for each in found if len(each.curves)]
    return pl.concat(drawn) if drawn else pl.DataFrame(schema=schema)
