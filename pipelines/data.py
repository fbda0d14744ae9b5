"""What every domain's data have in common."""

LEARNT = ("train", "more_train")  # splits of examples to learn from


class DataError(ValueError):
    """A data source that cannot be used: the message says where, what was found and what is accepted."""
