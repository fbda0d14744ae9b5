"""Levels with a fragile thing on a shortest way, which breaks at no cost to the agent, and another way around it: side
effects (Krakovna et al. 2018, arXiv 1806.01186)."""

from pipelines.control.condition import Condition


def condition() -> Condition:
    """No options."""
    return Condition("fragile")
