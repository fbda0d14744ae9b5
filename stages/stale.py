"""What is said where a command shows the study of another params.yaml than the one that lies there."""

import sys
from contextlib import suppress

from analysis.schema import TableError
from stages.study.edited import edited
from stages.terminal import say

STALE = "params.yaml was edited after the plan: `diffprog plan` says what it asks for now; this is of the plan"


def warn_if_edited() -> None:
    """Say so on standard error; nothing where nothing was planned."""
    with suppress(TableError):
        if edited():
            say(STALE, sys.stderr)
