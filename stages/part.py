"""The file part.json of a folder that holds a part of a study: which part, and for which of its looks."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from analysis.schema import TableError

PART = Path("part.json")  # an ordinary checkout has none
LOOKS = Path("looks.json")  # the looks that were taken in such a folder


@dataclass(frozen=True)
class Part:
    """A part of a study, as `diffprog decide` chose it.

    home: the folder of the study, whose store, MLflow database and data it uses. taken: by task and method, how many
    of its models and seeds (`stages.study.nested`). look, share: the look's number, and its share of every level.
    waiting: by task, the methods without new runs. earlier: the table VERDICTS of the look before. exploratory:
    whether it is beyond the looks that were planned.
    """

    home: str
    taken: Mapping[str, Mapping[str, int]]
    look: int
    share: float
    waiting: Mapping[str, Sequence[str]] = field(default_factory=dict)
    earlier: str | None = None
    exploratory: bool = False


def read_part(folder: Path = Path()) -> Part | None:
    """The part that a folder holds; None where it is no part. Raises TableError."""
    try:
        content = json.loads((folder / PART).read_text(encoding="utf-8"))
        return Part(**content)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise TableError(f"{folder / PART}: not what `diffprog decide` writes; remove it and run that again") from error


def read_looks(folder: Path = Path()) -> tuple[str, list[dict[str, Any]]]:
    """The digest of the audit and the looks that were taken; empty where none was. Raises TableError."""
    try:
        content = json.loads((folder / LOOKS).read_text(encoding="utf-8"))
        return str(content["audit"]), [dict(each) for each in content["looks"]]
    except FileNotFoundError:
        return "", []
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise TableError(f"{folder / LOOKS}: not what `diffprog decide` writes") from error
