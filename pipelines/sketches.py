"""Small drawings as SVG, in the colours of the page around them: `ink`, `soft`, `true`, `false` and what a
domain draws with are its classes.
"""

from collections.abc import Mapping, Sequence
from html import escape

Points = Sequence[tuple[float, float]]
BAR, HIGH = 7, 28  # the width that a bar takes, and the height of one of probability 1


def drawing(width: float, height: float, body: str, said: str, *, scale: float = 1) -> str:
    """A drawing with its coordinates from 0 to width and height, and what a reader who can't see it is told."""
    size = f'width="{width * scale:g}" height="{height * scale:g}" viewBox="0 0 {width:g} {height:g}"'
    return f'<svg {size} role="img" aria-label="{escape(said)}">{body}</svg>'


def path(steps: str, look: str = "ink") -> str:
    """A path of SVG's own steps, in one of the page's colours."""
    return f'<path class="{look}" d="{steps}"/>'


def line(points: Points, look: str = "ink") -> str:
    """A line through points."""
    return path("M" + "L".join(f"{_short(x)} {_short(y)}" for x, y in points), look)


def dot(x: float, y: float, radius: float, look: str = "ink") -> str:
    """A dot, filled unless it is a ring."""
    full = "" if look == "ring" else " full"
    return f'<circle class="{look}{full}" cx="{_short(x)}" cy="{_short(y)}" r="{radius:g}"/>'


def cross(x: float, y: float, reach: float, look: str = "false") -> str:
    """Two strokes that cross."""
    there, back = f"M{_short(x - reach)} {_short(y - reach)}l{2 * reach:g} {2 * reach:g}", f"m0 {-2 * reach:g}"
    return path(f"{there}{back}l{-2 * reach:g} {2 * reach:g}", look)


def letter(x: float, y: float, text: str, look: str = "ink") -> str:
    """Text that is centred at a point."""
    return f'<text class="{look}" x="{_short(x)}" y="{_short(y)}">{escape(text)}</text>'


def bars(shares: Sequence[float], marks: Mapping[str, int], said: str) -> str:
    """A bar for each share from 0 to 1; below it a dot where it is marked `true`, a cross where it is `false`."""
    steps = "".join(f"M{BAR * place + 3} {HIGH}v{_short(-HIGH * share)}" for place, share in enumerate(shares))
    below = HIGH + 5
    shapes = {"true": lambda x: dot(x, below, 2.2, "true"), "false": lambda x: cross(x, below, 2)}
    marked = "".join(shapes[look](BAR * place + 3) for look, place in marks.items())
    base = path(f"M0 {HIGH + 0.5}h{BAR * len(shares)}", "soft")
    return drawing(BAR * len(shares), HIGH + 9, f'<g class="bars">{path(steps)}</g>{base}{marked}', said)


def series(values: Sequence[float], said: str, *, step: float = 12, marks: Points = ()) -> str:
    """A line of values, the highest at the top, over a line at 0 where they pass it."""
    low, high = min(values), max(values)
    span = (high - low) or 1.0

    def y(value: float) -> float:
        return 3 + HIGH * (high - value) / span

    zero = path(f"M0 {_short(y(0))}h{step * (len(values) - 1):g}", "soft") if low < 0 < high else ""
    points = [(step * place + 2, y(value)) for place, value in enumerate(values)]
    ends = "".join(dot(step * place + 2, y(value), 2) for place, value in marks)
    return drawing(step * (len(values) - 1) + 4, HIGH + 6, zero + line(points) + ends, said)


def _short(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0").replace("-0.0", "0")
