"""A published table through MLflow and back: nothing lost, nothing in part, and the tables of its analysis."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from analysis.schema import checked
from analysis.tables import RESULTS
from stages.cli import main
from stages.errors import TrackingError
from stages.imports import tracked
from stages.imports.check import check
from stages.imports.readers import read_table
from stages.imports.spec import read_spec
from stages.imports.tracked import collect, metric_keys, rows_of, runs
from stages.tracking import Tracking
from stages.tracking_run import Described

SPEC = """
study: table
key: [name]
family: type
scale: {flops: FLOP}
capability: [mmlu, "bbh (Σ)"]
lower_is_better: [mce]
against: {brier: mmlu}
"""


@pytest.fixture(scope="module", autouse=True)
def one_tracking(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """One MLflow for the file: making one takes seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path_factory.mktemp('mlflow') / 'mlflow.db'}")
        yield


def written(folder: Path, study: str = "table", models: int = 12, marred: str = "") -> tuple[str, str]:
    rng = np.random.default_rng(1)
    header = 'name,type,FLOP,mmlu,"bbh\n(Σ)",brier,mce,../up'
    rows = [
        f"m{row},f{row % 4},{10.0 ** (20 + row)},{row / 20},{row / 30 + 0.01},{row / 40},{100 - row},{rng.random()}"
        for row in range(models)
    ]
    (folder / "table.csv").write_text("\n".join([header, *rows, marred]).strip() + "\n")
    (folder / "spec.yaml").write_text(SPEC.replace("table", study))
    return str(folder / "table.csv"), str(folder / "spec.yaml")


def test_a_table_goes_in_and_comes_out_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table, spec = written(tmp_path)
    assert main(["import", table, "--spec", spec]) == 0
    said = capsys.readouterr().out
    assert said.splitlines() == [
        "table: 12 models, 2 capability, 3 safety columns",
        "  60 values read back from MLflow",
        "  4 families, the largest 'f0' with 3 models",
        "  1 column name had newlines or runs of spaces, now one space",
        "  '*' took 3 columns: 'brier', 'mce', '../up'",
        "  from 0 to 100, and not taken as percents: if they are, name them under 'percent': 'mce'",
        "  taken as better when higher, though their names speak of errors or losses: 'brier'; name them under "
        "'lower_is_better' or 'higher_is_better'",
        "  taken as better when higher, as nothing says otherwise: '../up'; name them under 'lower_is_better' or "
        "'higher_is_better'",
    ]
    imported = collect("table")
    results = imported.results
    direct = check(read_table(Path(table), read_spec(Path(spec))), read_spec(Path(spec)))
    keys = metric_keys([one.name for one in direct.measured])
    measured = {keys[one.name]: one for one in direct.measured}
    rows = [row for run in runs(direct, keys) for row in rows_of("table", run["about"], run["metrics"], measured)]
    assert results.equals(checked(pl.DataFrame(rows, schema=RESULTS.columns), RESULTS))
    assert imported.against == {"brier": "mmlu"}
    assert results.schema == pl.Schema(RESULTS.columns)
    assert set(results["measurement"]) == {"mmlu", "bbh (Σ)", "brier", "mce", "../up"}
    assert results.filter(pl.col("model") == "m3")["flops"].unique().to_list() == [10.0**23]
    assert main(["import", table, "--spec", spec]) == 0
    assert collect("table").results.equals(results)


def test_the_analysis_writes_its_tables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table, spec = written(tmp_path, "analysed")
    assert main(["import", table, "--spec", spec]) == 0
    capsys.readouterr()
    assert main(["analyse", "--study", "analysed", "--out", str(tmp_path / "out"), "--score", "safetywashing"]) == 0
    assert "rough" in capsys.readouterr().out
    found = {path.stem: pl.read_parquet(path) for path in (tmp_path / "out").glob("*.parquet")}
    assert sorted(found) == [
        *("capability", "capability_weights", "correlations", "family_correlations"),
        *("label_fragility", "metric_labels", "results"),
    ]
    pooled = found["correlations"].filter(pl.col("population") == "pooled")
    estimates = {row["measurement"]: (row["score"], round(row["estimate"], 12)) for row in pooled.to_dicts()}
    assert estimates["mce"] == ("safetywashing", 1.0)
    assert estimates["brier"] == ("mmlu", 1.0)
    assert estimates["mmlu"] == ("safetywashing", 1.0)
    assert estimates["flops"] == ("safetywashing", 1.0)
    (tmp_path / "file").write_text("")
    for command, out, reason in (("analyse", "file", "File exists"), ("figures", "file/below", "Not a directory")):
        place = str(tmp_path / out)
        assert main([command, "--study", "analysed", "--out", place]) == 2
        assert capsys.readouterr().err == f"--out: {place!r} cannot be a folder: {reason}\n"


