"""Numbers of things in words."""


def several(count: int, one: str) -> str:
    """A number of things: `1 model`, `2,000 models`, `3 families`."""
    many = f"{one[:-1]}ie" if one.endswith("y") else one
    return f"{count:,} {one if count == 1 else many + 's'}"
