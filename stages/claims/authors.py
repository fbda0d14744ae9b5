"""Who made a study, and when: what an archive asks for beside the numbers."""

import datetime
import subprocess
from collections.abc import Iterable, Mapping
from typing import Any

from stages import documents
from stages.artifacts import PARAMS

Span = tuple[str, str] | None


def authors() -> tuple[list[str], str]:
    """The names of those who made the study in this folder, and where they were found: `authors` of params.yaml, or
    git's user.name. No name where neither says one.
    """
    if named := documents.read(PARAMS).content.get("authors"):
        return list(map(str, named)), "`authors` in params.yaml"
    try:
        done = subprocess.run(["git", "config", "user.name"], capture_output=True, text=True, check=False)
    except OSError:
        return [], ""
    name = done.stdout.strip()
    return ([name], "git's user.name; `authors: [...]` in params.yaml names others") if name else ([], "")


def span(facts: Iterable[Mapping[str, Any]]) -> Span:
    """When the first training began and the last one ended, in UTC to the second; None where no record says it."""
    timed = [(each["ended"], each.get("seconds", 0.0)) for each in facts if "ended" in each]
    if not timed:
        return None
    return _time(min(ended - seconds for ended, seconds in timed)), _time(max(ended for ended, _ in timed))


def _time(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(int(seconds), datetime.UTC).isoformat()
