"""What later stages need of params.yaml beside the plan's tables, as it was when it was planned: what is edited since
then counts from the next plan on.
"""

import json
from pathlib import Path
from typing import Any

from analysis.tables import TableError
from stages import tables
from stages.study.model import Study
from stages.study.preregistration import Preregistered

STUDY = Path("plan/study.json")  # the name, and each domain's data; what nothing is measured again for is not in it
AUDIT = Path("plan/audit.json")  # the section `audit` with its defaults, and its digest


def write(study: Study) -> None:
    """Write plan/study.json and plan/audit.json."""
    data = {domain.domain: domain.data.spec() for domain in study.domains}
    tables.write_json({"name": study.name, "data": data}, STUDY)
    tables.write_json({"digest": study.audit.digest, "options": study.audit.options}, AUDIT)


def study_name() -> str:
    """The name of the study that was planned. Raises TableError."""
    return str(_read(STUDY)["name"])


def data() -> dict[str, Any]:
    """The file and the options of each domain's data. Raises TableError."""
    return dict(_read(STUDY)["data"])


def audit() -> Preregistered:
    """The audit that was planned. Raises TableError."""
    return Preregistered(_read(AUDIT)["options"])


def audit_line(audit: Preregistered) -> str:
    """The audit's digest with what it is, as it is printed before the run."""
    return f"audit    {audit.digest}, the digest of the whole section `audit`; the report shows it too"


def _read(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text())
    except OSError as error:
        raise TableError(f"{path}: {error.strerror}; `dvc repro plan` makes it") from error
    except ValueError as error:
        raise TableError(f"{path}: not JSON; `dvc repro --force plan` makes it again") from error
    return content
