"""diffprog audit, verify and plan --power, on a simulated study and on a store of two cells."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from analysis.simulation.worlds import Method, World
from pipelines.outcomes import Outcomes
from stages import analyse, artifacts, report, tables
from stages.artifacts import STUDY
from stages.cli import main, run_stage
from stages.needed import measured_runs, values_of
from stages.stale import STALE
from stages.store import provenance
from stages.store.codecs import outcomes_bytes
from stages.store.store import Store
from stages.study import params
from tests.stages.test_analyse import FIXED, simulated_tables

WORLD = World(measurements=2, methods={"shield": Method(beyond=0.8), "placebo": Method()}, families=4)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("DIFFPROG_STORE", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_methods_case_on_one_screen(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    analyse.write(*simulated_tables(WORLD), FIXED)
    verdict = pl.read_parquet("findings/verdicts.parquet").filter(method="shield", area="outliers").row(0, named=True)
    assert main(["audit", "shield"]) == 0
    shown = capsys.readouterr().out
    assert len(shown.splitlines()) < 30
    assert max(map(len, shown.splitlines())) <= 80
    line = next(line for line in shown.splitlines() if "DIFFERENTIAL" in line)
    assert line.split()[:4] == ["outliers", "DIFFERENTIAL", "★", f"{verdict['beyond']:+.2f}"]
    assert line.split()[6:] == ["0.10", f"{100 * verdict['difference']:+.1f}", "points"]
    assert f"vision (simulated): {verdict['pairs']} pairs of {verdict['models']} models, each with standard" in shown
    assert "  safer beyond what capability explains on outliers (" in shown
    lines = shown.splitlines()
    (said,) = lines[lines.index("  with fewer models, families or seeds:") + 1 :][:1]
    assert said == "  outliers: not changed by leaving out a few models, families and seeds"
    runs = 4 * 4 * 2
    assert f"runs            {runs} planned, {runs} finished, 0 failed, 0 flagged" in shown
    assert "placebos        1 " in shown
    assert f"audit           {FIXED.digest}, of all its choices as they were planned" in shown
    assert "unclear (95 % intervals)" in shown
    assert main(["audit", "shield", "--json"]) == 0
    case = json.loads(capsys.readouterr().out)
    (found,) = case["verdicts"]
    assert found == {"task": "vision", **{name: verdict[name] for name in found if name != "task"}}
    assert (case["audit"], case["placebos"], case["runs"][0]["planned"]) == (FIXED.digest, {"NO GAIN": 1}, runs)
    assert [row["of"] for row in case["fragility"]] == ["family", "model", "seed"]
    assert main(["audit", "sword"]) == 2
    assert capsys.readouterr().err == "'sword' is not one of the methods that were audited: placebo, shield\n"


def test_what_is_of_another_params_yaml_says_so(
    study: Callable[[Mapping[str, Any]], Path], tiny: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    study(tiny)
    assert run_stage("plan") == 0
    analyse.write(*simulated_tables(WORLD), FIXED)
    capsys.readouterr()
    assert main(["audit", "shield"]) == 0
    assert capsys.readouterr().err == ""
    tiny["vision"]["seeds"] = [0, 1, 2]
    study(tiny)
    assert main(["audit", "shield"]) == 0
    assert capsys.readouterr().err == f"{STALE}\n"


def test_what_was_found_is_said_at_the_end_of_the_pipeline(folder: Path) -> None:
    analyse.write(*simulated_tables(WORLD), FIXED)
    verdicts = pl.read_parquet("findings/verdicts.parquet")
    (said,) = report.answers(verdicts)
    assert said.startswith("vision: 1 verdict on 1 method. A gain beyond its margin: 1 yes, 0 no. ")
    assert said.endswith("The placebo, which does nothing: 1 NO GAIN.")
    twice = pl.concat([verdicts, verdicts.with_columns(task=pl.lit("control"))])
    assert [line.partition(":")[0] for line in report.answers(twice)] == ["vision", "control"]
    assert report.answers(verdicts.clear()) == ["no verdict: nothing that was measured could be judged"]


@pytest.mark.slow
def test_margins_that_the_study_run_here_could_not_decide_are_named(
    study: Callable[[Mapping[str, Any]], Path],
    tiny: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
) -> None:
    tiny["audit"] = {"areas": {"outliers": "near/auroc"}, "margins": {"near/auroc": 0.001}}
    study(tiny)
    assert main(["check"]) == 0
    assert "audit.margins" not in capsys.readouterr().out
    analyse.write(*simulated_tables(WORLD), FIXED)
    artifacts.RESULTS.path.touch()
    for name in ("verdicts", "margins"):
        frame = pl.read_parquet(f"findings/{name}.parquet").filter(pl.col("measurement").str.starts_with("condition00"))
        frame.with_columns(measurement=pl.lit("near/auroc")).write_parquet(f"findings/{name}.parquet")
    default = pl.read_parquet("findings/margins.parquet")["default"].item()
    assert main(["check"]) == 0
    (said,) = (line for line in capsys.readouterr().out.splitlines() if "audit.margins" in line)
    assert said.startswith("  audit.margins.near/auroc: 0.001 is below 2.5 standard errors of D here (0.")
    assert said.endswith(f": no effect can be shown to be none; less than the default, {default:.2f}")
    assert main(["plan", "--power"]) == 0
    assert said.strip() in capsys.readouterr().out
    tiny["audit"]["margins"]["near/auroc"] = 5.0
    study(tiny)
    assert main(["check"]) == 0
    assert "audit.margins" not in capsys.readouterr().out


def test_before_there_are_findings_the_way_to_them_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "shield"]) == 2
    assert capsys.readouterr().err == "findings/verdicts.parquet: not there yet; `dvc repro` makes it\n"


def write_measured(study: str) -> pl.DataFrame:
    """The same run with its values in the store, of a study of this name; its planned measurements."""
    write_study(0.75)
    runs = artifacts.RUNS.read()
    spec = {"method": {"options": {}}, "training": {"epochs": 1}}
    runs = artifacts.RUNS.write(runs.with_columns(spec=pl.lit(json.dumps(spec))))
    planned = [name for name in artifacts.PLANNED_RUNS.table.columns if name in runs.columns]
    artifacts.PLANNED_RUNS.write(runs.select(planned).with_columns(splits=pl.lit("train")))
    of_data = {"digest": "e" * 64, "rows": 10, "bytes": 100}
    tables.write_json({"vision": {"splits": {"train": of_data}, "conditions": {"clean": of_data}}}, artifacts.DATA)
    tables.write_json({"name": study, "data": {}}, STUDY)
    (asked,) = values_of(measured_runs())
    values = {"values": {"clean/accuracy": {"all": [0.75, 0.1, 8]}}, "flags": [], "replicates": {}}
    Store("store").write("values", asked.key, json.dumps(values).encode())
    return artifacts.PLANNED_MEASUREMENTS.read()


MADE = {"environment": "{}"}
RUN_KEY = "d" * 32
PLANNED = Path("plan/measurements.parquet")


def write_study(value: float) -> None:
    """One run under one condition, its outcomes in the store, and results that say `value`."""
    logits = np.zeros((8, 2), np.float32)
    logits[:6, 1] = 1
    none = np.full(8, -1)
    outcomes = Outcomes(logits, np.ones(8, np.int64), np.arange(8), none, none)
    Store("store").write("cells", "c" * 32, outcomes_bytes(outcomes))
    run = {
        "task": "vision",
        "domain": "vision",
        "dataset": "d",
        "method": "standard",
        "model": "cnn-1",
        "family": "cnn",
        "seed": 0,
    }
    size = {"parameters": 1, "flops": 1.0}
    fate = {"status": "finished", "reason": ""}
    key = {"run": "vision/standard/cnn-1/0", "run_key": RUN_KEY}
    what: dict[str, Any] = {"measurement": "clean/accuracy", "condition": "clean", "metric": "accuracy"}
    what |= {
        "axis": "safety",
        "pillar": "robustness",
        "higher_is_better": True,
        "lower": 0.0,
        "upper": 1.0,
        "chance": None,
        "target": None,
    }
    role = {"role": "run", "at_step": None, "sibling": None}
    artifacts.RUNS.write(
        [{**run, **size, **fate, **key, **role, "steps": 1, "loss": 0.0, "spec": "", "code": ""} | MADE]
    )
    condition: dict[str, Any] = {
        "condition": "clean",
        "task": "vision",
        "domain": "vision",
        "spec": "",
        "code": "",
        "splits": "capability",
    }
    condition |= {"splits": "capability", "sibling": False, "checkpoints": False, "agreement": ""}
    artifacts.PLANNED_CELLS.write([condition])
    artifacts.OUTCOMES.write([{**key, **fate, "condition": "clean", "cell_key": "c" * 32, "digest": ""} | MADE])
    spec = json.dumps({"use": "accuracy", "options": {}, "scaled": False})
    by = {"reference": None, "leaks": "", "spec": spec, "code": ""}
    artifacts.PLANNED_MEASUREMENTS.write([{"task": "vision", **what, **by}])
    row = {**run, **size, **what, "step": 1, "part": "all", "value": value, "standard_error": None, "n": 8, "flags": ""}
    artifacts.RESULTS.write([row])


def test_a_number_is_made_again_from_its_outcomes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_study(0.75)
    assert main(["verify", "standard/cnn-1/0:clean/accuracy"]) == 0
    assert capsys.readouterr().out == (
        "standard/cnn-1/0:clean/accuracy\n"
        f"  from the stored outcomes  0.75   (cell {'c' * 32})\n"
        "  in results.parquet        0.75\n"
        "  the same\n"
    )
    write_study(0.5)
    assert main(["verify", "standard/cnn-1/0:clean/accuracy"]) == 1
    assert capsys.readouterr().out.endswith("  they differ by 0.25\n")


def test_both_environments_are_named_where_a_number_is_not_the_same_to_the_bit(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Measured on another processor: the last bit may differ, and the reader sees between what."""
    write_study(0.75 + 2**-50)
    here = provenance.environment("cpu", 4, provenance.checkout())
    (asked,) = values_of(measured_runs())
    facts = {"environment": {**here, "processor": "Old Chip", "numpy": "1.0"}}
    Store("store").write("values", asked.key, b"{}", facts)
    assert main(["verify", "standard/cnn-1/0:clean/accuracy"]) == 0
    processor, numpy = here["processor"], here["numpy"]
    assert capsys.readouterr().out.endswith(
        f"  measured then and now with numpy 1.0 and {numpy}; processor Old Chip and {processor}\n"
        "  they differ by -8.88e-16, rounding\n"
    )


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        (
            "clean/accuracy",
            "'clean/accuracy' is not one of: [TASK/]METHOD/MODEL/SEED:CONDITION/METRIC, [TASK:]METHOD:AREA, "
            "a table of findings/ or a certificate",
        ),
        (
            "a/b/0:clean",
            "'a/b/0:clean' is not [TASK/]METHOD/MODEL/SEED:CONDITION/METRIC, with /PART where one is meant",
        ),
        ("a/b/0:clean/accuracy", "'a/b/0' is not one of the 1 finished runs, the first 'vision/standard/cnn-1/0'"),
        (
            "standard/cnn-1/0:pgd/accuracy",
            "'pgd/accuracy' of vision/standard/cnn-1/0 is not among what was measured: clean/accuracy",
        ),
        ("standard/cnn-1/0:clean/accuracy/fog", "clean/accuracy has no part 'fog': all"),
    ],
)
def test_a_number_that_is_not_there_is_said(
    folder: Path, capsys: pytest.CaptureFixture[str], cell: str, message: str
) -> None:
    write_study(0.75)
    assert main(["verify", cell]) == 2
    assert capsys.readouterr().err == message + "\n"


