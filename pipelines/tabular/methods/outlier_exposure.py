"""Outlier exposure: outliers in every batch, whose predictions are pulled to uniform (Hendrycks et al. 2019,
arXiv 1812.04606)."""

from pipelines.supervised.methods.outlier_exposure import TUNED, method

__all__ = ["TUNED", "method"]
