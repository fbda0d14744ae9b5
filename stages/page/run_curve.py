"""A value over the steps of a run, as a small drawing."""

from collections.abc import Callable, Sequence

from pipelines.sketches import drawing, line, path

WIDE, HIGH = 170, 56  # of a curve, in pixels
FEWEST = 3  # steps of a curve
MOST_DOTS = 12  # steps of a curve that are marked


def curve(name: str, points: Sequence[tuple[int, float]], shown: Callable[[float], str]) -> dict[str, str]:
    """What a curve says, with its drawing."""
    (first, begins), (last, ends) = points[0], points[-1]
    said = f"{name}: {shown(begins)} at step {first}, {shown(ends)} at step {last}"
    return {"said": said, "drawing": _drawn(points, said)}


def _drawn(points: Sequence[tuple[int, float]], said: str) -> str:
    """Values over steps, the highest at the top."""
    (first, _), (last, _) = points[0], points[-1]
    low, high = min(value for _, value in points), max(value for _, value in points)
    placed = [
        (
            3 + (WIDE - 6) * (step - first) / max(1, last - first),
            3 + (HIGH - 6) * (high - value) / ((high - low) or 1.0),
        )
        for step, value in points
    ]
    marks = "".join(f"M{x:.1f} {y:.1f}h0" for x, y in placed) if len(placed) <= MOST_DOTS else ""
    return drawing(WIDE, HIGH, line(placed) + (path(marks, "dots") if marks else ""), said)
