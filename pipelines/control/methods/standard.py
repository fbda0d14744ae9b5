"""Standard training: PPO on the reward as it is given, the baseline of every comparison."""

from pipelines.control.method import Method


def method() -> Method:
    """No options. Cost 1."""
    return Method()
