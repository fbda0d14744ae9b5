"""What a measurement restates: its correlation with capability in three populations, a label, and a null that has
mechanical coupling only.
"""

import numpy as np
import polars as pl
from numpy.random import Generator

from analysis.audit.fitting import natural_basis, weighted_fit
from analysis.audit.grid import Grid, Ints
from analysis.audit.settings import AuditSettings
from analysis.audit.weights import stratified_weights
from analysis.bootstrap import resampled_spearman
from analysis.scales import Floats

DETERMINED = 0.8  # of the ladder's R2: its lower bound above this
SEPARABLE = 0.4  # of the ladder's |rho|: its upper bound below this
COUPLINGS = {
    "brier_score": "error",
    "negative_log_likelihood": "error",
    "area_under_risk_coverage": "risk-coverage",
    "worst_group_accuracy": "accuracy",
    "accuracy": "accuracy",
}
LEAST_RUNGS = 5


def restatements(grid: Grid, settings: AuditSettings, rng: Generator) -> pl.DataFrame:
    """One row per safety measurement: label, ladder R2 and Spearman's rho along the ladder, across methods and
    pooled, coupling's null.

    Ladder: the baseline's models, means over seeds; 95 % intervals resample models. Method: within models, ranks
    taken over the methods of one model, then averaged over models. Pooled: all runs, no interval. coupled_*: rho
    along the ladder in the null of `coupling_null`. label: capability-determined, separable or mixed; null with fewer
    than five rungs.
    """
    rows = []
    for m, about in enumerate(grid.measurements.iter_rows(named=True)):
        if about["axis"] == "safety":
            rows.append(
                {"measurement": about["measurement"], "metric": about["metric"], **_row(grid, m, settings, rng)}
            )
    frame = pl.DataFrame(rows, schema=_SCHEMA)
    return frame.select(pl.lit(grid.domain).alias("domain"), pl.lit(grid.dataset).alias("dataset"), pl.all())


_SCHEMA = {"measurement": pl.String, "metric": pl.String, "label": pl.String, "rungs": pl.Int64}
_NUMBERS = ("r2", "r2_lower", "r2_upper", "rho_ladder", "rho_lower", "rho_upper", "rho_method", "rho_pooled")
_SCHEMA |= dict.fromkeys((*_NUMBERS, "coupled_lower", "coupled_upper", "p_coupled"), pl.Float64)


def coupling_null(value: Floats, accuracy: Floats, kind: str, draws: int, rng: Generator) -> Floats:
    """Values [draw, model] that keep the coupling with accuracy and nothing else.

    accuracy: value = accuracy x quality (robust accuracy can't exceed clean accuracy). error: value = error x quality
    (Brier, NLL). risk-coverage: the quality is where AURC lies between a perfect and a random ranking at that error
    (Geifman et al. 2019). The qualities are permuted over models.
    """
    error = 1 - accuracy
    if kind == "accuracy":
        low, width = np.zeros_like(error), np.maximum(accuracy, 1e-9)
    elif kind == "error":
        low, width = np.zeros_like(error), np.maximum(error, 1e-9)
    else:
        low = error + (1 - error) * np.log(np.maximum(1 - error, 1e-9))
        width = np.maximum(error - low, 1e-9)
    quality = (value - low) / width
    shuffled = rng.permuted(np.tile(quality, (draws, 1)), axis=1)
    return np.asarray(low + width * shuffled)


def spearman(x: Floats, y: Floats) -> float:
    """Spearman's correlation; NaN where one does not vary."""
    return float(resampled_spearman(x, y[:, None], np.ones((1, len(x))))[0, 0])


