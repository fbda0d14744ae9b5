"""Standard training on more documents: a control that raises capability alone."""

from pipelines.supervised.methods.more_data import method

__all__ = ["method"]
