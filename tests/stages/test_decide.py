"""`diffprog decide`: nested parts, who goes on, and real looks that are killed and taken up again."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from analysis.audit.families import KINDS
from stages import artifacts
from stages.artifacts import RUN
from stages.cli import main, run_stage
from stages.deciding import choice, records
from stages.deciding.costs import Costs
from stages.part import read_part
from stages.study import params
from stages.study.expansion import expanded
from stages.study.model import Study
from stages.study.nested import bisected, part_of, spread
from tests.stages.conftest import ROOT, run_all

Write = Callable[[Mapping[str, Any]], Path]
MODELS = [(f"{family}-{width}", family, width) for family in ("a", "b", "c") for width in (2.0, 4.0, 8.0, 16.0, 32.0)]


def test_places_are_the_ends_then_the_middle_of_the_widest_gap() -> None:
    assert bisected(7) == [0, 6, 3, 1, 4, 2, 5]
    assert [bisected(count) for count in range(4)] == [[], [0], [0, 1], [0, 2, 1]]
    assert all(sorted(bisected(count)) == list(range(count)) for count in range(40))


def test_models_are_spread_over_families_and_scale() -> None:
    order = spread(MODELS)
    assert order[:6] == ["a-2.0", "b-32.0", "c-2.0", "a-32.0", "b-2.0", "c-32.0"]
    assert sorted(order) == sorted(name for name, _, _ in MODELS)
    assert spread(MODELS[::-1]) == order


@pytest.fixture
def planned(study: Write, tiny: dict[str, Any]) -> tuple[Study, pl.DataFrame]:
    """A study of 8 models in two families, 3 seeds of standard and 2 of the others, and its planned runs."""
    vision = tiny["vision"]
    vision["models"] = {"resnet": {"widths": [4, 6, 8, 10]}, "vit": {"widths": [12, 24, 36, 48]}}
    vision["seeds"] = {"standard": [0, 1, 2], "*": [0, 1]}
    vision["methods"] = {"standard": None, "placebo": None, "noise": {"sigma": 0.1}, "outlier_exposure": None}
    vision["evaluate_at"] = {"steps": [1]}
    tiny["audit"] = {"looks": [0.1, 0.3, 0.6]}
    study(tiny)
    read = params.read()
    return read, artifacts.PLANNED_RUNS.frame(expanded(read)[0])


def test_parts_are_nested_seed_after_seed_with_all_seeds_of_standard(planned: tuple[Study, pl.DataFrame]) -> None:
    study, runs = planned
    going = choice.real(study)
    assert going == {"vision": ["noise", "outlier_exposure"]}
    before = runs.clear()
    taken: choice.Counts = {}
    for look, (count, models) in enumerate([(6, 6), (11, 8), (16, 8)], start=1):
        taken = choice.next_part(study, runs, taken, going, look)
        assert taken["vision"] == dict.fromkeys(("noise", "outlier_exposure", "placebo"), count)
        part = part_of(runs, taken)
        assert not len(before.join(part, on="run", how="anti"))
        standard, noise = (part.filter(role=RUN, method=name) for name in ("standard", "noise"))
        assert (standard["model"].n_unique(), len(standard)) == (models, 3 * models)
        assert standard["family"].n_unique() == 2
        assert {0} <= set(noise["seed"]) <= set(range(look))
        assert len(part.filter(role="checkpoint")) == len(standard)
        before = part
    assert before.equals(runs)


def test_a_method_that_is_dropped_keeps_its_runs_and_gets_no_more(planned: tuple[Study, pl.DataFrame]) -> None:
    study, runs = planned
    first = choice.next_part(study, runs, {}, choice.real(study), 1)
    second = choice.next_part(study, runs, first, {"vision": ["noise"]}, 2)
    assert second["vision"] == {"noise": 11, "outlier_exposure": 6, "placebo": 11}
    assert choice.waiting(study, {"vision": ["noise"]}) == {"vision": ["outlier_exposure"]}
    third = choice.next_part(study, runs, second, {"vision": []}, 3)
    assert third == second
    assert choice.waiting(study, {"vision": []}) == {"vision": ["placebo", "noise", "outlier_exposure"]}


def verdicts(**of_methods: list[tuple[str, float]]) -> pl.DataFrame:
    """Verdicts with D, and standard errors of .05 to a margin of .1."""
    rows = []
    for method, claims in of_methods.items():
        for area, (label, beyond) in enumerate(claims):
            about: dict[str, Any] = {
                "task": "vision",
                "method": method,
                "area": f"area{area}",
                "label": label,
                "margin": 0.1,
            }
            errors = dict.fromkeys(("total_se", "capability_se", "beyond_se"), 0.05)
            levels = {f"level_{kind}": 0.001 for kind in KINDS}
            rows.append({**about, **errors, **levels, "beyond": beyond, "total": beyond, "capability": 0.0})
    return pl.DataFrame(rows)


def test_a_method_goes_on_while_an_area_is_open_and_may_be_decided(planned: tuple[Study, pl.DataFrame]) -> None:
    study, runs = planned
    found = verdicts(noise=[("NULL", 0.0), ("TRADE-OFF", 0.5)], outlier_exposure=[("NULL", 0.0), ("UNDETERMINED", 0.3)])

    def why(method: str, frame: pl.DataFrame, look: int = 1) -> str | None:
        return choice.why_dropped(study, runs, frame, "vision", method, 6, look)

    assert why("noise", found) == "decided"
    assert why("outlier_exposure", found) is None
    near = verdicts(noise=[("GAIN, SIZE OPEN", 0.1), ("GAIN, SIZE OPEN", 0.1)])
    assert why("noise", near) == "2 not within this plan"
    assert why("noise", near, look=3) is None


def test_a_budget_goes_where_most_is_decided_for_it(planned: tuple[Study, pl.DataFrame]) -> None:
    study, runs = planned
    going = choice.real(study)
    first = choice.next_part(study, runs, {}, going, 1)
    found = verdicts(noise=[("UNDETERMINED", 0.3)] * 3, outlier_exposure=[("UNDETERMINED", 0.3), ("NULL", 0.0)])
    new = runs.join(part_of(runs, first), on="run", how="anti").filter(role=RUN)
    missing = {(row["task"], row["method"], row["model"], row["seed"]): 10.0 for row in new.to_dicts()}
    # a method: 5 new cells, the placebo's 5, and standard's 3 seeds of 2 more models
    for left, wanted in ((159.0, []), (160.0, ["noise"]), (209.0, ["noise"]), (210.0, ["noise", "outlier_exposure"])):
        chosen = choice.afforded(study, runs, first, going, 2, found, Costs({}, missing), left)
        assert chosen == {"vision": wanted}, left


@pytest.mark.parametrize(
    ("looks", "said"),
    [
        ("[0.5, 0.4]", "audit.looks: [0.5, 0.4] are not shares above 0 whose sum is 1"),
        ("[]", "audit.looks: [] are not shares above 0 whose sum is 1"),
        ("[0, 1]", "audit: 'looks' is [0, 1], not a list, each item a number above 0 and at most 1 or null"),
        ("[1.5]", "audit: 'looks' is [1.5], not a list, each item a number above 0 and at most 1 or null"),
    ],
)
def test_looks_that_are_no_shares_are_refused(
    study: Write, tiny: dict[str, Any], looks: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny["audit"] = {"looks": json.loads(looks)}
    study(tiny)
    assert main(["decide"]) == 2
    assert capsys.readouterr().err == f"params.yaml: {said}\n"


def test_a_part_uses_what_is_the_studys(
    study: Write, tiny: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A stage that fails leaves the plan of its part, and in its folder no command works on the study."""
    folder = study(tiny)
    monkeypatch.setattr("stages.deciding.looking.MAKING", ("nothing",))
    assert main(["decide", "--folder", "parts/first"]) == 2
    monkeypatch.chdir("parts/first")
    part = read_part()
    assert part is not None
    assert (part.home, part.look, part.taken["vision"]["noise"]) == ("../..", 1, 6)
    assert (folder / "store" / "data").is_dir()
    assert not Path("store").exists()
    capsys.readouterr()
    for command in ("decide", "gc"):
        assert main([command]) == 2
        assert "this folder holds a part of a study" in capsys.readouterr().err
    monkeypatch.chdir(folder)
    assert main(["decide", "--folder", "."]) == 2
    assert main(["decide", "--folder", "parts/first", "--exploratory"]) == 2
    assert "no look was taken yet" in capsys.readouterr().err


