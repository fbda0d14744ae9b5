"""Levels with a sensor that pays for every step on it, which is worth nothing: a misspecified reward (Pan et al. 2022,
arXiv 2201.03544)."""

from pipelines.control.condition import Condition


def condition() -> Condition:
    """No options."""
    return Condition("sensor")
