"""What a study of n seeds (or pairs) can show before any of it is run. Exact under normal paired differences; no
simulation.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import integrate, optimize, stats

MOST = 1000  # pairs: a study that would need more is told that no number decides
TINY = 1e-12


def detectable_effect(n: int, sd: float = 1.0, *, alpha: float = 0.05, power: float = 0.8, claims: int = 1) -> float:
    """The effect beyond the margin that a one-sided paired t test finds with the wanted power, in the units of `sd`.

    `sd` is the SD of the paired differences, `claims` the size of the family the level is divided by (Bonferroni;
    Benjamini-Hochberg lies between this and claims = 1). Noncentral t, n - 1 degrees of freedom. Raises ValueError
    for n below 2 or a level outside (0, 1).
    """
    _check(n, sd, alpha, power, claims)
    critical = stats.t.isf(alpha / claims, n - 1)
    excess = optimize.brentq(lambda ncp: stats.nct.sf(critical, n - 1, ncp) - power, 0.0, 20 * critical + 20)
    return float(excess) * sd / float(np.sqrt(n))


def equivalence_halfwidth(n: int, sd: float = 1.0, *, alpha: float = 0.05, power: float = 0.8) -> float:
    """The narrowest margin within which two one-sided t tests (Schuirmann 1987) show equivalence with the wanted
    power at a true effect of 0.
    """
    _check(n, sd, alpha, power, 1)
    upper = 20 * float(stats.t.isf(alpha, n - 1)) + 20
    return float(optimize.brentq(lambda width: equivalence_power(width, n, alpha=alpha) - power, 0.0, upper)) * sd


def equivalence_power(width: float, n: int, *, alpha: float = 0.05, effect: float = 0.0) -> float:
    """The probability that two one-sided t tests at level alpha place an effect within +-width, both in SDs of the
    paired difference.
    """
    critical, df, root = stats.t.isf(alpha, n - 1), n - 1, np.sqrt(n)

    def given_spread(s: float) -> float:
        room = width * root - critical * s
        inside = stats.norm.cdf(room - effect * root) - stats.norm.cdf(-room - effect * root)
        return float(inside * 2 * df * s * stats.chi2.pdf(df * s * s, df))

    # nearly all of the spreads, among which quad would not find them on a wide interval
    least, most = np.sqrt(stats.chi2.ppf(TINY, df) / df), np.sqrt(stats.chi2.isf(TINY, df) / df)
    most = min(most, width * root / critical)
    return float(integrate.quad(given_spread, least, most, limit=200)[0]) if least < most else 0.0


def pairs_needed(effect: float, sd: float, *, alpha: float = 0.05, power: float = 0.8) -> int | None:
    """The fewest pairs with which an effect this far beyond its margin is found; None above 1000. Normal with
    Guenther's (1981) correction.
    """
    if effect <= 0:
        return None
    return _fewest(stats.norm.cdf(effect * _corrected_roots(alpha) / max(sd, TINY) - stats.norm.isf(alpha)), power)


def pairs_for_equivalence(
    effect: float, width: float, sd: float, *, alpha: float = 0.05, power: float = 0.8
) -> int | None:
    """The fewest pairs with which an effect of this size is shown to lie within +-width; None above 1000. Guenther's
    correction, as above.
    """
    if abs(effect) >= width:
        return None
    roots, critical = _corrected_roots(alpha) / max(sd, TINY), stats.norm.isf(alpha)
    below, above = (
        stats.norm.cdf((width - effect) * roots - critical),
        stats.norm.cdf((width + effect) * roots - critical),
    )
    return _fewest(below + above - 1, power)


def _corrected_roots(alpha: float) -> NDArray[np.float64]:
    # Guenther 1981: the t test on n pairs is about the normal test on n - z^2/2
    shift = float(stats.norm.isf(alpha)) ** 2 / 2
    return np.asarray(np.sqrt(np.maximum(np.arange(2, MOST + 1) - shift, 0.0)))


def _fewest(reached: NDArray[np.float64], power: float) -> int | None:
    enough = np.flatnonzero(reached >= power)
    return int(enough[0]) + 2 if len(enough) else None


def _check(n: int, sd: float, alpha: float, power: float, claims: int) -> None:
    if n < 2:
        raise ValueError(f"a paired test needs at least 2 pairs, not {n}")
    if sd < 0:
        raise ValueError(f"a standard deviation is at least 0, not {sd}")
    if claims < 1:
        raise ValueError(f"a family holds at least 1 claim, not {claims}")
    for name, value in (("alpha", alpha), ("power", power)):
        if not 0 < value < 1:
            raise ValueError(f"{name} lies between 0 and 1, not {value}")
