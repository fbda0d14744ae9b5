"""Temperature scaling: standard training, then all logits divided by one number (Guo et al. 2017, arXiv 1706.04599)."""

from pipelines.supervised.methods.temperature_scaling import method

__all__ = ["method"]
