"""Gates: what must hold before a verdict is given. A blocking gate that fails makes the verdict BLOCKED; the others
are shown beside it.
"""

from collections.abc import Mapping

import numpy as np
import polars as pl

from analysis.audit.decision import LEAST_DF
from analysis.audit.estimands import Estimate
from analysis.audit.grid import Grid
from analysis.audit.ladder import Ladder
from analysis.audit.margins import seed_spread
from analysis.audit.schema import GATES
from analysis.audit.settings import AuditSettings
from analysis.audit.units import SAME_COMPUTE
from analysis.scales import Floats
from analysis.schema import TASK

SATURATED = (0.05, 0.95)
FEW_RUNGS = 8
NO_LADDER = "no ladder"
Gate = tuple[str, bool, bool, str]  # name, passed, blocking, detail


def gate_frame(
    grid: Grid,
    found: list[tuple[int, int, list[Estimate], Ladder | None]],
    beyond_df: Mapping[tuple[str, str], float],
    settings: AuditSettings,
) -> pl.DataFrame:
    """domain, dataset, method, measurement, gate, passed, blocking, detail. found: method and measurement indices,
    estimate, ladder. beyond_df: D's degrees of freedom by method and measurement.
    """
    rows = []
    for method, column, matches, ladder in found:
        estimate, compared = (matches[0] if matches else None), len(matches) > 1
        claim = grid.methods[method], str(grid.measurements["measurement"][column])
        gates = [_saturation(grid, method, column), *_flags(grid, method, column, settings), _sensitivity(grid, column)]
        gates += [
            _pairs(estimate, settings),
            _matched(estimate, compared, settings),
            _rungs(ladder, settings),
            _range(estimate, ladder, beyond_df[claim], settings),
            _reliability(ladder),
        ]
        for gate, passed, blocking, detail in gates:
            rows.append((*claim, gate, passed, blocking, detail))
    frame = pl.DataFrame(
        rows, schema={name: dtype for name, dtype in GATES.columns.items() if name not in TASK}, orient="row"
    )
    return frame.select(pl.lit(grid.domain).alias("domain"), pl.lit(grid.dataset).alias("dataset"), pl.all())


def _saturation(grid: Grid, method: int, column: int) -> Gate:
    return saturation(
        saturated(grid, column), grid.value[..., column], grid.value[0, ..., column], grid.value[method, ..., column]
    )


def saturated(grid: Grid, column: int) -> tuple[float, float]:
    """Below and above which means of a measurement tell nothing: of a share; not at 0 on a logarithm's scale, which is
    for errors that small.
    """
    about = grid.measurements.row(column, named=True)
    if not about["share"] or about["scale"] == "identity":
        return -np.inf, np.inf
    return SATURATED[0] if about["scale"] == "logit" else -np.inf, SATURATED[1]


def saturation(ends: tuple[float, float], every: Floats, baseline: Floats, method: Floats) -> Gate:
    """Whether a measurement can change: not where all its values are one, nor where the means of the baseline and the
    method are both beyond the same one of these ends. A baseline at an end that the method leaves is an effect.
    """
    known = every[np.isfinite(every)]
    if len(known) and np.ptp(known) == 0:
        return "saturation", False, True, f"{known[0]:.3g} in every run, so that it tells none apart"
    if np.isinf(ends).all():
        return "saturation", True, True, ""
    means = [float(v[np.isfinite(v)].mean()) if np.isfinite(v).any() else 0.5 for v in (baseline, method)]
    low, high = max(means) < ends[0], min(means) > ends[1]
    return "saturation", not (low or high), True, f"baseline {means[0]:.3f}, method {means[1]:.3f}"


def _flags(grid: Grid, method: int, column: int, settings: AuditSettings) -> list[Gate]:
    gates = []
    for name, index in (("validity", method), ("baseline validity", 0)):
        measured = np.isfinite(grid.y[index, ..., column])
        bad = int((grid.blocked[index, ..., column] & measured).sum())
        passed = bad <= settings.max_flagged * measured.sum()
        gates.append(
            (
                name,
                bool(passed),
                True,
                f"{bad} of {int(measured.sum())} runs carry {' or '.join(settings.blocking_flags)}",
            )
        )
    return gates


def _sensitivity(grid: Grid, column: int) -> Gate:
    # Shown, never blocking: a measurement that scale doesn't move is just where safety can be separate from capability.
    runs = grid.y[0, ..., column]
    means = np.array([row[np.isfinite(row)].mean() for row in runs if np.isfinite(row).any()])
    seeds = seed_spread(runs)
    over = float(means.std(ddof=1)) if len(means) > 1 else 0.0
    return "moves with scale", over > 3 * seeds, False, f"SD over models {over:.3g}, over seeds {seeds:.3g}"


def _pairs(estimate: Estimate | None, settings: AuditSettings) -> Gate:
    if estimate is None:
        return (
            "pairs",
            False,
            False,
            f"too few runs paired with the baseline by model and seed: at least {settings.min_pairs} are needed",
        )
    return "pairs", True, False, f"{estimate.units.pairs} pairs over {len(np.unique(estimate.units.models))} models"


def _matched(estimate: Estimate | None, compared: bool, settings: AuditSettings) -> Gate:
    if not settings.equal_flops:
        return "equal FLOPs", False, False, "not asked for: held against the ladder at equal epochs alone"
    if compared:
        return "equal FLOPs", True, False, "held against the ladder at equal training FLOPs, too"
    flops = np.zeros((0, 2)) if estimate is None else estimate.units.flops
    if len(flops) and np.isfinite(flops).all() and np.abs(flops[:, 0] - flops[:, 1]).max() < SAME_COMPUTE:
        return "equal FLOPs", True, False, "the method costs what the baseline costs"
    return (
        "equal FLOPs",
        False,
        False,
        "not matched on training FLOPs: none stored, or no baseline of the family as large",
    )


def _rungs(ladder: Ladder | None, settings: AuditSettings) -> Gate:
    if ladder is None:
        return (
            "ladder",
            False,
            False,
            f"{NO_LADDER}: the baseline needs at least {settings.min_rungs} models of different capability",
        )
    return "ladder", len(ladder.rungs) >= FEW_RUNGS, False, f"{len(ladder.rungs)} rungs, {FEW_RUNGS} recommended"


def _range(estimate: Estimate | None, ladder: Ladder | None, beyond_df: float, settings: AuditSettings) -> Gate:
    if estimate is None or ladder is None:
        return "range", False, False, "not known"
    inside, all_units, kind = estimate.in_range, len(estimate.units.models), estimate.units.kind
    if np.isfinite(estimate.beyond.point).all() and beyond_df < LEAST_DF:
        strata = f"in {inside - estimate.beyond.df} families" if kind == "model" else "of too few models"
        return "range", False, False, f"D rests on {inside} {kind}s {strata}, too few"
    return range_gate(bool(np.isfinite(estimate.beyond.point).all()), inside, all_units, kind, settings)


def range_gate(known: bool, inside: int, every: int, kind: str, settings: AuditSettings) -> Gate:
    """Whether D is known, by how many models or pairs the ladder covers; and, where they would be enough, that it does
    not cover the mean of all.
    """
    enough = inside >= max(settings.min_pairs, every / 2)
    detail = f"the ladder covers {inside} of {every} {kind}s"
    return "range", known, False, detail + ", but not the mean of their capability" * (enough and not known)


def _reliability(ladder: Ladder | None) -> Gate:
    if ladder is None:
        return "capability reliability", False, False, "not known"
    return "capability reliability", ladder.reliability >= 0.9, False, f"{ladder.reliability:.2f}, corrected for"
