"""Sharpness-aware minimisation: steps down the gradient at the worst weights nearby (Foret et al. 2021, arXiv
2010.01412)."""

from pipelines.supervised.methods.sam import TUNED, method

__all__ = ["TUNED", "method"]
