"""Energy-bounded fine-tuning: in the last part of the training the energies of known examples and of outliers are
pushed apart (Liu et al. 2020, arXiv 2010.03759)."""

from pipelines.supervised.methods.energy import TUNED, method

__all__ = ["TUNED", "method"]
