"""Mixup: pairs of inputs and of labels, mixed in the same proportion (Zhang et al. 2018, arXiv 1710.09412)."""

from pipelines.supervised.methods.mixup import TUNED, method

__all__ = ["TUNED", "method"]