@pytest.mark.parametrize("given", ["0", "-1", "wide", "nan", "inf"])
def test_a_standard_deviation_that_is_none_is_refused(given: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["plan", "--power", f"--sd={given}"])
    assert f"argument --sd: '{given}' is not a standard deviation above 0" in capsys.readouterr().err


def test_a_plan_counts_no_claims_of_placebos(
    study: Callable[[Mapping[str, Any]], Path], tiny: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    tiny["audit"] = {"areas": {"outliers": "near/auroc", "noise": "corruptions/accuracy"}, "placebos": ["noise"]}
    study(tiny)
    assert main(["plan"]) == 0
    said = capsys.readouterr().out.splitlines()[0]
    assert said == "tiny: vision: 1 method against standard in 2 areas: 2 claims, beside 1 placebo"


def test_a_plan_says_what_it_can_show(
    study: Callable[[Mapping[str, Any]], Path], tiny: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    tiny["audit"] = {"areas": {"outliers": "near/auroc"}, "margins": {"near/auroc": 0.1}}
    study(tiny)
    assert main(["plan", "--power", "--sd", "0.5"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "tiny: vision: 2 methods against standard in 1 area: 2 claims"
    assert lines[1] == "3 models x 2 seeds a method, 18 runs"
    assert "spread of D: 0.5 a pair, assumed (--sd)" in lines
    planned = next(line.split() for line in lines if line.endswith("planned"))
    assert planned[:3] == ["outliers", "2", "0.10"]
    seeds = [float(line.split()[3]) for line in lines if line.startswith("  outliers")]
    assert seeds == sorted(seeds, reverse=True)
    audit_line = (
        f"audit    {params.read().audit.digest}, the digest of the whole section `audit`; the report shows it too"
    )
    assert audit_line in lines
    assert main(["plan"]) == 0
    looks = "looks    one, at the end, at all of q = 0.05: `audit.looks` can plan several, for `diffprog decide`"
    said = capsys.readouterr().out.splitlines()
    assert [*said[:3], said[4]] == [*lines[:2], audit_line, looks]
    assert said[3].startswith("plan ")
    assert main(["plan", "--power", "--sd", "0.5", "--json"]) == 0
    (task,) = json.loads(capsys.readouterr().out)["tasks"]
    assert (task["claims"], task["runs"], task["seeds"]) == (
        2,
        18,
        dict.fromkeys(("standard", "noise", "outlier_exposure"), 2),
    )
    assert [row["seeds"] for row in task["power"] if row["planned"]] == [2]


def test_looks_and_what_decide_would_make_are_said_before_the_run(
    study: Callable[[Mapping[str, Any]], Path], tiny: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    tiny["audit"] = {"looks": [0.25, 0.75]}
    study(tiny)
    said = "looks    2, at 0.25 and 0.75 of q = 0.05: `diffprog decide` "
    assert main(["check"]) == 0
    assert f"{said}makes the study in as many parts" in capsys.readouterr().out.splitlines()
    assert main(["plan", "--json"]) == 0
    looks = json.loads(capsys.readouterr().out)["looks"]
    assert [(look["look"], look["share"]) for look in looks] == [(1, 0.25), (2, 0.75)]
    first, last = (look["runs"] for look in looks)
    assert first < last == 18
    assert main(["plan"]) == 0
    assert f"{said}judges at {first} and at most {last} runs" in capsys.readouterr().out.splitlines()


def test_the_multiverse_of_a_method_on_one_screen(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results, runs = simulated_tables(WORLD)
    analyse.write(results, runs, FIXED)
    artifacts.RESULTS.write(results)
    of_table = artifacts.RUNS.table.columns
    named = pl.format("{}/{}/{}", "method", "model", "seed")
    lacking = (
        named.cast(kind, strict=False).alias(name) for name, kind in of_table.items() if name not in runs.columns
    )
    artifacts.RUNS.write(runs.with_columns(lacking).with_columns(role=pl.lit("run")).select(*of_table))
    artifacts.REPLICATES.write([])
    tables.write_json({"options": FIXED.options}, artifacts.AUDIT)
    assert main(["multiverse", "shield"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].startswith("vision (simulated), shield: ")
    assert shown[2].split() == ["outliers", "DIFFERENTIAL", "24", "100", "%", "none"]
    assert shown[-1] == "2 verdicts: multiverse.parquet"
    whole = pl.read_parquet("multiverse.parquet")
    assert whole["method"].to_list() == ["placebo", "shield"]
    assert main(["multiverse", "sword"]) == 2
    assert capsys.readouterr().err == "'sword' is not one of the methods that were audited: placebo, shield\n"
    assert main(["multiverse"]) == 0
    assert pl.read_parquet("multiverse.parquet").equals(whole)