def _row(grid: Grid, m: int, settings: AuditSettings, rng: Generator) -> dict[str, float | int | str | None]:
    y, c = grid.y[..., m], grid.capability
    known = np.isfinite(y) & np.isfinite(c)
    rungs = np.flatnonzero(known[0].any(1))
    row: dict[str, float | int | str | None] = {
        "label": None,
        "rungs": len(rungs),
        "rho_method": _rho_method(y, c),
        "rho_pooled": None,
    }
    if known.sum() >= LEAST_RUNGS:
        row["rho_pooled"] = _finite(spearman(c[known], y[known]))
    if len(rungs) < LEAST_RUNGS:
        return row
    weights, _ = stratified_weights(grid.families[rungs], settings.draws, rng)
    x_mean, y_mean = (np.array([v[0, k][known[0, k]].mean() for k in rungs]) for v in (c, y))
    fit = _explained(x_mean, y_mean, np.ones((1, len(rungs))))[0]
    fits, rhos = _explained(x_mean, y_mean, weights), resampled_spearman(x_mean, y_mean[:, None], weights)[:, 0]
    bounds = [
        float(np.nanquantile(v, q)) if np.isfinite(v).any() else np.nan for v in (fits, rhos) for q in (0.025, 0.975)
    ]
    names = ("r2_lower", "r2_upper", "rho_lower", "rho_upper")
    row |= {"r2": _finite(fit), "rho_ladder": _finite(spearman(x_mean, y_mean))}
    row |= {name: _finite(bound) for name, bound in zip(names, bounds, strict=True)}
    separable = max(abs(bounds[2]), abs(bounds[3])) < SEPARABLE
    row["label"] = "capability-determined" if bounds[0] > DETERMINED else "separable" if separable else "mixed"
    return row | _coupled(grid, m, rungs, x_mean, settings, rng)


def _coupled(
    grid: Grid, m: int, rungs: Ints, capability: Floats, settings: AuditSettings, rng: Generator
) -> dict[str, float | None]:
    names = list(grid.measurements["measurement"])
    kind = settings.couplings.get(names[m], COUPLINGS.get(grid.measurements["metric"][m]))
    if kind is None or settings.clean_accuracy not in names:
        return {}
    clean = grid.value[0, rungs][..., names.index(settings.clean_accuracy)]
    value = grid.value[0, rungs][..., m]
    both = np.isfinite(clean) & np.isfinite(value)
    if not both.any(1).all():
        return {}
    means = [np.array([v[k][both[k]].mean() for k in range(len(rungs))]) for v in (value, clean)]
    sign = 1 if grid.measurements["higher_is_better"][m] else -1
    drawn = sign * coupling_null(means[0], means[1], kind, settings.draws, rng)
    null = resampled_spearman(capability, drawn.T, np.ones((1, len(rungs))))[0]
    observed = spearman(capability, sign * means[0])
    if not np.isfinite(null).all() or not np.isfinite(observed):
        return {}
    low, high = np.quantile(null, [0.025, 0.975])
    tail = min((null >= observed).sum(), (null <= observed).sum())
    return {
        "coupled_lower": float(low),
        "coupled_upper": float(high),
        "p_coupled": float(min(1.0, 2 * (tail + 1) / (len(null) + 1))),
    }


def _rho_method(y: Floats, c: Floats) -> float | None:
    found = []
    for model in range(y.shape[1]):
        known = np.isfinite(y[:, model]) & np.isfinite(c[:, model])
        methods = np.flatnonzero(known.any(1))
        if len(methods) >= 3:
            means = [np.array([v[k, model][known[k]].mean() for k in methods]) for v in (c, y)]
            found.append(spearman(*means))
    finite = [rho for rho in found if np.isfinite(rho)]
    return float(np.mean(finite)) if finite else None


def _explained(x: Floats, y: Floats, weights: Floats) -> Floats:
    """R2 [draw] of the three-knot spline, adjusted for its three parameters; NaN where the rungs' capability is too
    clumped for one.
    """
    knots = np.quantile(x, [0.1, 0.5, 0.9])
    if np.diff(knots).min() <= 1e-9:
        return np.full(len(weights), np.nan)
    design = np.column_stack([np.ones(len(x)), natural_basis(x, knots)])
    share = weights / weights.sum(1, keepdims=True)
    fitted = np.einsum("kp,bp->bk", design, weighted_fit(design, y[:, None], share)[..., 0])
    total = (share * (y - (share @ y)[:, None]) ** 2).sum(1)
    unexplained = (share * (y - fitted) ** 2).sum(1) / np.maximum(total, 1e-300)
    return np.asarray(1 - unexplained * (len(x) - 1) / (len(x) - 3))


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
