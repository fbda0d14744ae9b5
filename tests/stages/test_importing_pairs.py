"""A table whose rows name their baselines: imported, analysed and shown from the command line."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from ruamel.yaml import YAML

from stages.cli import main
from stages.imports.check import check
from stages.imports.readers import read_table
from stages.imports.spec import WrongImport, read_spec

SPEC: dict[str, Any] = {
    "key": "model",
    "capability": ["mmlu"],
    "safety": ["toxicity"],
    "percent": ["mmlu", "toxicity"],
    "method": "method",
    "baseline": "base",
}
COMPRESSED = """model,base,method,mmlu,toxicity
l2-13b,,,54.1,71.0
l2-13b-awq3,l2-13b,awq,51.0,69.2
l2-13b-gptq3,l2-13b,gptq,48.2,66.0
v-13b,,,52.0,60.0
v-13b-awq3,v-13b,awq,49.5,59.1
v-13b-gptq3,v-13b,gptq,46.9,55.0
m-7b,,,60.2,64.0
m-7b-awq3,m-7b,awq,57.8,62.5
m-7b-gptq3,m-7b,gptq,55.1,59.8
"""


@pytest.fixture(scope="module", autouse=True)
def one_tracking(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """One MLflow for the file: making one takes seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path_factory.mktemp('mlflow') / 'mlflow.db'}")
        yield


def written(folder: Path, table: str, **fields: Any) -> tuple[str, str]:
    folder.mkdir(exist_ok=True)
    (folder / "table.csv").write_text(table, encoding="utf-8")
    YAML().dump({"study": f"{folder.name}", **SPEC, **fields}, folder / "spec.yaml")
    return str(folder / "table.csv"), str(folder / "spec.yaml")


def analysed(folder: Path, table: str, score: str = "mean", **fields: Any) -> dict[str, pl.DataFrame]:
    source, spec = written(folder, table, **fields)
    assert main(["import", source, "--spec", spec]) == 0
    assert main(["analyse", "--study", folder.name, "--out", str(folder / "out"), "--score", score]) == 0
    return {path.stem: pl.read_parquet(path) for path in (folder / "out").glob("*.parquet")}


def faults(folder: Path, table: str, **fields: Any) -> list[str]:
    source, spec = written(folder, table, **fields)
    try:
        asked = read_spec(Path(spec))
        check(read_table(Path(source), asked), asked)
    except WrongImport as error:
        return error.faults
    return []


def test_pairs_in_a_published_table_have_effects_and_verdicts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = analysed(tmp_path, COMPRESSED, score="mmlu")
    totals = found["effects"].select("method", "pairs", "total_n", "capability").rows()
    assert totals[1] == ("gptq", 3, 3, pytest.approx(-0.05366666666))
    assert totals[0] == ("awq", 3, 3, pytest.approx(-0.02666666666))
    assert dict(found["verdicts"].select("method", "difference").iter_rows()) == {
        "awq": pytest.approx(-0.014),
        "gptq": pytest.approx(-0.0473333333),
    }
    assert found["verdicts"]["label"].to_list() == ["UNDETERMINED", "REGRESSION"]
    said = capsys.readouterr().out
    assert "  6 pairs of 2 methods in 3 families\n" in said
    assert "−4.7 points as measured" in said
    assert "no ladder: at least 5 baseline models of different capability are needed" in said
    for name, frame in found.items():
        assert (tmp_path / "out" / f"{name}.csv").read_text().count("\n") >= len(frame)


def test_a_word_for_no_method_is_an_empty_cell_where_the_spec_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    worded = COMPRESSED.replace(",,,", ",,dense,")
    assert analysed(tmp_path / "worded", worded, score="mmlu")["pairs"]["chain"].to_list() == [True] * 6
    said = capsys.readouterr().out
    way = "if 'dense' says that nothing was done"
    assert f"no row is a baseline model, with neither a method nor a baseline; {way}, name it under 'missing'\n" in said
    assert f"l2-13b (others name it: {way}, leave it empty, or name it under 'missing')" in said
    assert "as measured" not in said  # without a baseline model nobody knows what a point is on the scale
    plain = analysed(tmp_path / "empty", COMPRESSED)["effects"]
    assert analysed(tmp_path / "missing", worded, missing=["dense"])["effects"].equals(plain)
    assert plain.select("method", "pairs", pl.col("total").round(6)).rows() == [
        ("awq", 3, -0.014),
        ("gptq", 3, -0.047333),
    ]


