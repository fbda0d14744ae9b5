"""Invariant risk minimisation: one last layer that is best in every environment at once (IRMv1; Arjovsky et al. 2019,
arXiv 1907.02893)."""

from pipelines.supervised.methods.irm import TUNED, method

__all__ = ["TUNED", "method"]
