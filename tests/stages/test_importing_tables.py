"""Tables read and checked against a spec: what is handled is said, what is refused names column and row."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from ruamel.yaml import YAML

from stages.imports.check import Checked, check
from stages.imports.readers import read_table
from stages.imports.spec import FIELDS, WrongImport, read_spec

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


def test_all_faults_are_there_at_once_each_with_column_and_row(load: Any) -> None:
    text = "name,mmlu,x,y,z,flop\ngpt-2,0.5,1O3,1,0.7,a lot\nopt,inf,2,1,70,1\nopt,0.1,2,hello,71,-2\n"
    assert faults(load, text, scale={"flops": "flop"}, family={"regex": "^(o.*)"}) == [
        "table.csv: row 'opt': duplicate key, in 2 rows; the key is name",
        "table.csv: column 'mmlu', row 'opt': 'inf' is not a number",
        "table.csv: column 'x', row 'gpt-2': '1O3' is not a number",
        "table.csv: column 'y', row 'opt': 'hello' is not a number",
        "table.csv: row 'gpt-2': no family",
        "table.csv: column 'flop', row 'gpt-2': 'a lot' is not a number",
        "table.csv: column 'flop', row 'opt': -2.0 is not above 0",
        "table.csv: column 'z', row 'gpt-2': 0.7 is in a column of percents; if all are percents, "
        "name the column under 'percent'",
    ]


def test_columns_take_their_roles_from_the_spec(load: Any) -> None:
    text = "name,b,mmlu,mce,free text,bbh\nm1,1,2,3,x,4\nm2,1,2,3,y,4\n"
    found = load(text, capability=["mmlu", "bbh"], lower_is_better=["m?e"], against={"b": "bbh"})
    assert [(one.name, one.axis, one.higher_is_better, one.against) for one in found.measured] == [
        ("mmlu", "capability", True, None),
        ("bbh", "capability", True, None),
        ("b", "safety", True, "bbh"),
        ("mce", "safety", False, None),
    ]
    assert found.notes[0] == "1 column left out, text or empty: 'free text'"


def test_a_column_named_like_a_glob_is_that_column(load: Any) -> None:
    found = load("name,mmlu,a*c,abc\nm,1,2,3\n", safety=["a*c"])
    assert [one.name for one in found.measured] == ["mmlu", "a*c"]


def test_unknown_columns_are_named_with_the_nearest(load: Any) -> None:
    text = "name,mmlu,mce\nm,1,2\n"
    assert faults(load, text, lower_is_better=["mse"], against={"gone": "mmlu"}, ignore=["nothing?"]) == [
        "spec.yaml: ignore: 'nothing?' is not a column of the table",
        "spec.yaml: lower_is_better: 'mse' is not a column of the table (nearest: 'mce')",
        "spec.yaml: against: 'gone' is not a column of the table",
    ]
    assert faults(load, text, key=["Name"], family="type") == [
        "spec.yaml: 'Name' is not a column of the table (nearest: 'name')",
        "spec.yaml: 'type' is not a column of the table",
    ]


def test_everything_wrong_with_a_spec_is_there_at_once(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(
        "study: ../x\nkeys: [a]\nscale: {size: a}\nlong: {value: a}\nformat: xml\n"
        "safety: a\nsafety: b\ncapability: [a, a]\n"
    )
    with pytest.raises(WrongImport) as caught:
        read_spec(tmp_path / "spec.yaml")
    assert caught.value.faults == [
        f"spec.yaml: 'keys' is not one of: {', '.join(FIELDS)}",
        "spec.yaml: line 7: duplicate key 'safety'",
        "spec.yaml: study: '../x' is not a name of letters, digits, '_', '.' and '-', at most 64 long",
        "spec.yaml: scale: {'size': 'a'} is not a mapping of flops and parameters to columns",
        "spec.yaml: capability: 'a' is given more than once",
        "spec.yaml: long: {'value': 'a'} is not a mapping of measurement and value (and standard_error, n) to columns",
        "spec.yaml: format: 'xml' is not one of: table, lm-eval, inspect, lighteval, helm, every-eval-ever, "
        "robustbench",
    ]


def test_a_study_can_have_its_own_sign_for_a_missing_cell(load: Any) -> None:
    text = "name,mmlu,acc\na,1,/\nb,2,95.0\n"
    assert load(text, missing=["/"]).values["acc"].to_list() == [None, 95.0]
    assert faults(load, text) == ["table.csv: column 'acc', row 'a': '/' is not a number"]


def test_percents_become_fractions_with_their_errors(load: Any) -> None:
    found = load("name,mmlu,top1,top5\na,0.5,84.2 ± 0.4,84%\nb,0.6,0.5,90%\n", percent=["top1"])
    assert found.values["top1"].to_list() == pytest.approx([0.842, 0.005])
    assert found.errors["top1"].to_list() == [pytest.approx(0.004), None]
    assert found.values["top5"].to_list() == pytest.approx([0.84, 0.9])


def test_percents_and_fractions_in_one_column_are_refused(load: Any) -> None:
    text = "name,mmlu,acc,odd,top\na,1,71.5,84%,101\nb,1,0.72,0.8,1\nc,1,69,84%,2\n"
    beside = "is in a column of numbers that are not percents; if all are percents, name the column under 'percent'"
    assert faults(load, text, percent=["top"]) == [
        "table.csv: column 'acc', row 'b': 0.72 is in a column of percents; if all are percents, "
        "name the column under 'percent'",
        f"table.csv: column 'odd', row 'a': 84.0 {beside}",
        f"table.csv: column 'odd', row 'c': 84.0 {beside}",
        "table.csv: column 'top', row 'a': 101.0 is no percentage",
    ]


@pytest.mark.parametrize("pattern", ["*", "re*"])
def test_a_pattern_declares_no_mixed_column_to_be_percents(load: Any, pattern: str) -> None:
    """A name does: 0.74 is then 0.74 %. A column of percents below 1 alone is what the spec says."""
    text = "name,refusal,reward\na,0.74,0.5\nb,54.1,0.6\nc,61.5,0.7\n"
    said = "table.csv: column 'refusal', row 'a': 0.74 is in a column of percents; if all are percents, "
    roles: dict[str, Any] = {"capability": ["reward"], "safety": ["refusal"]}
    assert faults(load, text, percent=[pattern], **roles) == [f"{said}name the column under 'percent'"]
    found = load(text, percent=[pattern, "refusal"], **roles)
    assert found.values["refusal"].to_list() == pytest.approx([0.0074, 0.541, 0.615])


def test_a_percent_among_fractions_is_refused_however_many_they_are(load: Any) -> None:
    text = "name,mmlu\na,0.55\nb,0.62\nc,71\nd,0.8\n"
    assert faults(load, text) == [
        "table.csv: column 'mmlu', row 'c': 71.0 is in a column of fractions; if all are percents, "
        "name the column under 'percent'"
    ]


def test_flops_are_floats_and_parameters_whole(load: Any) -> None:
    text = 'name,mmlu,compute,size\na,1,36450,"1,014.45"\nb,2,,7\n'
    scale: dict[str, Any] = {
        "flops": {"column": "compute", "times": 1e21},
        "parameters": {"column": "size", "times": 1e6},
    }
    found = load(text, scale=scale)
    assert found.models["flops"].to_list() == [3.645e25, None]
    assert found.models["parameters"].to_list() == [1014450000.0, 7000000.0]
    assert "1 model without flops" in found.notes
    assert faults(load, text, scale={"parameters": "size"}) == [
        "table.csv: column 'size', row 'a': 1014.45 is not a number of parameters; "
        "a unit is given as {column: ..., times: 1e6}"
    ]


def test_families_come_from_a_column_a_pattern_or_globs(load: Any) -> None:
    text = "name,mmlu,kind\nqwen-7b,1,Q\nopt-1b,2,O\n"
    assert load(text, family="kind").models["family"].to_list() == ["Q", "O"]
    assert load(text, family={"regex": "^([a-z]+)"}).models["family"].to_list() == ["qwen", "opt"]
    assert load(text, family={"qwen-[0-9]*": "Qwen", "*": "rest"}).models["family"].to_list() == ["Qwen", "rest"]
    assert load(text).models["family"].to_list() == [None, None]
    assert faults(load, text, family={"qwen*": "Qwen"}) == ["table.csv: row 'opt-1b': no family"]


def test_a_join_on_several_columns_names_what_has_no_partner(load: Any, tmp_path: Path) -> None:
    (tmp_path / "real.csv").write_text("name,size,top1\na,224,0.6\na,448,0.7\nc,1,0.1\n")
    text = "name,size,mmlu\na,224,0.5\na,448,0.55\nb,224,0.4\n"
    found = load(text, key=["name", "size"], join={"real": "real.csv"})
    assert found.models["model"].to_list() == ["a, 224", "a, 448", "b, 224"]
    assert found.values["real/top1"].to_list() == [0.6, 0.7, None]
    assert found.notes[:2] == [
        "1 row of table.csv without a partner in the join 'real': 'b, 224'",
        "1 row of real.csv without a partner in the join 'real': 'c, 1'",
    ]
    assert faults(load, text, key=["name"], join={"real": "real.csv"}) == [
        "real.csv: row 'a': duplicate key, in 2 rows; the key is name",
        "table.csv: row 'a': duplicate key, in 2 rows; the key is name",
    ]


def test_long_tables_are_gathered_by_model(load: Any) -> None:
    text = "name,task,metric,value,se,kind\na,x,acc,0.5,0.1,K\na,y,acc,0.6,,K\nb,x,acc,0.7,0.2,L\n"
    long = {"measurement": ["task", "metric"], "value": "value", "standard_error": "se"}
    found = load(text, long=long, capability=["x/acc"], family="kind")
    assert found.values.to_dict(as_series=False) == {"x/acc": [0.5, 0.7], "y/acc": [0.6, None]}
    assert found.errors["x/acc"].to_list() == [0.1, 0.2]
    assert found.models["family"].to_list() == ["K", "L"]
    again = text + "a,x,acc,0.9,,M\nb,z,acc,zero,,L\n"
    assert faults(load, again, long=long, capability=["x/acc"], family="kind") == [
        "table.csv: column 'value', row 'b, z/acc': 'zero' is not a number",
        "table.csv: row 'a': duplicate value of 'x/acc', 2 times",
        "table.csv: column 'kind', row 'a': one model with several: 'K', 'M'",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "table.csv: no rows"),
        ("name,mmlu\n", "table.csv: no rows"),
        ("name,mmlu\na\n", "table.csv: row 1: 1 cells where the header has 2"),
        ("name,mmlu\na,1,2\n", "table.csv: row 1: 3 cells where the header has 2"),
        ('name,mmlu\na,"1\n', "table.csv: a quotation mark that is never closed"),
        ("name,mmlu,mmlu\na,1,2\n", "table.csv: duplicate column 'mmlu', 2 times"),
        ("name,,mmlu\na,1,2\n", "table.csv: a column has no name"),
        ("name,mmlu\n,1\n", "table.csv: column 'name', row 1: the key is missing"),
    ],
)
def test_a_table_that_is_none_is_one_line(load: Any, text: str, expected: str) -> None:
    assert faults(load, text) == [expected]


def test_text_that_is_not_utf8_is_one_line(load: Any, tmp_path: Path) -> None:
    load("name,mmlu\na,1\n")
    (tmp_path / "bad.csv").write_bytes(b"name,mmlu\n\xff,1\n")
    with pytest.raises(WrongImport, match=r"^bad.csv: not UTF-8 text: byte 10 is 0xff; save it as UTF-8$"):
        read_table(tmp_path / "bad.csv", read_spec(tmp_path / "spec.yaml"))


def test_every_format_of_a_table_gives_the_same(load: Any, tmp_path: Path) -> None:
    rows = [{"name": "a", "mmlu": 0.5, "x": 1}, {"name": "b", "mmlu": None, "x": 2}]
    frame = pl.DataFrame(rows)
    found = [
        load(frame.write_csv()),
        load(frame.write_csv(separator="\t"), "table.tsv"),
        load(json.dumps(rows), "table.json"),
    ]
    frame.write_parquet(tmp_path / "table.parquet")
    spec = read_spec(tmp_path / "spec.yaml")
    found.append(check(read_table(tmp_path / "table.parquet", spec), spec))
    for one in found:
        assert one.values.to_dict(as_series=False) == {"mmlu": [0.5, None], "x": [1.0, 2.0]}
        assert one.models["model"].to_list() == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{", "t.json: not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        ('[{"name": 1, "name": 2}]', "t.json: not JSON: duplicate key 'name' in one object"),
        ("[1, 2]", "t.json: not one of: a list of objects, one for each row; a mapping of models to their values; "),
        ('[{"name": "\\ud800"}]', r"t.json: text that is not Unicode: '\ud800'"),
        ("[" * 100_000, "t.json: not JSON: maximum recursion depth exceeded while decoding a JSON array"),
    ],
)
def test_json_that_is_no_table_is_one_line(load: Any, text: str, expected: str) -> None:
    (found,) = faults(load, text, "t.json")
    assert found.startswith(expected)


def test_a_large_table_is_checked_by_columns(load: Any) -> None:
    rows = "\n".join(f"m{row},{row / 1e4},{row}" for row in range(10_000))
    assert len(load(f"name,mmlu,x\n{rows}\n").models) == 10_000
    marred = "\n".join(f"m{row},{row / 1e4}{'?' * (row % 10 == 9)},{row}" for row in range(10_000))
    lines = faults(load, f"name,mmlu,x\n{marred}\n")
    assert lines[0] == "table.csv: column 'mmlu', row 'm9': '0.0009?' is not a number"
    assert lines[100:] == ["table.csv: column 'mmlu': and 900 more cells that are not numbers"]


@pytest.mark.parametrize("scale", ["flops", "parameters"])
@pytest.mark.parametrize(("times", "shown"), [(1e308, "1e+308"), (1e-320, "9.99989e-321")])
def test_a_factor_that_leaves_no_number_is_said(load: Any, scale: str, times: float, shown: str) -> None:
    text = "name,mmlu,size\na,1,1e10\nb,2,1e-9\nc,3,-\n"
    row, number = ("a", "10000000000.0") if times > 1 else ("b", "1e-09")
    found = faults(load, text, scale={scale: {"column": "size", "times": times}})
    assert f"table.csv: column 'size', row '{row}': {number} times {shown} is beyond what numbers hold" in found
    assert not [line for line in found if "inf" in line]


@pytest.mark.timeout(20)
@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize(
    "value",
    [[[1]], {"a": [1]}, {1: 2}, [None], 1e308, float("inf"), True, 0, "\u00e9" * 5000, {"regex": [1]}, {"x": {}}],
)
def test_an_odd_value_in_a_spec_is_a_short_line_or_none(load: Any, field: str, value: Any) -> None:
    said: list[str] = []
    try:
        load("name,mmlu,x\na,1,2\nb,2,3\n", **{field: value})
    except WrongImport as error:
        said = error.faults
    assert all(len(line) <= 1200 for line in said)
