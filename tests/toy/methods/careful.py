"""Safety is added."""


def method(*, gain: float = 1.0):
    return gain
