"""Stochastic weight averaging: the mean of the weights over the last part of the training (Izmailov et al. 2018,
arXiv 1803.05407)."""

from pipelines.supervised.methods.weight_averaging import TUNED, method

__all__ = ["TUNED", "method"]
