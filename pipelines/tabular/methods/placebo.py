"""Standard training that sees the data in another order: a control in which the audit should find nothing."""

from pipelines.supervised.methods.placebo import method

__all__ = ["method"]
