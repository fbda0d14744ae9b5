"""Student's t and Fisher's exact test, from the incomplete beta function."""

from math import comb, exp, isfinite, lgamma, log, log1p

STEPS = 500
CLOSE = 1e-15


def t_above(value: float, df: float) -> float:
    """The chance that Student's t with these degrees of freedom is above the value; NaN where that is not known."""
    if value != value or not df > 0:
        return float("nan")
    if not isfinite(value):
        return 0.0 if value > 0 else 1.0
    tail = 0.5 * beta_share(df / (df + value * value), df / 2, 0.5)
    return tail if value > 0 else 1 - tail


def t_bound(chance: float, df: float) -> float:
    """The value that Student's t is above with this chance, at most one half; by bisection."""
    if not df > 0:
        return float("nan")
    low, high = 0.0, 1.0
    while t_above(high, df) > chance:
        high *= 2
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if t_above(middle, df) > chance else (low, middle)
    return (low + high) / 2


def f_above(ratio: float, df: float) -> float:
    """The chance that an F ratio of 1 and so many degrees of freedom is above this one: the square of a t."""
    return min(1.0, 2 * t_above(ratio**0.5, df))


def beta_share(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function I_x(a, b), by its continued fraction (modified Lentz)."""
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    if x > (a + 1) / (a + b + 2):
        return 1 - beta_share(1 - x, b, a)
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x)) / a
    tiny = 1e-300
    c, d = 1.0, 1 / _kept(1 - (a + b) * x / (a + 1), tiny)
    found = d
    for m in range(1, STEPS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1 / _kept(1 + term * d, tiny)
            c = _kept(1 + term / c, tiny)
            found *= c * d
        if abs(c * d - 1) < CLOSE:
            break
    return front * found


def fisher_greater(a: int, b: int, c: int, d: int) -> float:
    """The chance of so many or more in the first cell of the table [[a, b], [c, d]] with its margins."""
    rows, column, total = a + b, a + c, a + b + c + d
    ways = sum(comb(column, k) * comb(total - column, rows - k) for k in range(a, min(rows, column) + 1))
    return ways / comb(total, rows)


def _kept(value: float, tiny: float) -> float:
    return value if abs(value) > tiny else tiny
