"""What once went into a study wrongly and without a word: it is read right, said, or refused."""

import gzip
from io import BytesIO
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from ruamel.yaml import YAML

from analysis.words import several
from stages.imports.check import Checked, check
from stages.imports.readers import read_table
from stages.imports.spec import WrongImport, read_spec


@pytest.fixture
def load(tmp_path: Path) -> Any:
    """Read and check a table given as text, or bytes, with the fields of its spec."""

    def load(content: str | bytes, name: str = "t.csv", **fields: Any) -> Checked:
        raw = content.encode() if isinstance(content, str) else content
        (tmp_path / name).write_bytes(raw)
        YAML().dump({"study": "s", "key": "model", **fields}, tmp_path / "spec.yaml")
        spec = read_spec(tmp_path / "spec.yaml")
        return check(read_table(tmp_path / name, spec), spec)

    return load


def faults(load: Any, content: str | bytes, name: str = "t.csv", **fields: Any) -> list[str]:
    with pytest.raises(WrongImport) as caught:
        load(content, name, **fields)
    return caught.value.faults


def axes(found: Checked) -> dict[str, str]:
    return {one.name: one.axis for one in found.measured}


# An explicit name beats a glob, and what is declared has an effect.

BOTH = "model,mmlu_acc,arc_acc,toxigen_acc,refusal\na,1,2,3,4\nb,2,3,4,5\n"


@pytest.mark.parametrize("listed", [{"capability": ["*_acc"]}, {"ignore": ["*_acc"], "capability": ["mmlu_acc"]}])
def test_a_name_beats_a_glob(load: Any, listed: dict[str, Any]) -> None:
    found = axes(load(BOTH, safety=["toxigen_acc", "refusal"], **listed))
    assert found["toxigen_acc"] == "safety"
    assert ("arc_acc" in found) == ("ignore" not in listed)


def test_a_column_that_globs_of_both_axes_fit_is_refused(load: Any) -> None:
    assert faults(load, BOTH, capability=["*_acc"], safety=["tox*", "refusal"]) == [
        "spec.yaml: 'toxigen_acc' is fitted by '*_acc' (capability) and 'tox*' (safety): name it under one of them"
    ]


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"missing": ["TBD"]}, "missing: 'TBD' has no effect: no cell is written like that"),
        ({"percent": ["refusal"]}, "percent: 'refusal' has no effect: it is under neither capability nor safety"),
        ({"lower_is_better": ["r*"]}, "lower_is_better: 'r*' has no effect: it is under neither capability nor safety"),
        ({"n": {"refusal": "arc_acc"}}, "n: 'refusal' is under neither capability nor safety"),
        ({"ignore": ["mmlu_acc"]}, "'mmlu_acc' is listed under safety and under ignore"),
        ({"family": {"a": "A", "z*": "Z", "*": "rest"}}, "family: 'z*' has no effect: no model is of that name"),
        ({"higher_is_better": ["mmlu_acc"], "lower_is_better": ["mmlu_acc"]},
         "'mmlu_acc' is listed under lower_is_better and under higher_is_better"),
    ],
)  # fmt: skip
def test_what_is_declared_and_has_no_effect_is_an_error(load: Any, fields: dict[str, Any], fault: str) -> None:
    assert faults(load, BOTH, **{"safety": ["mmlu_acc"], **fields}) == [f"spec.yaml: {fault}"]


def test_a_glob_whose_columns_are_all_named_elsewhere_is_an_error(load: Any) -> None:
    assert faults(load, BOTH, capability=["tox*"], safety=["toxigen_acc"]) == [
        "spec.yaml: capability: 'tox*' has no effect: what it fits is named elsewhere"
    ]


def test_a_join_without_a_partner_is_an_error(load: Any, tmp_path: Path) -> None:
    (tmp_path / "real.csv").write_text("model,x\nz,1\n")
    assert "spec.yaml: join: 'real' has no effect: no row has a partner" in faults(
        load, BOTH, join={"real": "real.csv"}
    )


