"""Standard training: the player's own payoff. The baseline every other method is paired with."""

from pipelines.games.method import Method


def method() -> Method:
    """No options. Cost 1."""
    return Method()
