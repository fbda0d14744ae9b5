"""Standard training: cross-entropy on the data as they are. The baseline every other method is paired with."""

from pipelines.supervised.methods.standard import method

__all__ = ["method"]
