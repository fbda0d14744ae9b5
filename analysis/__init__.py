"""The statistics: frames in, tables out. `from analysis import audit_table` is the way in for notebooks."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analysis.notebook import audit_table

__all__ = ["audit_table"]


def __getattr__(name: str) -> Any:
    """`audit_table`, read when it is asked for: the rest of the analysis does not wait for it."""
    if name == "audit_table":
        from analysis.notebook import audit_table

        return audit_table
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
