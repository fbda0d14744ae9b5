"""What every domain's data have in common."""


class DataError(ValueError):
    """A data source that cannot be used: the message says where, what was found and what is accepted."""
