"""Group DRO: the loss of the groups of examples that are worst off (Sagawa et al. 2020, arXiv 1911.08731)."""

from pipelines.supervised.methods.group_dro import TUNED, method

__all__ = ["TUNED", "method"]
