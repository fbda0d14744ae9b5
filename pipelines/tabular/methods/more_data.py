"""Standard training on more examples: a control that raises capability alone."""

from pipelines.supervised.methods.more_data import method

__all__ = ["method"]