def test_a_second_table_is_read_by_its_own_header_and_format(load: Any, tmp_path: Path) -> None:
    """The first table has two rows of header, the joined and the pairing one a single row; or the other way round."""
    two, one = "model,mmlu,mmlu\n,acc,f1\na,1,2\nb,3,4\n", "model,x\na,5\nb,6\n"
    (tmp_path / "one.csv").write_text(one)
    (tmp_path / "two.csv").write_text(two)
    (tmp_path / "pairs.csv").write_text("model,method,baseline\nb,tuned,a\n")
    found = load(two, header=2, format="table", join={"more": "one.csv"}, pairs={"table": "pairs.csv"})
    assert found.values["more/x"].to_list() == [5, 6]
    assert found.models["method"].to_list() == ["", "tuned"]
    again = load(one, join={"more": {"file": "two.csv", "header": 2}})
    assert again.values["more/mmlu/f1"].to_list() == [2, 4]
    assert faults(load, one, join={"more": {"file": "two.csv", "rows": 2}}) == [
        "spec.yaml: join: more: {'file': 'two.csv', 'rows': 2} is not a file, nor a mapping of 'file' and 'header'"
    ]


def test_a_form_that_is_declared_and_has_no_effect_is_an_error(load: Any, tmp_path: Path) -> None:
    pl.DataFrame({"model": ["a", "b"], "x": [1.5, 2.5]}).write_parquet(tmp_path / "source.parquet")
    parquet = (tmp_path / "source.parquet").read_bytes()
    assert faults(load, parquet, "t.parquet", header=2, format="lm-eval", decimal=",") == [
        "spec.yaml: header: has no effect: t.parquet has no rows of header",
        "spec.yaml: format: 'lm-eval' has no effect: t.parquet is a table",
    ]
    assert faults(load, parquet, "t.parquet", decimal=",") == [
        "spec.yaml: decimal: has no effect: no number in text has a decimal mark"
    ]
    assert faults(load, '[{"model": "a", "x": 1}]', "t.json", header=2) == [
        "spec.yaml: header: has no effect: t.json has no rows of header"
    ]
    assert faults(load, "model,x\na,1\nb,2\n", decimal=".") == [
        "spec.yaml: decimal: has no effect: no number in text has a decimal mark"
    ]
    assert load("model;x\na;1,5\nb;2\n", decimal=",").values["x"].to_list() == [1.5, 2.0]


def test_a_method_whose_name_can_not_be_shown_is_an_error(load: Any) -> None:
    text = "model,base,how,lab,bits,x\na,,,L,8,1\nb,a,\x1b[31mred,\u202eL,8\u200b,2\n"
    fields: dict[str, Any] = {"method": "how", "baseline": "base", "lab": "lab", "within": ["bits"]}
    assert [fault for fault in faults(load, text, **fields) if "characters" in fault] == [
        "t.csv: lab '\\u202eL': holds control or invisible characters",
        "t.csv: method '\\x1b[31mred': holds control or invisible characters",
        "t.csv: within '8\\u200b': holds control or invisible characters",
    ]


def test_a_join_tells_its_notes_and_refuses_a_name_that_is_there(load: Any, tmp_path: Path) -> None:
    (tmp_path / "real.csv").write_text("model;x\na;1\n;\nb;2\n")
    notes = load(BOTH, join={"real": "real.csv"}).notes
    assert "real.csv: cells are separated by semicolons" in notes
    assert "real.csv: 1 blank lines left out" in notes
    clash = BOTH.replace("refusal", "real/x")
    assert faults(load, clash, join={"real": "real.csv"}) == ["spec.yaml: join: column 'real/x' is in t.csv, too"]


def test_two_values_of_one_name_in_a_row_of_json_are_refused(load: Any) -> None:
    assert faults(load, '[{"model": "a", "x/y": 5, "x": {"y": 7}}]', "t.json") == [
        "t.json: row 1: two values of the name 'x/y', one of them inside another"
    ]


@pytest.mark.parametrize("pattern", ["^(?:qwen|llama)", "^(qwen|llama)", "qwen|llama", "[(]?(?i:QWEN|LLAMA)"])
def test_a_family_is_the_first_group_of_a_pattern_or_all_of_it(load: Any, pattern: str) -> None:
    found = load("model,x\nqwen-1,1\nllama-1,2\n", family={"regex": pattern})
    assert found.models["family"].to_list() == ["qwen", "llama"]


# Missing cells.


