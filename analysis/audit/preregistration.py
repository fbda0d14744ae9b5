"""The audit as it was fixed before the run: one canonical text of all its choices, and the digest of that text."""

import hashlib
import json
from collections.abc import Mapping, Set
from dataclasses import asdict
from typing import Any

import polars as pl

from analysis.audit.schema import SETTINGS
from analysis.audit.settings import AuditSettings
from analysis.schema import checked


def preregistration(settings: AuditSettings, areas: Mapping[str, str], *, exposure: Mapping[str, float]) -> str:
    """Every choice of the audit as JSON, whatever the order it was given in: names sorted, 1.0 as 1 and 0.20 as 0.2."""
    choices = {
        **asdict(settings),
        "placebos": frozenset(settings.placebos),
        "blocking_flags": frozenset(settings.blocking_flags),
        "areas": areas,
        "exposure": exposure,
    }
    return json.dumps(_canonical(choices), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def preregistration_digest(text: str) -> str:
    """The first 16 hexadecimal digits of the text's SHA-256."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def settings_table(settings: AuditSettings, text: str) -> pl.DataFrame:
    """The table SETTINGS: one row, the levels and choices that the report's words read, and the whole text."""
    row = {name: getattr(settings, name) for name in ("alpha", "false_discovery_rate", "draws")}
    row |= {"digest": preregistration_digest(text), "preregistered": text}
    return checked(pl.DataFrame([row], schema=SETTINGS.columns), SETTINGS)


def _canonical(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _canonical(each) for name, each in value.items()}
    if isinstance(value, Set):
        return sorted(value)
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    return value
