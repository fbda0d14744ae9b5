"""Jumps of a study: the curves of its standard runs over scale or step, judged, one row per curve."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from scipy.stats import false_discovery_control

from analysis.jumps.artefact import Companion, pushed_through
from analysis.jumps.comparison import ALPHA, Comparison
from analysis.jumps.curve import Curve, CurveError, curve_over_scale, curves_over_steps
from analysis.jumps.curves import Axis, curves, matrix
from analysis.jumps.decision import Judged, judge, runs_needed
from analysis.jumps.labels import JUMP, METRIC_ARTEFACT, UNDETERMINED, label
from analysis.jumps.mixture import Mixture, mixture
from analysis.jumps.resolution import extent, proposed, stays_sharp
from analysis.jumps.schema import JUMP_FITS, JUMPS, KEY
from analysis.schema import checked

COMPANIONS = {"accuracy": "negative_log_likelihood", "worst_group_accuracy": "negative_log_likelihood"}
PROBABILITIES = ("probability_correct",)  # companions whose link is "all tokens right"
FEW = 199  # replicates where a rough number will do
SMALLEST = 0.1  # of the metric's range


@dataclass(frozen=True)
class _Examined:
    """A curve with all that is known of it; `judged` is None where it is too thin, for the reason given."""

    key: dict[str, str]
    metric: str
    condition: str
    rows: pl.DataFrame
    comparison: Comparison | None = None
    judged: Judged | None = None
    mixed: Mixture | None = None
    reason: str = ""
    p: float = 1.0
    p_acceleration: float = 1.0

    @property
    def beside(self) -> tuple[str, ...]:
        """Where its companion is, but for the metric."""
        return (*(self.key[name] for name in KEY if name != "measurement"), self.condition)


def jumps(
    results: pl.DataFrame,
    *,
    axis: Axis,
    rng: np.random.Generator,
    draws: int = 999,
    warmup: int = 1,
    ranges: Mapping[str, float] | None = None,
    companions: Mapping[str, str] = COMPANIONS,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The tables JUMPS, one row per curve, and JUMP_FITS, both fits at each of its positions.

    `results` is the table RESULTS; the axis, the warm-up and which curves there are: see `curves`. `ranges` is the
    width of a metric's range by its name, of which the smallest jump of interest is a tenth; a metric not in it has
    the range of its values in the study. `companions` names the continuous metric beside a thresholded one, under the
    same condition. A curve of fewer than 8 positions is UNDETERMINED, with its reason.
    """
    found = curves(results, axis=axis, warmup=warmup)
    groups = found.partition_by(KEY, maintain_order=True)
    sources = rng.spawn(len(groups))
    widths = _smallest(found, ranges or {})
    examined = [_examined(rows, widths, axis, draws, source) for rows, source in zip(groups, sources, strict=True)]
    examined = _adjusted(examined)
    places = {(*each.beside, each.metric): each for each in examined}
    rows = []
    for each, source in zip(examined, sources, strict=True):
        companion = places.get((*each.beside, companions.get(each.metric, "")))
        rows.append(_row(each, companion, each.metric in companions, axis, draws, source))
    frame = _confirmed(pl.DataFrame(rows, schema=JUMPS.columns))
    fits = [_fits(each.key, each.comparison) for each in examined if each.comparison is not None]
    return checked(frame, JUMPS), checked(pl.concat([JUMP_FITS.empty(), *fits]), JUMP_FITS)


def _smallest(found: pl.DataFrame, ranges: Mapping[str, float]) -> dict[str, float]:
    """The smallest jump of interest of each measurement, in its metric's unit; above 0 even where no value differs."""
    result = {}
    for measurement, metric, span in (
        found.group_by("measurement", "metric").agg(pl.col("value").max() - pl.col("value").min()).iter_rows()
    ):
        result[measurement] = SMALLEST * (ranges.get(metric, span) or 1.0)
    return result


def _examined(
    rows: pl.DataFrame, smallest: Mapping[str, float], axis: Axis, draws: int, rng: np.random.Generator
) -> _Examined:
    one = rows.row(0, named=True)
    plain = _Examined({name: one[name] for name in KEY}, one["metric"], one["condition"], rows)
    try:
        comparison = Comparison(_curve(rows, axis))
    except CurveError as error:
        return replace(plain, reason=str(error))
    judged = judge(comparison, smallest[one["measurement"]], draws=draws, rng=rng)
    x, values = rows["x"].to_numpy(), rows["value"].to_numpy()
    mixed = None if axis == "step" else mixture(x, values, draws=draws, rng=rng)
    return replace(plain, comparison=comparison, judged=judged, mixed=mixed)


def _curve(rows: pl.DataFrame, axis: Axis) -> Curve:
    if axis == "step":
        return curves_over_steps(*matrix(rows))
    errors = rows["standard_error"].fill_null(np.nan).to_numpy()
    return curve_over_scale(rows["x"].to_numpy(), rows["value"].to_numpy(), errors)


def _adjusted(examined: list[_Examined]) -> list[_Examined]:
    """The p values of all judged curves, adjusted by Benjamini and Hochberg (1995)."""
    judged = [each.judged for each in examined if each.judged is not None]
    if not judged:
        return examined
    p = iter(false_discovery_control([each.p for each in judged]))
    p_acceleration = iter(false_discovery_control([each.p_acceleration for each in judged]))
    return [
        each if each.judged is None else replace(each, p=float(next(p)), p_acceleration=float(next(p_acceleration)))
        for each in examined
    ]


