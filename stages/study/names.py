"""The names that a section of params.yaml gives, whatever is wrong with what they stand for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Names:
    """The names of a task's methods, conditions and safety measurements, and of the models of each family."""

    methods: tuple[str, ...]
    models: Mapping[str, tuple[str, ...]]
    conditions: tuple[str, ...]
    safety: tuple[str, ...]


def names_of(section: Any) -> Names:
    """Those of a task. What has no axis that is known counts among the safety measurements."""
    methods, models, conditions, measurements = (
        _mapping(_mapping(section).get(kind)) for kind in ("methods", "models", "conditions", "measurements")
    )
    safety = [
        f"{condition}/{name}"
        for condition, metrics in measurements.items()
        for name, entry in _mapping(metrics).items()
        if stands_for(entry) != "capability"
    ]
    families = {
        str(family): tuple(f"{family}-{width}" for width in _list(_mapping(entry).get("widths")))
        for family, entry in models.items()
    }
    return Names(tuple(map(str, methods)), families, tuple(map(str, conditions)), tuple(safety))


def stands_for(entry: Any) -> Any:
    """The axis or pillar that an entry of the measurements gives."""
    return entry.get("is") if isinstance(entry, dict) else entry


def _mapping(given: Any) -> Mapping[Any, Any]:
    return given if isinstance(given, dict) else {}


def _list(given: Any) -> list[Any]:
    return given if isinstance(given, list) else []
