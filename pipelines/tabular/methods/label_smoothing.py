"""Label smoothing: a share of each target is spread over all classes (Szegedy et al. 2016, arXiv 1512.00567)."""

from pipelines.supervised.methods.label_smoothing import TUNED, method

__all__ = ["TUNED", "method"]
