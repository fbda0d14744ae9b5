"""Weight decay, decoupled from the gradient (Loshchilov & Hutter 2019, arXiv 1711.05101)."""

from pipelines.supervised.methods.weight_decay import TUNED, method

__all__ = ["TUNED", "method"]
