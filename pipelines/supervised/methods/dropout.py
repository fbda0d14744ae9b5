"""Dropout behind every stage of the network, in training alone (Srivastava et al. 2014, JMLR 15)."""

from functools import partial
from typing import Annotated

from pipelines.parts import Range
from pipelines.supervised.method import Method
from pipelines.supervised.methods._dropout import dropping

TUNED = {"rate": (0.02, 0.4, "log")}


def method(*, rate: Annotated[float, Range(0, 0.9)] = 0.05) -> Method:
    """rate: share of each stage's output set to 0. Cost 1.1. Claimed gains: accuracy, calibration."""
    return Method(build=partial(dropping, rate, 0), cost=1.1)