def test_a_table_with_a_fault_logs_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table, spec = written(tmp_path, "marred", marred="m99,f1,1e20,0.5,0.5,1O3,1,1")
    assert main(["import", table, "--spec", spec]) == 2
    said = capsys.readouterr()
    assert said.err == "table.csv: column 'brier', row 'm99': '1O3' is not a number\n"
    with pytest.raises(TrackingError, match=r"^'marred' is no imported study; "):
        collect("marred")


def test_an_import_cut_short_is_no_study_until_it_is_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, spec = written(tmp_path, "cut")
    whole = Tracking.log

    def stops(self: Tracking, about: Described, *rest: Any) -> Any:
        if about.name == "m5":
            raise KeyboardInterrupt
        return whole(self, about, *rest)

    monkeypatch.setattr(Tracking, "log", stops)
    assert main(["import", table, "--spec", spec]) == 130
    monkeypatch.undo()
    with pytest.raises(TrackingError, match="no imported study"):
        collect("cut")
    assert main(["import", table, "--spec", spec]) == 0
    assert collect("cut").results["model"].n_unique() == 12


def test_a_changed_table_replaces_the_study(tmp_path: Path) -> None:
    for models in (12, 9):
        table, spec = written(tmp_path, "changed", models)
        assert main(["import", table, "--spec", spec]) == 0
        assert collect("changed").results["model"].n_unique() == models


def test_lost_values_are_noticed(tmp_path: Path) -> None:
    table, spec = written(tmp_path, "lost", 5)
    assert main(["import", table, "--spec", spec]) == 0
    tracking = Tracking("lost", tracked._state("lost")["plan"])
    before = collect("lost").results
    changed, deleted = (run.run_id for run in tracking.children[:2])
    tracking.client.log_metric(changed, "imported/mmlu", 0.123)
    with pytest.raises(TrackingError, match=r"^MLflow holds 4 of 5 models of 'lost'; import them again$"):
        collect("lost")
    tracking.client.delete_run(deleted)
    with pytest.raises(TrackingError, match=r"^MLflow holds 3 of 5 models of 'lost'; import them again$"):
        collect("lost")
    assert main(["import", table, "--spec", spec]) == 0
    assert collect("lost").results.equals(before)


def test_an_unknown_study_or_score_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table, spec = written(tmp_path, "scores")
    main(["import", table, "--spec", spec])
    capsys.readouterr()
    out = str(tmp_path / "out")
    assert main(["analyse", "--study", "nowhere", "--out", out]) == 2
    assert capsys.readouterr().err == "'nowhere' is no imported study; `diffprog import TABLE --spec SPEC` makes one\n"
    assert main(["analyse", "--study", "scores", "--out", out, "--score", "iq"]) == 2
    known = "'pc1', 'mean', 'safetywashing', 'flops', 'parameters', or a measurement"
    assert capsys.readouterr().err == f"'iq' is no capability score: one of {known}\n"
    assert not Path(out).exists()


def test_mlflow_names_are_safe_and_different() -> None:
    names = ["mmlu", "../up", "/etc", "..", ".", "<script>", "acc", "Acc", "a*b", "a?b", "x" * 500, "Σ", "a/b", "a b"]
    keys = list(metric_keys(names).values())
    assert len({key.lower() for key in keys}) == len(names)
    assert keys[0] == "imported/mmlu"
    for key in keys:
        assert pl.Series([key]).str.contains(r"^imported/[A-Za-z0-9_.-]{1,100}$")[0]
        assert key.removeprefix("imported/").strip(".")


def test_rows_that_differ_in_anything_have_different_keys(tmp_path: Path) -> None:
    table, spec = (Path(path) for path in written(tmp_path))
    read = read_spec(spec)
    found = check(read_table(table, read), read)
    keys = metric_keys([one.name for one in found.measured])
    first = [run["run_key"] for run in tracked.runs(found, keys)]
    moved = tmp_path / "elsewhere" / "other.csv"
    moved.parent.mkdir()
    moved.write_text(table.read_text())
    again = check(read_table(moved, read), read)
    assert [run["run_key"] for run in tracked.runs(again, keys)] == first
    assert len(set(first)) == 12
