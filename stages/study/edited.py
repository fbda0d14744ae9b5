"""Whether params.yaml has been edited since the study was planned."""

import sys
from contextlib import suppress

from analysis.schema import TableError
from stages import artifacts, documents
from stages.documents import NotYaml
from stages.store.keys import digest
from stages.terminal import say

EDITED = "params.yaml was edited after the plan: `diffprog plan` says what it asks for now"
COMPUTE = "compute"  # the section that no key has: it may be edited while a stage runs


def params_digest() -> str:
    """The digest of what params.yaml asks for, whatever its comments and the order. Raises OSError and NotYaml."""
    return _digest(artifacts.PARAMS.read_bytes())


def edited() -> bool:
    """Whether it asks for something else than what was planned; not where there is no params.yaml. Raises TableError
    where nothing was planned.
    """
    return artifacts.PARAMS.exists() and not planned_as(artifacts.PARAMS.read_bytes())


def warn_if_edited() -> None:
    """Say on standard error that what follows is of another params.yaml, where it is."""
    with suppress(TableError):
        if edited():
            say(f"{EDITED}; this is of the plan", sys.stderr)


def planned_as(content: bytes) -> bool:
    """Whether the study was planned from a params.yaml that holds this, or asks for the same. Raises TableError."""
    planned = artifacts.read_planned(artifacts.PLANNED_PARAMS)["digest"]
    try:
        return _digest(content) == str(planned)
    except (NotYaml, TypeError, ValueError):  # nothing that a plan could be made from
        return False


def _digest(content: bytes) -> str:
    said = documents.loads(content).content
    return digest({name: part for name, part in said.items() if name != COMPUTE} if isinstance(said, dict) else said)
