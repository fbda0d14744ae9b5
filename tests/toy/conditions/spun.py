"""The spins, moved."""


def condition(*, by: float = 0.0):
    return by
