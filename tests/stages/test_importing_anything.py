"""Anything at all as a table, a result file or a spec: it is imported or refused, and never an error of ours."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from stages.imports.check import check
from stages.imports.readers import read_table
from stages.imports.spec import FORMATS, Spec, WrongImport, read_spec

ANY = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
CELLS = st.one_of(
    st.text(max_size=8),
    st.sampled_from(
        ["", "1", "0.5", "50%", "1 ± 2", "nan", "inf", '"', '"a,b"', "a\nb", "name", "x", "\x00", "1,5", "\r"]
    ),
)
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8))
NAMES = st.sampled_from(
    ["results", "eval", "status", "success", "model", "task", "scores", "metrics", "acc,none", "name"]
)
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4))


def imported(path: Path, **fields: Any) -> None:
    """Import, or be refused with whole lines that can be shown."""
    spec = Spec("spec.yaml", path.parent, "s", **fields)
    try:
        found = check(read_table(path, spec), spec)
    except WrongImport as error:
        check_lines(error.faults)
    else:
        assert len(found.models) == len(found.values)


def check_lines(faults: list[str]) -> None:
    assert faults
    assert all(fault and fault.isprintable() for fault in faults)


@given(rows=st.lists(st.lists(CELLS, min_size=1, max_size=4), max_size=5), quoted=st.booleans())
@ANY
def test_any_text_as_a_table(tmp_path: Path, rows: list[list[str]], quoted: bool) -> None:
    def shown(cell: str) -> str:
        return '"' + cell.replace('"', '""') + '"' if quoted else cell

    text = "\n".join(",".join(shown(cell) for cell in row) for row in [["name", "x"], *rows])
    (tmp_path / "t.csv").write_text(text, encoding="utf-8", errors="replace", newline="")
    imported(tmp_path / "t.csv", key=("name",))
    imported(tmp_path / "t.csv", key=("name",), long={"measurement": ("name",), "value": "x"}, family="x")


@given(content=JSON, kind=st.sampled_from([None, *FORMATS]))
@ANY
def test_any_json_as_a_result_file(tmp_path: Path, content: Any, kind: str | None) -> None:
    (tmp_path / "t.json").write_text(json.dumps(content))
    imported(tmp_path / "t.json", format=kind, key=() if kind not in (None, "table") else ("name",))


@given(content=st.dictionaries(st.sampled_from(["study", "key", "family", "scale", "safety", "against", "long"]), JSON))
@ANY
def test_any_yaml_as_a_spec(tmp_path: Path, content: Any) -> None:
    YAML().dump(content, tmp_path / "spec.yaml")
    try:
        spec = read_spec(tmp_path / "spec.yaml")
    except WrongImport as error:
        check_lines(error.faults)
    else:
        assert isinstance(spec.study, str)


def test_a_spec_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(WrongImport, match=r"^spec.yaml: No such file or directory$"):
        read_spec(tmp_path / "spec.yaml")
