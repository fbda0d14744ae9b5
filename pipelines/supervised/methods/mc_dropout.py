"""Monte Carlo dropout: the mean of the probabilities over dropout masks (Gal & Ghahramani 2016, arXiv 1506.02142)."""

from functools import partial
from typing import Annotated

from pipelines.parts import Count, Range
from pipelines.supervised.method import Method
from pipelines.supervised.methods._dropout import dropping

TUNED = {"rate": (0.02, 0.4, "log")}


def method(*, rate: Annotated[float, Range(0, 0.9)] = 0.05, masks: Count = 8) -> Method:
    """rate: share of each stage's output set to 0. masks: averaged over in evaluation; they are fixed, so that a model
    is a function of its input, whose gradient attacks can follow. Cost 1.1, and `masks` times in evaluation. Claimed
    gains: calibration, anomaly detection."""
    return Method(build=partial(dropping, rate, masks), cost=1.1)