@pytest.mark.parametrize("sentinel", ["-1", "-1.0"])
def test_a_number_that_stands_for_a_missing_cell_is_no_number(load: Any, sentinel: str) -> None:
    text = "model,mmlu,tox,size\na,0.3,0.30,-1\nb,0.4,-1,7\nc,0.5,0.40,13\n"
    found = load(text, capability=["mmlu"], scale={"parameters": {"column": "size", "times": 1e9}}, missing=[sentinel])
    assert found.values["tox"].to_list() == [0.3, None, 0.4]
    assert found.models["parameters"].to_list() == [None, 7e9, 13e9]
    assert "1 of 6 values missing, by column: 'tox' 1" in found.notes


def test_a_text_that_stands_often_where_a_number_should_is_pointed_out(load: Any) -> None:
    assert faults(load, "model,x,y\na,TBD,1\nb,TBD,1\nc,0.5,1\n", safety=["x"])[-2:] == [
        "t.csv: column 'x': 'TBD' stands 2 times: if nothing was measured, name it under 'missing'",
        "t.csv: column 'x': mostly text: it can be named under 'ignore'",
    ]


@pytest.mark.parametrize("word", ["unknown", "n/a", "NaN", "-", "none", ""])
def test_a_missing_lab_or_date_is_none_and_a_missing_family_an_error(load: Any, word: str) -> None:
    text = f"model,x,of,day\na,1,A,2024-01-01\nb,2,{word},{word}\n"
    missing: dict[str, Any] = {"missing": ["unknown"]} if word == "unknown" else {}
    found = load(text, lab="of", released="day", safety=["x"], **missing)
    assert found.models["lab"].to_list() == ["A", None]
    assert found.models["released"].to_list() == [2024.0, None]
    assert faults(load, text, family="of", safety=["x"], **missing) == ["t.csv: row 'b': no family"]


@pytest.mark.parametrize("day", ["2024-18-07", "2024-00-01", "2024-02-30", "2024-01-00", "yesterday"])
def test_a_day_that_never_was_is_no_date(load: Any, day: str) -> None:
    assert faults(load, f"model,x,day\na,1,{day}\n", released="day", safety=["x"]) == [
        f"t.csv: column 'day', row 'a': '{day}' is not a date such as 2024-07-18"
    ]


@pytest.mark.parametrize(
    ("day", "year"),
    [("2024-02-29", 2024 + 1 / 12 + 28 / 365), ("2024-7", 2024.5), ("2024", 2024.5), ("2023.25", 2023.25)],
)
def test_a_day_a_month_or_a_year_is_a_date(load: Any, day: str, year: float) -> None:
    found = load(f"model,x,day\na,1,{day}\n", released="day", safety=["x"])
    assert found.models["released"].to_list() == [pytest.approx(year)]


def test_what_tells_nothing_apart_is_named(load: Any) -> None:
    notes = load("model,x,y,z\na,1,0.5,\nb,1,0.6,\nc,1,0.7,1\n", safety=["x", "y", "z"]).notes
    assert "2 of 9 values missing, by column: 'z' 2" in notes
    assert "one value in all models, so they tell nothing apart: 'x', 'z'" in notes


# Numbers as people write them.


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ('model,x,y\na,"1,234",76.9\nb,872,77.6\n', [1234, 872]),  # the table has decimal points
        ('model,x,y\na,"1,234","0,5"\nb,"0,7","2,5"\n', [1.234, 0.7]),  # the column has decimal commas
        ("model;x;y\na;1,234;0,5\nb;2,345;2,5\n", [1.234, 2.345]),  # the table has
        ('model,x,y\na,"1,234,567","0,5"\nb,"1,234","2,5"\n', [1234567, 1234]),  # the column has thousands
    ],
)
def test_a_comma_is_what_the_column_or_else_the_table_shows(load: Any, text: str, values: list[float]) -> None:
    assert load(text, safety=["x"]).values["x"].to_list() == values


@pytest.mark.parametrize(
    ("text", "bad"),
    [
        ('model,x\na,"1,234"\nb,872\n', ["1,234"]),
        ('model,x\na,"0,5"\nb,1.234\n', ["1.234"]),
        ('model,x\na,"0,5"\nb,0.7\nc,"1,234"\nd,1.234\n', ["1,234", "1.234"]),
        ('model,x,y\na,1.234,"0,5"\nb,2.345,"1,5"\n', ["1.234", "2.345"]),
    ],
)
def test_a_number_that_may_be_a_thousand_times_another_is_refused(load: Any, text: str, bad: list[str]) -> None:
    found = faults(load, text, safety=["x"])
    said = "is a thousand or a fraction of ten here: say which by 'decimal: \".\"' or 'decimal: \",\"'"
    assert [line for line in found if said in line] == [
        f"t.csv: column 'x', row '{line.split(',')[0]}': '{cell}' {said}"
        for cell in sorted(bad, key=text.index)
        for line in text.splitlines()
        if cell in line
    ]


