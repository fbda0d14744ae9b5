"""Errors that a user can fix: each is reported in one line, without a traceback and without passwords."""

import re
from collections.abc import Mapping
from typing import Any

CREDENTIALS = re.compile(r"(?<=://)(?:[^/@\s]*:\S*@|[^/@\s]*(?:@[^/@\s]*)*@)")
SECRETS = re.compile(
    r"(?i)((?:[?&;][\w.-]*(?:password|passwd|pwd|token|secret|api_?key|access_?key)\w*|\bpassword)=)[^\s&;'\")]+"
)


def masked(text: str) -> str:
    """The text with the user and password of every address in it as `***`."""
    return CREDENTIALS.sub("***@", SECRETS.sub(r"\1***", text))


class CodeChanged(RuntimeError):
    """What a stage reads (code, params.yaml, data) is not as it was when the study was planned, or the stage began."""


class CodeNotFollowed(RuntimeError):
    """Code that decides numbers and could be edited without any key changing; the message says which and why."""


class StoreError(RuntimeError):
    """An entry that is missing or damaged, or a store that cannot be written; the message says which and where."""


class TrackingError(RuntimeError):
    """MLflow does not answer, or does not hold what was logged to it."""


def reason(failure: Mapping[str, Any] | None) -> str:
    """A failure that the store keeps, in one line: class and message."""
    return " ".join(f"{failure['error']}: {failure['message']}".split()) if failure else "not run"
