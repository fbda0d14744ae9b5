"""Errors that a user can mend: each is said in one line, without a traceback."""


class CodeChanged(RuntimeError):
    """Source files that were edited while a stage ran on their earlier state."""


class StoreError(RuntimeError):
    """An entry that is missing or damaged, or a store that cannot be written; the message says which and where."""


class TrackingError(RuntimeError):
    """MLflow does not answer, or does not hold what was logged to it."""