def test_a_study_of_cohorts_is_not_made_look_by_look(
    study: Write, tiny: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """What a model does under attack depends on its cohort, and a look has a part of one."""
    tiny["vision"]["cohort"] = 2
    study(tiny)
    assert main(["decide"]) == 2
    assert capsys.readouterr().err == (
        "params.yaml: vision.cohort: a look has some seeds of a cohort, and others later; accepted with "
        "`diffprog decide`: none, or 1\n"
    )
    assert not Path("decided").exists()
    tiny["audit"] = {"looks": [0.2, 0.8]}
    study(tiny)
    assert main(["check"]) == 0
    *_, looks, why = capsys.readouterr().out.splitlines()
    assert (looks, why[:27]) == ("looks    2, at 0.2 and 0.8 of q = 0.05", "params.yaml: vision.cohort:")


def decided(folder: Path, *options: str) -> subprocess.Popen[str]:
    variables = {**os.environ, "PYTHONPATH": str(ROOT)}
    code = "import sys; from stages.cli import main; sys.exit(main(['decide', *sys.argv[1:]]))"
    command = [sys.executable, "-c", code, *options]
    return subprocess.Popen(
        command, cwd=folder, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def finished(process: subprocess.Popen[str]) -> str:
    said, _ = process.communicate(timeout=600)
    assert process.returncode == 0, said
    return said


def without_dates(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "looks.json").read_text())
    for look in content["looks"]:
        del look["date"]
    return content


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_looks_killed_and_taken_up_again_are_the_same(study: Write, tiny: dict[str, Any]) -> None:
    vision = tiny["vision"]
    vision["models"] = {"resnet": {"widths": [4, 6, 8]}, "vit": {"widths": [12, 24, 36]}}
    vision["methods"] = {"standard": None, "outlier_exposure": None}
    tiny["audit"] = {"looks": [0.4, 0.6], "placebos": [], "draws": 100}
    folder = study(tiny)
    process = decided(folder)
    while not (folder / "decided/looks.json").exists():
        assert process.poll() is None, process.stdout and process.stdout.read()
        time.sleep(0.2)
    process.send_signal(signal.SIGKILL)
    process.wait()
    (first,) = records.read(folder / "decided")[1]
    assert (first.look, first.runs, first.taken) == (1, 18, {"vision": {"outlier_exposure": 6}})
    made = {path: path.stat().st_mtime_ns for path in (folder / "store/runs").rglob("*.record")}
    said = finished(decided(folder))
    assert "look 1 of 2" not in said
    assert "the study has used its 2 looks; further runs are exploratory" in said
    assert [path.stat().st_mtime_ns for path in made] == [*made.values()]
    assert len([*(folder / "store/runs").rglob("*.record")]) == 24
    again = finished(decided(folder, "--folder", "again"))
    assert "24 of 24 runs are in the store already" in again
    assert without_dates(folder / "again") == without_dates(folder / "decided")
    for name in ("findings/verdicts.parquet", "looks/1.parquet", "looks/2.parquet"):
        assert (folder / "again" / name).read_bytes() == (folder / "decided" / name).read_bytes()
    assert "<h2>Looks</h2>" in (folder / "decided/report/index.html").read_text()
    assert main(["decide"]) == 0  # nothing is left to do
    run_all(folder)  # the whole study, in one look, of what is there
    assert len([*(folder / "store/runs").rglob("*.record")]) == 24
    assert run_stage("analyse") == 0
    assert pl.read_parquet("findings/verdicts.parquet")["look"].unique().to_list() == [None]
    assert finished(decided(folder, "--exploratory")).count("exploratory: all runs") == 1
    assert "Exploratory: these runs" in (folder / "decided/report/index.html").read_text()
    safety = ["clean/brier_score", "corruptions/accuracy", "near/auroc", "near/energy"]
    tiny["audit"] |= {"margins": dict.fromkeys([*safety, "spurious/worst_group_accuracy"], 10)}
    study(tiny)
    assert main(["decide"]) == 2  # another audit
    assert "every method is decided" in finished(decided(folder, "--folder", "wide"))
    (only,) = records.read(folder / "wide")[1]
    assert (only.look, only.open, only.dropped) == (1, 0, {"vision": {"outlier_exposure": "decided"}})
    assert only.found["vision"] == [f"outlier_exposure, {name}: none, null" for name in safety]
    del tiny["audit"]["margins"]
    vision["seeds"] = [0, 1, 2]
    study(tiny)
    assert main(["decide"]) == 2  # other runs


@pytest.mark.parametrize(
    ("option", "given", "said"),
    [
        *(("budget", given, "is not a time such as 90s, 40m or 1.5h") for given in ("0h", "0.0m", "2", "soon")),
        *(("core-hours", given, "is not a number of core-hours above 0") for given in ("0", "-1", "nan", "many")),
    ],
)
def test_a_budget_that_is_none_is_refused(
    option: str, given: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["decide", f"--{option}={given}"])
    assert f"argument --{option}: '{given}' {said}" in capsys.readouterr().err
