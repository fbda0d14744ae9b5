"""What was planned counts: later stages read the study's name and its audit from the plan, not from params.yaml."""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from analysis.schema import TableError
from stages import artifacts
from stages.cli import run_stage
from stages.study.preregistration import planned_audit
from tests.stages.conftest import ROOT

Write = Callable[[Mapping[str, Any]], Path]


def test_what_is_edited_after_the_plan_counts_from_the_next_plan_on(study: Write, tiny: dict[str, Any]) -> None:
    tiny["audit"] = {"q": 0.1, "placebos": []}
    study(tiny)
    assert run_stage("plan") == 0
    digest = planned_audit().digest
    assert json.loads(artifacts.AUDIT.read_text())["digest"] == digest
    study({**tiny, "study": "other", "audit": {"placebos": []}})
    assert (artifacts.study_name(), planned_audit().digest) == ("tiny", digest)
    assert artifacts.planned_data()["vision"]["data"]["options"]["train"] == 120
    runs = Path("plan/runs.parquet").read_bytes()
    assert run_stage("plan") == 0
    assert artifacts.study_name() == "other"
    assert planned_audit().digest != digest
    assert Path("plan/runs.parquet").read_bytes() == runs


def test_needs_change_nothing_that_is_planned(study: Write, tiny: dict[str, Any]) -> None:
    tiny["audit"] = {"placebos": []}
    folder = study(tiny)
    assert run_stage("plan") == 0
    before = {path.name: path.read_bytes() for path in (folder / "plan").iterdir()}
    study({**tiny, "compute": {"cpus": 2}})
    assert run_stage("plan") == 0
    assert {path.name: path.read_bytes() for path in (folder / "plan").iterdir()} == before


def test_dvc_tracks_the_name_and_the_audit_where_they_are_read() -> None:
    stages = YAML(typ="safe").load(ROOT / "dvc.yaml")["stages"]
    assert {str(artifacts.STUDY), str(artifacts.AUDIT)} < {
        out for out in stages["plan"]["outs"] if isinstance(out, str)
    }
    assert [name for name in stages if str(artifacts.STUDY) in stages[name]["deps"]] == ["measure", "collect", "report"]
    assert [name for name in stages if str(artifacts.AUDIT) in stages[name]["deps"]] == ["analyse", "report"]
    assert [name for name in stages if "params" in stages[name]] == ["plan"]
    assert "compute" not in str([stages[name].get("params") for name in stages])


def test_a_plan_that_is_not_there_or_damaged_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    message = "plan/study.json: No such file or directory; `dvc repro plan` makes it"
    with pytest.raises(TableError, match=f"^{re.escape(message)}$"):
        artifacts.study_name()
    artifacts.AUDIT.parent.mkdir()
    artifacts.AUDIT.write_text("{")
    message = "plan/audit.json: not JSON; `dvc repro --force plan` makes it again"
    with pytest.raises(TableError, match=f"^{re.escape(message)}$"):
        planned_audit()
