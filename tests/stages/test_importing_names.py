"""Names in a published table: inert text, told apart, or refused."""

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from stages.imports.check import Checked, check
from stages.imports.readers import read_table
from stages.imports.spec import WrongImport, read_spec

SPEC = {"study": "s", "key": ["name"], "capability": ["mmlu"], "safety": "*"}


@pytest.fixture
def load(tmp_path: Path) -> Any:
    """Read and check a table given as text, with further fields of the spec."""

    def load(text: str, name: str = "table.csv", **fields: Any) -> Checked:
        (tmp_path / name).write_text(text, encoding="utf-8")
        YAML().dump({**SPEC, **fields}, tmp_path / "spec.yaml")
        spec = read_spec(tmp_path / "spec.yaml")
        return check(read_table(tmp_path / name, spec), spec)

    return load


def faults(load: Any, text: str, name: str = "table.csv", **fields: Any) -> list[str]:
    with pytest.raises(WrongImport) as caught:
        load(text, name, **fields)
    return caught.value.faults


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/etc/passwd", "<script>alert(1)</script>", "a; rm -rf *", "C:\\x"]
)
def test_names_are_inert_text(load: Any, name: str) -> None:
    found = load(f'name,mmlu,"{name}"\n"{name}",1,2\n')
    assert found.models["model"].to_list() == [name]
    assert found.measured[1].name == name


def test_names_nobody_can_see_or_hold_are_refused(load: Any) -> None:
    text = f"name,mmlu\na\x00b,1\ngpt\u202e2,2\n{'x' * 10_000},3\n"
    assert faults(load, text) == [
        r"table.csv: row 'a\x00b': holds control or invisible characters",
        r"table.csv: row 'gpt\u202e2': holds control or invisible characters",
        f"table.csv: row '{'x' * 57}...': 10,000 characters, at most 500",
    ]
    assert faults(load, f"name,{'y' * 10_000},mm\u200blu\na,1,2\n") == [
        r"table.csv: column 'mm\u200blu': holds control or invisible characters",
        f"table.csv: column '{'y' * 57}...': 10,000 characters, at most 500",
    ]


def test_look_alikes_are_kept_apart_and_named(load: Any) -> None:
    found = load("name,mmlu\nopt,1\n\u043ept,2\nOPT,3\n")
    assert len(found.models) == 3
    assert r"names that look alike, kept apart: 'opt', '\u043ept', 'OPT'" in found.notes


def test_newlines_in_column_names_are_one_space(load: Any) -> None:
    found = load('name,mmlu,"win\nrate (\N{GREEK CAPITAL LETTER SIGMA})"\na,1,2\n', safety=["win rate (Σ)"])
    assert found.measured[1].name == "win rate (Σ)"
    assert "1 column name had newlines or runs of spaces, now one space" in found.notes
