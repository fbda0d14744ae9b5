"""Nothing is added."""


def method():
    return 0.0