def test_every_row_that_takes_no_part_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    marred = COMPRESSED + "v-13b,,,52.5,61.0\nx-1,M-7b,awq,50,60\nx-2,gone,awq,50,60\nx-3,,awq,50,60\nx-4,m-7b,,50,60\n"
    found = analysed(tmp_path, marred)
    assert found["left_out"].select("row", "name", "reason").rows() == [
        (4, "v-13b", "duplicate name"),
        (5, "v-13b-awq3", "baseline duplicate"),
        (6, "v-13b-gptq3", "baseline duplicate"),
        (10, "v-13b", "duplicate name"),
        (11, "x-1", "baseline missing but for letter case"),
        (12, "x-2", "baseline missing"),
        (13, "x-3", "no baseline named"),
        (14, "x-4", "no method"),
    ]
    said = capsys.readouterr().out
    assert "    duplicate name: 2: v-13b (2 rows have this name)\n" in said
    assert "x-1 ('M-7b', there is 'm-7b')" in said


def test_rows_without_any_value_are_named_in_the_import_and_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The pair of such a baseline, too."""
    table = COMPRESSED.replace("l2-13b-awq3,l2-13b,awq,51.0,69.2", "l2-13b-awq3,l2-13b,awq,,")
    found = analysed(tmp_path / "empty", table.replace("m-7b,,,60.2,64.0", "m-7b,,,,"))
    assert "2 models without any value: 'l2-13b-awq3', 'm-7b'" in capsys.readouterr().out
    assert found["left_out"].select("name", "reason").rows() == [
        ("l2-13b-awq3", "no value"),
        ("m-7b", "no value"),
        ("m-7b-awq3", "baseline without a value"),
        ("m-7b-gptq3", "baseline without a value"),
    ]
    assert sorted(found["pairs"]["model"]) == ["l2-13b-gptq3", "v-13b-awq3", "v-13b-gptq3"]


@pytest.mark.parametrize(
    ("name", "what"), [("standard", "that nothing was done to"), ("no method", "whose method is not known")]
)
def test_no_method_has_a_name_that_the_tables_have_for_others(tmp_path: Path, name: str, what: str) -> None:
    (fault,) = faults(tmp_path / "taken", COMPRESSED.replace(",awq,", f",{name},"))
    assert f"method {name!r} is what the tables call models {what}: give it another name" in fault


def test_a_rule_on_the_key_names_the_baselines(tmp_path: Path) -> None:
    rule = {"baseline": "-(?P<method>awq|gptq)3$"}
    found = analysed(tmp_path, COMPRESSED, method=None, baseline=None, pairs=rule, ignore=["base", "method"])
    assert found["pairs"].select("method", "model", "baseline").rows()[0] == ("awq", "l2-13b-awq3", "l2-13b")
    assert found["pairs"]["method"].value_counts().sort("method").rows() == [("awq", 3), ("gptq", 3)]


def test_a_second_table_names_the_baselines(tmp_path: Path) -> None:
    (tmp_path / "pairs.csv").write_text("model,method,baseline\nl2-13b-awq3,awq,l2-13b\nm-7b-awq3,awq,m-7b\n")
    found = analysed(
        tmp_path, COMPRESSED, method=None, baseline=None, pairs={"table": "pairs.csv"}, ignore=["base", "method"]
    )
    assert found["pairs"]["model"].to_list() == ["l2-13b-awq3", "m-7b-awq3"]


def test_a_column_tells_rows_of_one_name_apart(tmp_path: Path) -> None:
    rows = "model,base,method,dtype,mmlu,toxicity\na,,,fp16,50,60\na,,,bf16,51,61\na-it,a,chat,bf16,52,65\n"
    rest = "".join(f"b{k},,,fp16,{50 + k},{60 + k}\n" for k in range(3))
    found = analysed(tmp_path, rows + rest, within="dtype")
    assert found["pairs"].select("model", "baseline").rows() == [("a-it [bf16]", "a [bf16]")]
    assert "a [fp16]" in found["results"]["model"].to_list()


def test_an_imported_study_has_a_page(tmp_path: Path) -> None:
    source, spec = written(tmp_path, COMPRESSED + "x-2,gone,awq,50,60\n")
    assert main(["import", source, "--spec", spec]) == 0
    assert main(["report", "--study", tmp_path.name, "--out", str(tmp_path / "page"), "--score", "mean"]) == 0
    page = (tmp_path / "page" / "index.html").read_text()
    assert "UNDETERMINED" in page
    assert "baseline missing" in page
    assert '<table id="margins">' in page
    assert '<th scope="col">area</th>' not in page
    assert [path.name for path in (tmp_path / "page").iterdir() if path.suffix == ".svg"] == []
    assert (tmp_path / "page" / "tables" / "effects.csv").exists()
    once = page
    assert main(["report", "--study", tmp_path.name, "--out", str(tmp_path / "page"), "--score", "mean"]) == 0
    assert (tmp_path / "page" / "index.html").read_text() == once
    assert main(["figures", "--study", tmp_path.name, "--out", str(tmp_path / "pictures"), "--score", "mean"]) == 0
    assert (tmp_path / "pictures" / "correlations.svg").read_text().startswith("<svg")


def test_a_table_without_pairs_has_a_page(tmp_path: Path) -> None:
    rows = "model,mmlu,toxicity\n" + "".join(f"m{k},{50 + k},{60 - k % 4}\n" for k in range(12))
    source, spec = written(tmp_path, rows, method=None, baseline=None)
    assert main(["import", source, "--spec", spec]) == 0
    assert main(["report", "--study", tmp_path.name, "--out", str(tmp_path / "page")]) == 0
    assert "how does safety move with capability?" in (tmp_path / "page" / "index.html").read_text()


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"baseline": None}, "spec.yaml: 'method' without 'baseline' or 'pairs': nothing names the baseline of a row"),
        (
            {"method": None},
            "spec.yaml: 'baseline' without 'method': the column that names what was done to the baseline",
        ),
        (
            {"pairs": {"baseline": "-it"}},
            "spec.yaml: 'baseline' and 'pairs' both name baselines: one of them is enough",
        ),
        (
            {"method": None, "baseline": None, "seed": "base", "ignore": ["method"]},
            "spec.yaml: 'seed' has no effect without 'baseline' or 'pairs'",
        ),
        (
            {"pairs": {"base": "x"}},
            "spec.yaml: pairs: {'base': 'x'} is neither {baseline: EXPRESSION, method: NAME} nor {table: FILE}",
        ),
        (
            {"pairs": {"baseline": "("}, "baseline": None},
            "spec.yaml: pairs: '(' is not a regular expression: missing ), unterminated subpattern at position 0",
        ),
        ({"margins": {"toxicity": 0}}, "spec.yaml: margins: 'toxicity': 0 is not a number above 0"),
        ({"margins": {"tox": 0.1}}, "spec.yaml: margins: 'tox' is not among: toxicity, capability"),
        ({"placebos": ["none"]}, "spec.yaml: placebos: 'none' is not among the methods: awq, gptq"),
        ({"released": "mmlu", "capability": ["toxicity"], "safety": []}, None),
    ],
)
def test_what_is_wrong_with_how_rows_are_paired_is_one_line(tmp_path: Path, fields: Any, fault: str | None) -> None:
    found = faults(tmp_path, COMPRESSED, **fields)
    if fault is None:
        assert "table.csv: column 'mmlu', row 'l2-13b': '54.1' is not a date such as 2024-07-18" in found
    else:
        assert found == [fault]
