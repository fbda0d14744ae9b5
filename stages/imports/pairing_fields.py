"""The fields of a spec that say how models are paired, as they are read."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

TUNED = "tuned"  # the method of a rule that names none
OF_RULE, OF_TABLE = {"baseline", "method"}, {"table"}


@dataclass(frozen=True)
class Pairing:
    """How rows name their baseline: `baseline`, a regular expression that the key of a method's row holds, and
    `method`, what was done; or `table`, a second table with the columns model, method and baseline.

    The baseline's key is the group `baseline` of the expression where it has one, else the key without what it
    matched; the group `method`, where it has one, names the method.
    """

    baseline: str = ""
    method: str = TUNED
    table: str | None = None


def pairs_field(value: Any) -> Pairing:
    """The field `pairs`. Raises ValueError."""
    if isinstance(value, dict) and set(value) == OF_TABLE and isinstance(value["table"], str):
        return Pairing(table=value["table"])
    texts = isinstance(value, dict) and all(isinstance(text, str) and text for text in value.values())
    if not texts or not {"baseline"} <= set(value) <= OF_RULE:
        raise ValueError(f"{value!r} is neither {{baseline: EXPRESSION, method: NAME}} nor {{table: FILE}}")
    try:
        re.compile(value["baseline"])
    except re.error as error:
        raise ValueError(f"{value['baseline']!r} is not a regular expression: {error}") from error
    return Pairing(**value)


def margins_field(value: Any) -> Mapping[str, float]:
    """The field `margins`: by measurement, and for `capability`, a number above 0. Raises ValueError."""
    if not isinstance(value, dict):
        raise ValueError(f"{value!r} is not a mapping of measurements, and capability, to margins")
    wrong = [name for name, margin in value.items() if isinstance(margin, bool) or not _above_zero(margin)]
    if wrong:
        raise ValueError(f"{wrong[0]!r}: {value[wrong[0]]!r} is not a number above 0")
    return {str(name): float(margin) for name, margin in value.items()}


def _above_zero(value: Any) -> bool:
    return isinstance(value, (int, float)) and 0 < value < float("inf")