def test_the_decimal_mark_can_be_declared(load: Any) -> None:
    text = 'model,x\na,"1,234"\nb,2\n'
    assert load(text, decimal=".").values["x"].to_list() == [1234, 2]
    assert load(text, decimal=",").values["x"].to_list() == [1.234, 2]
    assert load("model,x\na,1.234\nb,2\n", decimal=",").values["x"].to_list() == [1234, 2]
    assert faults(load, "model,x\na,0.85\nb,2\n", decimal=",") == [
        "t.csv: column 'x', row 'a': '0.85' is not a number",
    ]


@pytest.mark.parametrize(
    ("cell", "size"),
    [("8.03B", 8.03e9), ("7e9", 7e9), ("70 M", 70e6), ("1.3 billion", 1.3e9), ("350k", 350e3), ("1T", 1e12)],
)
def test_sizes_have_units(load: Any, cell: str, size: float) -> None:
    assert load(f"model,x,size\na,1,{cell}\n", scale={"parameters": "size"}).models["parameters"].to_list() == [size]


def test_sizes_of_a_parquet_file_may_be_categories(load: Any) -> None:
    size = pl.Series(["7B", "70B"], dtype=pl.Categorical)
    frame = pl.DataFrame({"model": ["a", "b"], "x": [1, 2], "size": size})
    frame.write_parquet(payload := BytesIO())
    found = load(payload.getvalue(), "t.parquet", scale={"parameters": "size"})
    assert found.models["parameters"].to_list() == [7e9, 70e9]


def test_a_unit_in_the_cell_and_one_in_the_spec_are_one_too_many(load: Any) -> None:
    scale = {"parameters": {"column": "size", "times": 1e9}}
    assert faults(load, "model,x,size\na,1,8B\nb,2,7\n", scale=scale) == [
        "t.csv: column 'size', row 'a': '8B' has a unit of its own, and the spec's 'times' beside it"
    ]
    assert faults(load, "model,x,size\na,1,8x7B\n", scale={"parameters": "size"}) == [
        "t.csv: column 'size', row 'a': '8x7B' is not a number"
    ]


# Units.


def test_percents_are_declared_or_signed_and_never_guessed(load: Any) -> None:
    text = "model,a,b,c,d\nm,84.2%,71.5,60,0.5\nn,81%,72.5,70,0.6\n"
    found = load(text, percent=["c", "d"], safety=["a", "b", "c", "d"])
    assert found.values["b"].to_list() == [71.5, 72.5]
    assert found.values["c"].to_list() == [0.6, pytest.approx(0.7)]
    assert [note for note in found.notes if "percent" in note] == [
        "taken as percents, as every cell has the sign: 'a'",
        "taken as percents, as the spec says, though none is above 1: 'd'",
        "from 0 to 100, and not taken as percents: if they are, name them under 'percent': 'b'",
        "2 cells with a percent sign",
    ]


@pytest.mark.parametrize(
    ("cells", "declared"),
    [
        (("84%", "1.2%"), False),
        (("0.84", "0.012"), False),
        (("84%", "1.2"), True),
        (("84", "1.2%"), True),
        (("84 ± 1.2%", ""), False),
    ],
)
@pytest.mark.parametrize("long", [True, False])
def test_an_error_is_in_the_unit_of_its_value(load: Any, cells: tuple[str, str], declared: bool, long: bool) -> None:
    text, fields = with_error(*cells, long)
    found = load(text, **fields, **({"percent": ["acc"]} if declared else {}))
    assert (found.values["acc"][0], found.errors["acc"][0]) == (pytest.approx(0.84), pytest.approx(0.012))


@pytest.mark.parametrize("cells", [("0.84", "1.2%"), ("84%", "0.012")])
@pytest.mark.parametrize("long", [True, False])
def test_an_error_whose_percent_sign_is_not_its_values_is_refused(
    load: Any, cells: tuple[str, str], long: bool
) -> None:
    text, fields = with_error(*cells, long)
    said = "is its standard error, and only one of the two has a percent sign"
    assert faults(load, text, **fields) == [
        f"t.csv: column 'acc', row 'a': {float(cells[1].strip('%'))} {said}; "
        "if both are percents, name it under 'percent'"
    ]


