"""Standard training of a wider model: a control that raises capability alone."""

from pipelines.supervised.methods.wider import method

__all__ = ["method"]
