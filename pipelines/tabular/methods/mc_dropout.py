"""Monte Carlo dropout: the mean of the probabilities over dropout masks (Gal & Ghahramani 2016, arXiv 1506.02142)."""

from pipelines.supervised.methods.mc_dropout import TUNED, method

__all__ = ["TUNED", "method"]