def test_a_percent_sign_after_the_error_alone_is_not_that_of_a_fraction(load: Any) -> None:
    assert faults(load, "model,acc\na,0.84 ± 1.2%\n", safety=["acc"]) == [
        "t.csv: column 'acc', row 'a': '0.84 ± 1.2%' is a value without a percent sign and an error with one: "
        "both need it, or none",
        "t.csv: column 'acc': mostly text: it can be named under 'ignore'",
    ]


def with_error(value: str, error: str, long: bool) -> tuple[str, dict[str, Any]]:
    """A table of one model with its error beside it, and what a spec says of it."""
    if long:
        names = {"measurement": "metric", "value": "value"} | ({"standard_error": "se"} if error else {})
        return f"model,metric,value,se\na,acc,{value},{error}\n", {"long": names}
    return f"model,acc,se\na,{value},{error}\n", {"safety": ["acc"]} | (
        {"standard_error": {"acc": "se"}} if error else {}
    )


# Files as they are.

PLAIN = "model,mmlu,tox\na,0.5,0.1\nb,0.6,0.2\n"
JSON = b'{"a": {"mmlu": 0.5, "tox": 0.1}, "b": {"mmlu": 0.6, "tox": 0.2}}'
JSON_LINES = b'{"model": "a", "mmlu": 0.5, "tox": 0.1}\r\n{"model": "b", "mmlu": 0.6, "tox": 0.2}\r\n'


@pytest.mark.parametrize(
    ("name", "content", "note"),
    [
        ("T.CSV", PLAIN.encode(), None),
        ("t.csv.gz", gzip.compress(PLAIN.encode(), mtime=0), None),
        ("t.json.gz", gzip.compress(JSON, mtime=0), None),
        ("t.jsonl.gz", gzip.compress(JSON_LINES, mtime=0), None),
        ("t.csv", PLAIN.replace(",", ";").encode(), "cells are separated by semicolons"),
        ("t.csv", PLAIN.replace(",", "\t").encode(), "cells are separated by tabs"),
        ("t.csv", PLAIN.replace(",", ";").replace(".", ",").encode(), "cells are separated by semicolons"),
        ("t.csv", PLAIN.encode("utf-16"), "text in UTF-16"),
        ("t.csv", PLAIN.encode("utf-16-le"), "text in UTF-16-LE"),
        ("t.csv", ("\ufeff" + PLAIN).encode(), None),
        ("t.csv", PLAIN.replace("\n", ",\n").encode(), "1 column without a name or a value left out"),
        ("t.json", JSON, None),
        ("t.json", b'{"model": ["a", "b"], "mmlu": [0.5, 0.6], "tox": [0.1, 0.2]}', None),
        ("t.jsonl", b'{"model": "a", "mmlu": 0.5, "tox": 0.1}\n\n{"model": "b", "mmlu": 0.6, "tox": 0.2}\n', None),
    ],
)
def test_a_table_is_read_as_it_is(load: Any, name: str, content: bytes, note: str | None) -> None:
    found = load(content, name, capability=["mmlu"])
    assert found.values.to_dict(as_series=False) == {"mmlu": [0.5, 0.6], "tox": [0.1, 0.2]}
    assert found.models["model"].to_list() == ["a", "b"]
    assert note is None or note in found.notes


def test_a_mapping_of_columns_to_models_is_one_of_models(load: Any) -> None:
    found = load('{"mmlu": {"a": 0.5, "b": 0.6}, "tox": {"a": 0.1, "b": 0.2}}', "t.json", capability=["mmlu"])
    assert found.models["model"].to_list() == ["a", "b"]


def test_values_inside_others_have_a_path(load: Any) -> None:
    found = load('[{"model": "a", "mmlu": {"acc": 0.5, "f1": 0.6}}]', "t.json")
    assert found.values.to_dict(as_series=False) == {"mmlu/acc": [0.5], "mmlu/f1": [0.6]}


