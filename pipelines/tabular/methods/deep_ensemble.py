"""Deep ensemble: the mean of the probabilities of networks trained from different weights (Lakshminarayanan et al.
2017, arXiv 1612.01474)."""

from pipelines.supervised.methods.deep_ensemble import method

__all__ = ["method"]
