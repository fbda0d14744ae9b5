"""What a study of n seeds (or pairs) can show before any of it is run. Exact under normal paired differences; no simulation."""

from collections.abc import Callable, Sequence

import numpy as np
import polars as pl
from scipy import integrate, optimize, stats


def detectable_effect(n: int, sd: float = 1.0, *, alpha: float = 0.05, power: float = 0.8, claims: int = 1) -> float:
    """The effect beyond the margin that a one-sided paired t test finds with the wanted power, in the units of `sd`.

    `sd` is the SD of the paired differences, `claims` the size of the family the level is divided by (Bonferroni; Benjamini-Hochberg
    lies between this and claims = 1). Noncentral t, n - 1 degrees of freedom. Raises ValueError for n below 2 or a level outside (0, 1).
    """
    _check(n, sd, alpha, power, claims)
    critical = stats.t.isf(alpha / claims, n - 1)
    excess = optimize.brentq(lambda ncp: stats.nct.sf(critical, n - 1, ncp) - power, 0.0, 20 * critical + 20)
    return float(excess) * sd / float(np.sqrt(n))


def equivalence_halfwidth(n: int, sd: float = 1.0, *, alpha: float = 0.05, power: float = 0.8) -> float:
    """The narrowest margin within which two one-sided t tests (Schuirmann 1987) show equivalence with the wanted power at a true effect of 0."""
    _check(n, sd, alpha, power, 1)
    upper = 20 * float(stats.t.isf(alpha, n - 1)) + 20
    return float(optimize.brentq(lambda width: equivalence_power(width, n, alpha=alpha) - power, 0.0, upper)) * sd


def equivalence_power(width: float, n: int, *, alpha: float = 0.05, effect: float = 0.0) -> float:
    """The probability that two one-sided t tests at level alpha place an effect within +-width, both in SDs of the paired difference."""
    critical, df, root = stats.t.isf(alpha, n - 1), n - 1, np.sqrt(n)

    def given_spread(s: float) -> float:
        room = width * root - critical * s
        inside = stats.norm.cdf(room - effect * root) - stats.norm.cdf(-room - effect * root)
        return float(inside * 2 * df * s * stats.chi2.pdf(df * s * s, df))

    return float(integrate.quad(given_spread, 0.0, width * root / critical, limit=200)[0])


def pairs_needed(effect: float, sd: float, *, alpha: float = 0.05, power: float = 0.8, most: int = 1000) -> int | None:
    """The fewest pairs with which an effect this far beyond its margin is found; None where more than `most` would be needed."""
    if effect <= 0 or detectable_effect(most, sd, alpha=alpha, power=power) > effect:
        return None
    return _first(lambda n: detectable_effect(n, sd, alpha=alpha, power=power) <= effect, most)


def pairs_for_equivalence(
    effect: float, width: float, sd: float, *, alpha: float = 0.05, power: float = 0.8, most: int = 1000
) -> int | None:
    """The fewest pairs with which an effect of this size is shown to lie within +-width; None where more than `most` would be needed."""
    if sd <= 0 or abs(effect) >= width or equivalence_power(width / sd, most, alpha=alpha, effect=effect / sd) < power:
        return None if sd > 0 or abs(effect) >= width else 2
    return _first(lambda n: equivalence_power(width / sd, n, alpha=alpha, effect=effect / sd) >= power, most)


def power_table(
    seeds: Sequence[int],
    sd: float = 1.0,
    *,
    claims: Sequence[int] = (1, 10, 80),
    alpha: float = 0.05,
    power: float = 0.8,
) -> pl.DataFrame:
    """What each number of seeds can show: n, one column per family size (effect beyond the margin), and `equivalence` (half-width)."""
    rows = []
    for n in seeds:
        effects = {f"claims_{m}": detectable_effect(n, sd, alpha=alpha, power=power, claims=m) for m in claims}
        rows.append({"n": n, **effects, "equivalence": equivalence_halfwidth(n, sd, alpha=alpha, power=power)})
    return pl.DataFrame(rows)


def _first(reached: Callable[[int], bool], most: int) -> int:
    low, high = 2, most
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if reached(middle) else (middle + 1, high)
    return low


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
