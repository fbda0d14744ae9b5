"""Dropout behind every stage of the network, in training alone (Srivastava et al. 2014, JMLR 15)."""

from pipelines.supervised.methods.dropout import TUNED, method

__all__ = ["TUNED", "method"]
