"""Whether params.yaml has been edited since the study was planned."""

from stages import artifacts, documents
from stages.documents import NotYaml
from stages.store.keys import digest

COMPUTE = "compute"  # the section that no key has: it may be edited while a stage runs


def params_digest() -> str:
    """The digest of what params.yaml asks for, whatever its comments and the order. Raises OSError and NotYaml."""
    content = documents.read(artifacts.PARAMS).content
    asked = {name: part for name, part in content.items() if name != COMPUTE} if isinstance(content, dict) else content
    return digest(asked)


def edited() -> bool:
    """Whether it asks for something else than what was planned; not where there is no params.yaml. Raises TableError
    where nothing was planned.
    """
    planned = artifacts.read_planned(artifacts.PLANNED_PARAMS)["digest"]
    try:
        return params_digest() != str(planned)
    except FileNotFoundError:
        return False
    except (OSError, NotYaml, TypeError, ValueError):  # what it holds is nothing that a plan could be made of
        return True
