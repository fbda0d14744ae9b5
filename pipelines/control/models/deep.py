"""Two hidden layers of tanh units below the policy and the value."""

from pipelines.control.agent import Architecture, perceptron
from pipelines.parts import Count


def model(*, width: Count) -> Architecture:
    """width: units of a hidden layer."""
    return perceptron(width, hidden=2)
