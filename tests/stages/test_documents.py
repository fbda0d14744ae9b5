"""YAML as DVC reads it, and documents that would take a reader's memory, its stack or its time."""

import itertools
from pathlib import Path

import pytest
from dvc.utils.serialize import loads_yaml

from stages import documents
from stages.cli import main
from stages.imports.spec import WrongImport, read_spec

READ_BY_DVC = """
decimal: [4e-3, 1e-05, 1E5, 010, 1_000, +12, -0, 1., .5, .inf, -.inf]
other bases: [0o10, 0x1F, 0b11, 0o9]
text: [yes, no, on, off, 0x, 1.2.3, '4e-3', ~x]
clock: 1:30
else: [~, null, true, False, 2020-01-01, !!str 3, !!float 3]
base: &base {alpha: 1, beta: 2}
merged: {<<: *base, beta: 3}
several: {<<: [*base, {gamma: 4}], delta: 5}
? [1, 2]
: a list as a key
"""


def read(folder: Path, text: str) -> documents.Document:
    (folder / "a.yaml").write_text(text, encoding="utf-8")
    return documents.read(folder / "a.yaml")


def test_values_are_those_that_dvc_reads(tmp_path: Path) -> None:
    found = read(tmp_path, READ_BY_DVC)
    assert repr(found.content) == repr(loads_yaml(READ_BY_DVC))
    assert found.content["decimal"][:4] == [0.004, 1e-05, 100000.0, 10]
    assert found.content["clock"] == "1:30"
    assert found.duplicates == []
    old = "%YAML 1.1\n---\n- 010\n- yes\n- 1:30\n- 1e3\n"
    assert read(tmp_path, old).content == loads_yaml(old) == [10, "yes", "1:30", 1000.0]


def test_every_duplicate_key_is_named_with_its_line(tmp_path: Path) -> None:
    text = "a: 1\nb: {c: 1, c: 2}\na: 2\nd: &d {e: 1}\nf:\n  <<: *d\n  e: 2\n  e: 3\ng: [*d, {h: 1, 'h': 2}]\n"
    found = read(tmp_path, text)
    lines = {2: "c", 3: "a", 8: "e", 9: "h"}
    assert sorted(found.duplicates) == [f"line {line}: duplicate key {key!r}" for line, key in lines.items()]


def bomb(repeat: int) -> str:
    """Nine lists, each holding the one before `repeat` times."""
    lists = "".join(
        f"{new}: &{new} [{', '.join([f'*{old}'] * repeat)}]\n" for old, new in itertools.pairwise("abcdefghi")
    )
    return f"a: &a [{', '.join(['lol'] * repeat)}]\n{lists}"


LARGEST = "is not a whole number of at most 9223372036854775807"
HOSTILE = {
    "400 digits": (f"a: {'9' * 400}", f"line 1: '{'9' * 40}...{'9' * 10}' {LARGEST}"),
    "5000 digits": (f"a: {'9' * 5000}", f"line 1: '{'9' * 40}...{'9' * 10}' cannot be read as int"),
    "too large for a table": ("\na: -9223372036854775808", f"line 2: '-9223372036854775808' {LARGEST}"),
    "lists 5000 deep": ("a: " + "[" * 5000, "line 1: nested more than 50 deep"),
    "mappings 3000 deep": ("".join(f"{' ' * i}a:\n" for i in range(3000)), "line 50: nested more than 50 deep"),
    "aliases of aliases": (bomb(10), "line 5: holds more than 100,000 values"),
    "merges of merges": (bomb(10).replace("[", "{<<: [").replace("]", "]}").replace("lol", "{}"), None),
    "an alias of itself": ("a:\n  - &b [*b]", "line 2: an alias inside what it repeats"),
    "no date": ("a: 2020-13-45", "line 1: '2020-13-45' cannot be read as timestamp"),
    "no truth": ("a: !!bool maybe", "line 1: 'maybe' cannot be read as bool"),
    "another tag": ("a: !!python/name:os.system x", "not YAML: could not determine a constructor for the tag "
        "'tag:yaml.org,2002:python/name:os.system', at line 1, column 4"),
    "a tab": ("a: 1\n\tb: 2", "not YAML: found character '\\t' that cannot start any token, at line 2, column 1"),
    "two documents": ("a: 1\n---\nb: 2", "not YAML: but found another document, at line 2, column 1"),
    "a mapping as a key": ("? {a: 1}\n: 2", "not YAML: found unhashable key, at line 1, column 3"),
}  # fmt: skip


@pytest.mark.timeout(20)
@pytest.mark.parametrize(("text", "message"), HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_document_is_one_line(
    tmp_path: Path, text: str, message: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "odd.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(WrongImport) as caught:
        read_spec(file)
    assert main(["check", str(file)]) == 2
    said = capsys.readouterr().err.splitlines()
    assert said == caught.value.faults
    assert len(said) == 1
    assert said[0] == f"odd.yaml: {message}" if message else "100,000 values" in said[0]


@pytest.mark.parametrize("tag", ["int", "bool", "float", "null", "timestamp", "binary", "omap", "set", "seq", "pairs"])
@pytest.mark.parametrize("value", ["''", "x", "[1]", "{a: 1}", "{=: 1}", "[[1]]", "[{a: 1, b: 2}]"])
def test_a_value_that_its_tag_does_not_fit_is_said(tmp_path: Path, tag: str, value: str) -> None:
    """Whatever DVC's reader raises, which may be any class of error."""
    text = f"a: !!{tag} {value}"
    try:
        expected = loads_yaml(text)
    except Exception:
        with pytest.raises(documents.NotYaml, match=r"\bline 1\b"):
            read(tmp_path, text)
    else:
        assert read(tmp_path, text).content == expected
