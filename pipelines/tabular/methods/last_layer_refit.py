"""Deep feature reweighting: after standard training the last layer is fitted again, with every group of examples
weighing the same (Kirichenko et al. 2023, arXiv 2204.02937)."""

from pipelines.supervised.methods.last_layer_refit import TUNED, method

__all__ = ["TUNED", "method"]