def test_the_index_of_a_data_frame_can_be_the_key_or_is_left_out(load: Any) -> None:
    text = ",win_rate,standard_error\nm0,76.9,0.9\nm1,77.6,1.2\n"
    found = load(text, key="", standard_error={"win_rate": "standard_error"})
    assert found.models["model"].to_list() == ["m0", "m1"]
    assert found.errors.to_dict(as_series=False) == {"win_rate": [0.9, 1.2]}
    numbered = load(",model,x\n0,a,1\n1,b,2\n")
    assert axes(numbered) == {"x": "safety"}
    assert "'*' did not take 1 column, by their names no measurements: ''" in numbered.notes
    assert axes(load(",model,x\n0,a,1\n1,b,2\n", ignore=[""])) == {"x": "safety"}


@pytest.mark.parametrize(
    "text",
    [
        "model,mmlu,mmlu,tox\n,acc,f1,acc\na,0.5,0.6,0.1\nb,0.6,0.7,0.2\n",
        "model,mmlu,,tox\n,acc,f1,acc\na,0.5,0.6,0.1\nb,0.6,0.7,0.2\n",
        ",mmlu,mmlu,tox\n,acc,f1,acc\nmodel,,,\na,0.5,0.6,0.1\nb,0.6,0.7,0.2\n",
    ],
)
def test_two_rows_of_header_name_the_columns_together(load: Any, text: str) -> None:
    found = load(text, header=2)
    assert found.values.to_dict(as_series=False) == {
        "mmlu/acc": [0.5, 0.6],
        "mmlu/f1": [0.6, 0.7],
        "tox/acc": [0.1, 0.2],
    }


def test_two_rows_of_header_that_are_not_declared_are_pointed_out(load: Any) -> None:
    assert faults(load, "model,mmlu,mmlu\n,acc,f1\na,0.5,0.6\n") == [
        "t.csv: duplicate column 'mmlu', 2 times",
        "t.csv: if it has two rows of header, say 'header: 2'",
    ]


# What `*` takes.


def test_what_is_no_measurement_by_its_name_is_not_taken_for_safety(load: Any) -> None:
    aside = [
        *(
            "Rank",
            "likes",
            "hub_downloads",
            "num_params",
            "#Params (B)",
            "CO2 cost (kg)",
            "mmlu_stderr",
            "std",
            "ci_low",
        ),
        *(
            "acc_ci_upper",
            "lower_bound",
            "Upload Date",
            "n",
            "n_samples",
            "arena_votes",
            "Unnamed: 0",
            "standard_error",
        ),
    ]
    kept = ["mmlu", "toxicity", "refusal_rate", "friendliness", "accountability", "generation", "upper_exam", "id_acc"]
    header = ",".join(["model", *kept, *aside])
    rows = "\n".join(f"m{row}," + ",".join(str(row + 1) for _ in (*kept, *aside)) for row in range(2))
    found = load(f"{header}\n{rows}\n", higher_is_better=["toxicity"])
    assert list(axes(found)) == kept
    assert f"'*' took {several(len(kept), 'column')}: {', '.join(map(repr, kept))}" in found.notes
    named = ", ".join(map(repr, aside))
    assert f"'*' did not take {len(aside)} columns, by their names no measurements: {named}" in found.notes
    assert "likes" in axes(load(f"{header}\n{rows}\n", safety=["likes"]))


# Errors and counts.

LONG = {"measurement": "metric", "value": "value", "standard_error": "se", "n": "n"}


@pytest.mark.parametrize("long", [True, False])
def test_impossible_errors_and_counts_are_refused(load: Any, long: bool) -> None:
    rows = [("a", 0.85, -1, 10.5), ("b", 0.84, 0.1, 0), ("c", 0.80, 0.1, -3)]
    if long:
        text = "model,metric,value,se,n\n" + "".join(f"{m},acc,{v},{se},{n}\n" for m, v, se, n in rows)
        fields: dict[str, Any] = {"long": LONG}
    else:
        text = "model,acc,se,n\n" + "".join(f"{m},{v},{se},{n}\n" for m, v, se, n in rows)
        fields = {"standard_error": {"acc": "se"}, "n": {"acc": "n"}}
    place = ", acc" if long else ""
    assert faults(load, text, **fields) == [
        f"t.csv: column 'se', row 'a{place}': -1.0 is no standard error: it is below 0",
        f"t.csv: column 'n', row 'a{place}': 10.5 is no number of items: those are whole and above 0",
        f"t.csv: column 'n', row 'b{place}': 0.0 is no number of items: those are whole and above 0",
        f"t.csv: column 'n', row 'c{place}': -3.0 is no number of items: those are whole and above 0",
    ]


