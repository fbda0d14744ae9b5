"""So many numbers."""


def model(*, width: int):
    return width
