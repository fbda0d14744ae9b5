"""Whether params.yaml has been edited since the study was planned."""

from stages import artifacts, documents
from stages.documents import NotYaml
from stages.store.keys import digest

COMPUTE = "compute"  # the section that no key has: it may be edited while a stage runs


def params_digest() -> str:
    """The digest of what params.yaml asks for, whatever its comments and the order. Raises OSError and NotYaml."""
    return _digest(artifacts.PARAMS.read_bytes())


def edited() -> bool:
    """Whether it asks for something else than what was planned; not where there is no params.yaml. Raises TableError
    where nothing was planned.
    """
    return artifacts.PARAMS.exists() and not planned_as(artifacts.PARAMS.read_bytes())


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
