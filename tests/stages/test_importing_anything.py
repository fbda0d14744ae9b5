"""Anything at all as a table, a result file or a spec: it is imported or refused, and never an error of ours."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from stages.imports.check import check
from stages.imports.formats import READERS
from stages.imports.readers import read_table
from stages.imports.spec import FIELDS, FORMATS, Spec, WrongImport, read_spec

ANY = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
CELLS = st.one_of(
    st.text(max_size=8),
    st.sampled_from(
        [
            *("", "1", "0.5", "50%", "1 ± 2", "nan", "inf", '"', '"a,b"', "a\nb", "name", "x", "\x00", "1,5", "\r"),
            *("1,234", "1.234", "1.234,5", "1 234", "8B", "-1", "1e999", "success", "\ufeff", ";", "\t", "'", "±"),
        ]
    ),
)
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8))
NAMES = st.sampled_from(
    [
        *("results", "eval", "status", "success", "model", "task", "scores", "metrics", "acc,none", "name", "value"),
        *("config", "config_general", "model_name", "model_args", "n-shot", "date", "higher_is_better", "configs"),
        *("schema_version", "evaluation_results", "model_info", "id", "metric_config", "score_details", "score"),
        *("count", "sum", "mean", "split", "metric_list", "accuracy", "lower", "upper", "group", "reducer", "scorers"),
        *("created", "completed_samples", "epochs", "evaluation_name", "clean_acc", "dataset", "uncertainty"),
    ]
)
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4))
STARTS: list[dict[str, Any]] = [  # a log of each library that lacks one thing, or has one of another kind
    {"results": {"t": {"acc,none": 0.5}}, "config": {"model": "hf", "model_args": "pretrained=m"}, "date": 1.0},
    {"status": "success", "eval": {"model": "m", "task": "t", "config": {"epochs": 1}},
     "results": {"completed_samples": 5, "scores": [{"name": "s", "metrics": {"accuracy": {"value": 0.5}}}]}},
    {"config_general": {"model_name": "m"}, "results": {"t": {"acc": 0.5}}, "config_tasks": {"t": {"metrics": []}}},
    {"schema_version": "1", "model_info": {"name": "m"}, "evaluation_results": [
        {"evaluation_name": "t", "metric_config": {"lower_is_better": True}, "score_details": {"score": 0.5}}]},
]  # fmt: skip


def imported(path: Path, **fields: Any) -> None:
    """Import, or be refused with whole lines that can be shown."""
    spec = Spec("spec.yaml", path.parent, "s", **fields)
    try:
        found = check(read_table(path, spec), spec)
    except WrongImport as error:
        check_lines(error.faults)
    else:
        assert len(found.models) == len(found.values)
        assert all(note and note.isprintable() for note in found.notes)


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
    imported(tmp_path / "t.csv", key=("name",), scale={"parameters": ("x", 1.0)}, decimal=",", header=2)
    imported(tmp_path / "t.csv", key=("name",), long={"measurement": ("name",), "value": "x"}, family="x")


@given(
    header=st.lists(CELLS, min_size=1, max_size=4), cells=st.lists(CELLS, max_size=12), mark=st.sampled_from(",;\t|")
)
@ANY
def test_any_header_and_any_separator(tmp_path: Path, header: list[str], cells: list[str], mark: str) -> None:
    rows = [cells[start : start + len(header)] for start in range(0, len(cells), len(header))]
    text = "\n".join(mark.join(row) for row in [header, *rows])
    (tmp_path / "t.csv").write_text(text, encoding="utf-8", errors="replace", newline="")
    for rows_of_header in (1, 2, 3):
        imported(tmp_path / "t.csv", key=(header[0],), header=rows_of_header, missing=("-1",))


@given(
    content=st.binary(max_size=60),
    name=st.sampled_from(["t.csv", "t.csv.gz", "t.json", "t.jsonl", "t.eval", "t.parquet"]),
)
@ANY
def test_any_bytes_as_a_file(tmp_path: Path, content: bytes, name: str) -> None:
    (tmp_path / name).write_bytes(content)
    imported(tmp_path / name, key=("name",))
    (tmp_path / "t.tsv.gz").write_bytes(gzip.compress(content))
    imported(tmp_path / "t.tsv.gz", key=("name",))


@given(content=JSON, kind=st.sampled_from([None, *FORMATS]))
@ANY
def test_any_json_as_a_result_file(tmp_path: Path, content: Any, kind: str | None) -> None:
    (tmp_path / "t.json").write_text(json.dumps(content))
    imported(tmp_path / "t.json", format=kind, key=() if kind not in (None, "table") else ("name",))


@given(start=st.sampled_from(STARTS), path=st.lists(st.integers(0, 5), max_size=6), other=JSON, gone=st.booleans())
@ANY
@pytest.mark.slow
def test_any_part_of_a_log_may_be_anything(tmp_path: Path, start: Any, path: list[int], other: Any, gone: bool) -> None:
    content = json.loads(json.dumps(start))
    place = content
    for step in path:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = keys[step % len(keys)] if keys else None
        if key is None or not isinstance(place[key], (dict, list)) or step == path[-1]:
            break
        place = place[key]
    if keys := (list(place) if isinstance(place, dict) else list(range(len(place)))):
        key = keys[sum(path) % len(keys)]
        if gone:
            del place[key]
        else:
            place[key] = other
    for name, log in (("a.json", content), ("b.json", start)):
        (tmp_path / name).write_text(json.dumps(log))
    imported(tmp_path)
    for kind in READERS:
        imported(tmp_path / "a.json", format=kind)


@given(content=st.dictionaries(st.sampled_from(FIELDS), JSON))
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