def _row(
    each: _Examined, companion: _Examined | None, thresholded: bool, axis: Axis, draws: int, rng: np.random.Generator
) -> dict[str, Any]:
    row: dict[str, Any] = {**dict.fromkeys(JUMPS.columns), **each.key, "axis": axis, "confirmed": False, "proposed": []}
    row |= {"points": each.rows["x"].n_unique(), "noise": "", "label": UNDETERMINED, "reason": each.reason}
    if each.judged is None or each.comparison is None:
        return row
    judged, jump = each.judged, each.judged.jump
    beside = None
    if companion is not None and companion.judged is not None:
        beside = Companion(companion.judged, companion.p, companion.p_acceleration)
    mixed = each.mixed is not None and each.mixed.found
    row["label"], row["reason"] = label(judged, each.p, each.p_acceleration, companion=beside, seeds_mixed=mixed)
    row |= {name: getattr(jump, name) for name in JUMPS.columns if hasattr(jump, name)}
    row |= {name: getattr(judged, name) for name in ("p", "log10_bayes_factor", "power", "smallest")}
    row |= {"p_adjusted": each.p, "p_acceleration": each.p_acceleration, "noise": each.comparison.curve.noise}
    row["p_one_group"] = None if each.mixed is None else each.mixed.p_one_group
    if companion is not None and companion.comparison is not None:
        row["companion"] = companion.key["measurement"]
        if row["label"] == METRIC_ARTEFACT:
            row |= _artefact(each, companion, row["reason"], draws, rng)
            if row["label"] != METRIC_ARTEFACT:
                return row  # more runs of its own would not decide it
    if row["label"] == JUMP:
        row["proposed"] = proposed(each.comparison.curve.x, jump).tolist()
        row["reason"] += "; no companion to check it" if thresholded and row["companion"] is None else ""
    if row["label"] == UNDETERMINED:
        needed = runs_needed(each.comparison, judged.smallest, draws=min(draws, FEW), rng=rng)
        row["reason"] += (
            "; more positions are needed" if needed is None else f"; {needed} times as many runs would decide it"
        )
    return row


def _artefact(
    each: _Examined, companion: _Examined, reason: str, draws: int, rng: np.random.Generator
) -> dict[str, Any]:
    """What is known of a curve whose companion does not jump with it: whether the companion, pushed through what links
    the two, explains it; UNDETERMINED where it does not.
    """
    if each.comparison is None or companion.comparison is None:
        return {}
    if not _same_positions(each.comparison, companion.comparison):
        return {"reason": f"{reason}; it has other positions, so that whether it explains the curve is open"}
    probability, pair = companion.metric in PROBABILITIES, (each.comparison, companion.comparison)
    p = pushed_through(*pair, probability=probability, draws=min(draws, FEW), rng=rng).p
    if p > ALPHA:
        return {"p_pushed_through": p}
    return {"p_pushed_through": p, "label": UNDETERMINED, "reason": f"{reason}, and does not explain it: p = {p:.2g}"}


def _same_positions(first: Comparison, second: Comparison) -> bool:
    return np.array_equal(first.curve.x, second.curve.x) and len(first.curve.y) == len(second.curve.y)


def _confirmed(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with a jump confirmed where the same measurement of the same family and model jumps in another dataset
    of the domain, at an overlapping change point.
    """
    place = ["domain", "family", "model", "measurement"]
    found = frame.filter(pl.col("label") == JUMP)
    pairs = found.join(found, on=place, suffix="_other").filter(
        pl.col("dataset") != pl.col("dataset_other"),
        pl.col("change_low") <= pl.col("change_high_other"),
        pl.col("change_low_other") <= pl.col("change_high"),
    )
    again = pairs.select(KEY).unique().with_columns(again=pl.lit(True))
    return frame.join(again, on=KEY, how="left").with_columns(confirmed=pl.col("again").fill_null(False)).drop("again")


def confirmed_by_refinement(judged: pl.DataFrame, refined: pl.DataFrame) -> pl.DataFrame:
    """The table JUMPS with what came of runs inside brackets: a jump that stayed as abrupt is confirmed, one that did
    not says so. `refined` holds the jumps as they were before, with fewer positions.
    """
    before = {tuple(row[name] for name in KEY): row for row in refined.iter_rows(named=True)}
    rows = []
    for row in judged.iter_rows(named=True):
        former = before.get(tuple(row[name] for name in KEY))
        if former and row["label"] == JUMP and row["points"] > former["points"]:
            sharp = stays_sharp(extent(former), extent(row))
            said = "as abrupt with runs inside its bracket" if sharp else "wider with runs inside its bracket"
            row |= {"confirmed": row["confirmed"] or sharp, "reason": f"{row['reason']}; {said}"}
        rows.append(row)
    return checked(pl.DataFrame(rows, schema=JUMPS.columns), JUMPS)


def _fits(key: dict[str, str], comparison: Comparison) -> pl.DataFrame:
    """Both fits, the mean over curves that are fitted on their own."""
    curve = comparison.curve
    columns = {
        "x": curve.x,
        "observed": curve.y.mean(axis=0),
        "spread": curve.spread,
        **{name: np.mean([fit.at(curve.u) for fit in comparison.fit(name)], axis=0) for name in ("smooth", "jump")},
    }
    frame = pl.DataFrame(columns).with_columns(pl.col("spread").fill_nan(None))
    return frame.with_columns(**{name: pl.lit(value) for name, value in key.items()}).select(*JUMP_FITS.columns)