def test_a_long_table_may_have_its_family_and_size_in_its_key(load: Any) -> None:
    rows = [f"{a},{d},{s},acc,{0.8 + s / 100}" for a in ("ERM", "IRM") for d in ("PACS", "VLCS") for s in (1, 2)]
    text = "\n".join(["algorithm,dataset,seed,metric,value", *rows])
    long = {"measurement": ["dataset", "metric"], "value": "value"}
    found = load(text, key=["algorithm", "seed"], family="algorithm", scale={"parameters": "seed"}, long=long)
    assert found.models["model"].to_list() == ["ERM, 1", "ERM, 2", "IRM, 1", "IRM, 2"]
    assert found.models["family"].to_list() == ["ERM", "ERM", "IRM", "IRM"]
    assert found.values.columns == ["PACS/acc", "VLCS/acc"]


def test_a_measurement_of_a_long_table_may_be_called_row(load: Any) -> None:
    text = "model,metric,value\na,row,1\na,x,2\nb,row,3\nb,x,4\n"
    found = load(text, long={"measurement": "metric", "value": "value"})
    assert found.values.to_dict(as_series=False) == {"row": [1, 3], "x": [2, 4]}


# Directions.


@pytest.mark.parametrize(("starred", "globbed"), [("lower", "higher"), ("higher", "lower")])
def test_a_star_is_for_what_the_other_list_does_not_name(load: Any, starred: str, globbed: str) -> None:
    text = "model,tox_a,tox_b,acc\na,1,2,3\n"
    found = load(text, **{f"{starred}_is_better": "*", f"{globbed}_is_better": ["tox*"]})
    turned = globbed == "higher"
    assert {one.name: one.higher_is_better for one in found.measured} == {
        "tox_a": turned,
        "tox_b": turned,
        "acc": not turned,
    }
    both = {"lower_is_better": "*", "higher_is_better": "*"}
    assert faults(load, "model,x\na,1\n", safety=["x"], **both) == [
        "spec.yaml: 'x' is listed under lower_is_better and under higher_is_better"
    ]


def test_names_of_errors_taken_as_gains_are_pointed_out(load: Any) -> None:
    text = "model,wikitext/word_perplexity,acc\na,20,0.5\nb,10,0.6\n"
    told = "taken as better when higher, though their names speak of errors or losses: 'wikitext/word_perplexity'"
    assert any(note.startswith(told) for note in load(text).notes)
    for stated in ("lower_is_better", "higher_is_better"):
        assert not any("taken as better" in note for note in load(text, **{stated: ["*perplexity"]}).notes)


def test_safety_columns_of_a_table_whose_direction_nobody_says_are_pointed_out(load: Any) -> None:
    text = "model,mmlu,refusal,toxigen_acc\na,0.2,0.5,0.4\nb,0.3,0.6,0.5\n"
    told = "taken as better when higher, as nothing says otherwise: 'refusal'; name them under"
    asked = {"capability": ["mmlu"], "safety": ["refusal", "toxigen_acc"]}
    notes = load(text.replace("toxigen_acc", "acc"), **{**asked, "safety": ["refusal", "acc"]}).notes
    assert [note for note in notes if "taken as better" in note] == [f"{told} 'lower_is_better' or 'higher_is_better'"]
    assert "as nothing says otherwise: 'refusal', 'toxigen_acc';" in str(load(text, **asked).notes)
    for stated in ({"higher_is_better": "*"}, {"lower_is_better": ["refusal", "tox*"]}):
        assert not any("taken as better" in note for note in load(text, **asked, **stated).notes)


def test_what_a_log_leaves_the_direction_of_open_is_left_out_and_named(load: Any) -> None:
    log = '{"results": {"t": {"wonder": 1, "acc": 1}}, "config": {"model": "m"}}'
    way = "name them under 'lower_is_better' or 'higher_is_better'"
    found = load(log, "t.json")
    assert f"1 measurement left out, as nothing says which way is better: 't/wonder'; {way}" in found.notes
    assert found.values.columns == ["t/acc"]
    told = load(log, "t.json", higher_is_better=["t/wonder"])
    assert not any("which way is better" in note for note in told.notes)
    assert told.values.columns == ["t/wonder", "t/acc"]
