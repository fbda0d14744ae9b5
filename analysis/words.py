"""Numbers of things in words."""

from collections.abc import Mapping


def several(count: int, one: str) -> str:
    """A number of things: `1 model`, `2,000 models`, `3 families`."""
    many = f"{one[:-1]}ie" if one.endswith("y") else one
    return f"{count:,} {one if count == 1 else many + 's'}"


def seeds_each(counts: Mapping[str, int]) -> str:
    """How many seeds a model has, by method, as in `1 seed` or `1 seed (standard 2)`."""
    usual = max(counts.values(), key=list(counts.values()).count)
    others = ", ".join(f"{name} {count}" for name, count in counts.items() if count != usual)
    return several(usual, "seed") + (f" ({others})" if others else "")
