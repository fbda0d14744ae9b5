"""Whether a jump of a thresholded metric is made by the metric: the same outputs, scored by a continuous companion."""

from dataclasses import dataclass

import numpy as np

from analysis.jumps.comparison import ALPHA, Comparison, Fit, p_value
from analysis.jumps.decision import Judged
from analysis.jumps.families import Array

STEEPNESS = np.concatenate([-np.geomspace(64, 0.5, 29), np.geomspace(0.5, 64, 29)])
THRESHOLDS = np.linspace(-0.5, 1.5, 41)  # on the companion's range
TOKENS = np.geomspace(1, 256, 65)  # that must all be right
GRADUAL = ("smooth", "between", "kink")


@dataclass(frozen=True)
class PushedThrough:
    """The discrete curve that a companion without a jump predicts: the link (`all tokens right` or `threshold`), its
    values (fits, points), and the predictive p that the observed curve lies as far from it by chance.
    """

    link: str
    predicted: Array
    p: float


@dataclass(frozen=True)
class Companion:
    """What was judged of the continuous companion, with its adjusted p values."""

    judged: Judged
    p: float
    p_acceleration: float

    @property
    def departs(self) -> bool:
        """Whether it departs from every smooth curve, abruptly or not."""
        return self.judged.flags(self.p) or self.p_acceleration < ALPHA

    def jumps_with(self, discrete: Judged) -> bool:
        """Whether it flags too and the 90 % intervals of both change points overlap: the change is not the metric's."""
        first, second = discrete.jump, self.judged.jump
        overlap = first.change_low <= second.change_high and second.change_low <= first.change_high
        return self.judged.flags(self.p) and overlap


def pushed_through(
    discrete: Comparison, companion: Comparison, *, probability: bool, draws: int, rng: np.random.Generator
) -> PushedThrough:
    """The companion's best fit without a jump, pushed through a link to the discrete metric (a proportion in [0, 1],
    at the same x): p^L if the companion is a probability p, else a threshold on a margin, P(companion + logistic
    noise > t).

    L, or the threshold and its steepness, are chosen to fit; replicates of both curves are refitted in the same way.
    """
    u, predictions, distances = discrete.curve.u, [], np.zeros(1 + draws)
    deviation = np.sqrt(discrete.variance / discrete.curve.weights) * discrete.scale
    for observed, fit in zip(discrete.curve.y, _gradual(companion), strict=True):
        fitted = fit.at(u)
        links = _links(fitted, fitted, probability)
        chosen, distance = _nearest(links, observed, deviation)
        predictions.append(links[chosen])
        distances[0] += distance
        redrawn = zip(discrete.noise(draws, rng), companion.noise(draws, rng), strict=True)
        for draw, (noise, noise_companion) in enumerate(redrawn):
            links = _links(companion.refitted(fitted + noise_companion, GRADUAL), fitted, probability)
            distances[1 + draw] += _nearest(links, predictions[-1] + noise, deviation)[1]
    link = "all tokens right" if probability else "threshold"
    return PushedThrough(link, np.array(predictions), p_value(distances[0], distances[1:]))


def _gradual(companion: Comparison) -> list[Fit]:
    """Each row's best fit without a jump."""
    fits = [companion.fit(name) for name in GRADUAL]
    return [min(of_row, key=lambda fit: fit.rss) for of_row in zip(*fits, strict=True)]


def _links(companion: Array, scale: Array, probability: bool) -> Array:
    """The discrete curves that a companion (points,) can give, (links, points)."""
    if probability:
        result: Array = np.clip(companion, 0, 1) ** TOKENS[:, None]
        return result
    z = (companion - scale.min()) / max(float(np.ptp(scale)), 1e-300)
    steepness, threshold = (each.ravel()[:, None] for each in np.meshgrid(STEEPNESS, THRESHOLDS))
    shape: Array = 1 / (1 + np.exp(-np.clip(steepness * (z - threshold), -500, 500)))
    return shape


def _nearest(links: Array, values: Array, deviation: Array) -> tuple[int, float]:
    """The link nearest to the values in standard deviations, and its squared distance."""
    distance = (((links - values) / deviation) ** 2).sum(axis=1)
    return int(distance.argmin()), float(distance.min())
