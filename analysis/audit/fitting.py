"""Least squares on a line or a natural cubic spline, for many weights at once."""

import numpy as np

from analysis.audit.grid import Ints
from analysis.scales import Floats


def natural_basis(x: Floats, knots: Floats) -> Floats:
    """The natural cubic spline's two terms [..., 2]: x itself, and the bend, which is linear outside the knots
    (Harrell 2015).
    """
    low, middle, high = knots
    width = high - low
    cubes = [np.maximum(x - knot, 0.0) ** 3 for knot in knots]
    bend = cubes[0] - cubes[1] * (high - low) / (high - middle) + cubes[2] * (middle - low) / (high - middle)
    return np.stack([(x - middle) / width, bend / width**3], axis=-1)


def weighted_fit(design: Floats, y: Floats, weights: Floats) -> Floats:
    """Least-squares coefficients [draw, term, measurement] under weights [draw, point]; a ridge of 1e-9 keeps every
    draw solvable. design: [point, term] or [draw, point, term]; y: [point, measurement] or of each draw, too.
    """
    weighted = (weights[:, :, None] * design).swapaxes(1, 2)
    gram = weighted @ design
    gram += 1e-9 * np.trace(gram, axis1=1, axis2=2)[:, None, None] * np.eye(design.shape[-1])
    return np.asarray(np.linalg.solve(gram, weighted @ y), np.float64)


def fits_without(design: Floats, y: Floats, groups: Ints) -> Floats:
    """Least-squares coefficients [1 + group, term, measurement] by the sums of the whole less those of a group, with
    the ridge of `weighted_fit`; NaN where the group is all there is.
    """
    parts = [groups == group for group in range(int(groups.max()) + 1)]
    grams = np.stack([design[part].T @ design[part] for part in parts])
    moments = np.stack([design[part].T @ y[part] for part in parts])
    gram = np.concatenate([grams.sum(0)[None], grams.sum(0) - grams])
    gram += 1e-9 * np.trace(gram, axis1=1, axis2=2)[:, None, None] * np.eye(design.shape[1])
    moment = np.concatenate([moments.sum(0)[None], moments.sum(0) - moments])
    found = np.full_like(moment, np.nan)
    some = np.array([True, *(not part.all() for part in parts)])
    found[some] = np.linalg.solve(gram[some], moment[some])
    return found
