"""Studies of several tasks: a domain that the stages have never heard of, and one domain on two data sets."""

import copy
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from ruamel.yaml import YAML

from stages import domains
from stages.study import params
from stages.study.checks import WrongParams
from tests.stages.conftest import ROOT, TINY, run_all

Write = Callable[[Mapping[str, Any]], Path]

EVERY = ("plan", "prepare", "train", "predict", "measure", "collect", "analyse", "report")
TOY = {
    "data": {"use": "wheel", "train": 30},
    "training": {"rounds": 1},
    "models": {"numbers": {"widths": [1, 2, 3, 5, 8, 16, 32]}},
    "seeds": [0, 1, 2],
    "methods": {"standard": None, "careful": {"gain": 0.5}},
    "conditions": {"spun": None, "moved": {"use": "spun", "by": 1.0}},
    "measurements": {
        "spun": {"skill": {"use": "mean_value", "of": "closeness", "is": "capability"}},
        "moved": {"care": {"use": "mean_value", "of": "safety", "is": "alignment"}},
    },
}


@pytest.fixture
def with_toy(tmp_path: Path) -> Path:
    """A copy of the project's packages, and the toy as one more domain: a folder, and no line elsewhere."""
    for package in ("pipelines", "stages", "analysis", "cluster"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(ROOT / "tests/toy", tmp_path / "pipelines/toy", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_a_toy_domain_has_at_most_80_lines() -> None:
    """What a domain takes at the least: of its files, the lines that aren't blank."""
    files = [path.read_text().splitlines() for path in (ROOT / "tests/toy").rglob("*.py")]
    assert sum(bool(line.strip()) for lines in files for line in lines) <= 80


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_toy_domain_goes_from_params_to_report_beside_vision(with_toy: Path) -> None:
    study = copy.deepcopy(TINY)
    study["vision"]["methods"] = {"standard": None, "noise": {"sigma": 0.1}}
    study |= {"toy": TOY, "audit": {"draws": 100, "toy": {"areas": {"care": "moved/care"}}}}
    YAML().dump(study, with_toy / "params.yaml")
    variables = {name: value for name, value in os.environ.items() if name not in ("DIFFPROG_STORE", "RAY_ADDRESS")}
    variables |= {"PYTHONPATH": str(with_toy), "MLFLOW_TRACKING_URI": f"sqlite:///{with_toy}/mlflow.db"}
    for name in EVERY:
        command = [sys.executable, "-m", "stages", name]
        done = subprocess.run(command, cwd=with_toy, env=variables, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{name}: {done.stdout}\n{done.stderr}"
    results = pl.read_parquet(with_toy / "results.parquet")
    care = results.filter(task="toy", measurement="moved/care", part="all")
    by_method = dict(care.group_by("method").agg(pl.col("value").mean()).iter_rows())
    assert by_method["careful"] - by_method["standard"] == pytest.approx(0.5, abs=1e-6)
    verdicts = pl.read_parquet(with_toy / "findings/verdicts.parquet")
    assert set(verdicts["task"]) == {"toy", "vision"}
    careful = verdicts.filter(task="toy", method="careful", area="care").row(0, named=True)
    assert careful["beyond"] == pytest.approx(0.5, abs=0.01)
    page = (with_toy / "report/index.html").read_text()
    assert "toy: wheel" in page
    assert "vision: glyphs" in page


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_task_that_is_amended_leaves_the_verdicts_of_another_as_they_are(study: Write, tiny: dict[str, Any]) -> None:
    """One domain on two data sets, of which one gets a method more."""
    other = copy.deepcopy(tiny["vision"])
    other["data"]["rotation"] = 20
    tiny["turned"] = {"domain": "vision", **other}
    tiny["audit"] = {"draws": 100, "vision": {"areas": {"outliers": "near/auroc"}}}
    folder = study(tiny)
    run_all(folder, EVERY)
    before = {path.name: pl.read_parquet(path) for path in (folder / "findings").iterdir()}
    models = {path: path.stat().st_mtime_ns for path in (folder / "store/runs").rglob("*") if path.is_file()}
    assert set(before["verdicts.parquet"]["task"]) == {"turned", "vision"}
    tiny["turned"]["methods"]["mixup"] = {"alpha": 0.2}
    study(tiny)
    run_all(folder, EVERY)
    after = {path.name: pl.read_parquet(path) for path in (folder / "findings").iterdir()}
    fixed = ["digest"]  # of the whole audit
    for name, frame in before.items():
        same = [column for column in frame.columns if column not in fixed]
        own, again = (each.filter(task="vision").select(same) for each in (frame, after[name]))
        assert own.equals(again), name
        assert len(own) or name not in ("verdicts.parquet", "effects.parquet"), name
    assert "mixup" in set(after["verdicts.parquet"].filter(task="turned")["method"])
    assert {path: path.stat().st_mtime_ns for path in models} == models
    (both,) = (folder / "report").glob("verdicts*.svg")
    assert "vision" in both.read_text()
    assert "turned" in both.read_text()


def faults(folder: Path) -> list[str]:
    with pytest.raises(WrongParams) as raised:
        params.read(folder / "params.yaml")
    return raised.value.faults


def test_what_belongs_to_a_task_is_said(study: Write, tiny: dict[str, Any]) -> None:
    tiny["turned"] = {"domain": "vision", **copy.deepcopy(tiny["vision"])}
    tiny["audit"] = {"areas": {"a": "near/auroc"}, "turned": {"margins": {"near/aurc": 1}}, "turnt": {}}
    safety = "clean/brier_score, corruptions/accuracy, near/auroc, near/energy, spurious/worst_group_accuracy"
    assert faults(study(tiny)) == [
        "params.yaml: audit: 'turnt' is not one of: placebos, q, draws, equal_flops, weigh_claims, looks, "
        "vision, turned",
        "params.yaml: audit.areas: belongs to a task: write it below one of audit.vision, audit.turned",
        f"params.yaml: audit.turned.margins.near/aurc: not 'capability' nor one of the safety measurements: {safety}",
    ]
    tiny["audit"] = None
    tiny["turned"]["domain"] = "sound"
    assert faults(study(tiny)) == [f"params.yaml: turned.domain: 'sound' is not one of: {', '.join(domains.names())}"]
    del tiny["turned"]["domain"]
    assert faults(study(tiny)) == [
        f"params.yaml: 'turned' is not one of: study, authors, audit, compute, {', '.join(domains.names())}; "
        "any other section says its domain"
    ]


def test_wrong_options_of_the_audit_are_said_beside_those_of_a_task(study: Write, tiny: dict[str, Any]) -> None:
    tiny["vision"]["seeds"] = [0, 0]
    tiny["audit"] = {"margin": 1, "q": 2, "placebos": ["sugar"], "vision": {"area": {}}}
    assert faults(study(tiny)) == [
        "params.yaml: vision.seeds: [0, 0] has duplicate seeds",
        "params.yaml: audit: 'margin' is not one of: "
        "areas, margins, exposure, claims, placebos, q, draws, equal_flops, weigh_claims, looks, vision",
        "params.yaml: audit: 'q' is 2, not a number above 0 and at most 0.5",
        "params.yaml: audit.vision: 'area' is not one of: areas, margins, exposure, claims",
        "params.yaml: audit.placebos: 'sugar' is not one of the methods: standard, noise, outlier_exposure",
    ]


def test_names_are_checked_beside_the_errors_of_the_tasks(study: Write, tiny: dict[str, Any]) -> None:
    """Those that the audit, the needs and the checkpoints give; a part with an error of its own has its name."""
    vision = tiny["vision"]
    vision["training"]["epochs"] = 0
    vision["methods"]["noise"] = {"sigma": -1}
    vision["measurements"]["near"]["energy"]["is"] = "skill"
    vision["evaluate_at"] = {"steps": 2, "methods": ["noise", "nois"]}
    tiny["audit"] = {
        "areas": {"outliers": "near/auroc", "energies": "near/energy", "attacks": "pgd/accuracy"},
        "claims": {"noise": ["outliers"], "nois": ["outliers"]},
    }
    tiny["compute"] = {"cpu": 1, "methods": {"noise": {"cpus": 2}, "nois": {}}, "models": {"vit-13": {}}}
    expected = (
        "vision.training: 'epochs'",
        "vision.methods.noise: 'sigma'",
        "vision.measurements.near.energy: 'skill'",
        "vision.evaluate_at.methods: 'nois'",
        "audit.areas.attacks: 'pgd/accuracy'",
        "audit.claims.nois: not one of the methods: standard, noise, outlier_exposure",
        "compute: 'cpu' is not one of: ",
        "compute.methods.nois: not one of the methods: standard, noise, outlier_exposure",
        "compute.models.vit-13: not one of the families or models: resnet, vit, resnet-4, vit-12, vit-24",
    )
    for line, start in zip(faults(study(tiny)), expected, strict=True):
        assert line.startswith(f"params.yaml: {start}"), line


@pytest.mark.parametrize("key", [1, None, True, 2.5])
def test_a_section_whose_name_is_no_text_is_said(study: Write, tiny: dict[str, Any], key: Any) -> None:
    tiny |= {key: {}, "audit": {"margin": 1}, "compute": {"cpu": 1}}
    said = faults(study(tiny))
    assert said[0] == f"params.yaml: {key!r} is not a name of letters, digits, '_', '.' and '-', at most 64 long"
    assert [line.split(" is not one of")[0] for line in said[1:]] == [
        "params.yaml: audit: 'margin'",
        "params.yaml: compute: 'cpu'",
    ]


def test_an_audit_without_a_task(study: Write) -> None:
    assert faults(study({"study": "x", "audit": {"areas": {"a": "b/c"}}})) == [
        f"params.yaml: no task is given: a section named {' or '.join(domains.names())}, or one that says its domain"
    ]


def test_of_a_single_task_the_audit_may_stand_in_the_section_itself(study: Write, tiny: dict[str, Any]) -> None:
    tiny["audit"] = {"areas": {"outliers": "near/auroc"}, "margins": {"capability": 0.3}}
    study(tiny)
    short = params.read().audit
    tiny["audit"] = {"vision": tiny["audit"]}
    study(tiny)
    assert params.read().audit.digest == short.digest
    assert params.read().audit.of("vision") == short.of("vision")
    assert faults(study(tiny | {"audit": {"vision": 3, "areas": {}}})) == [
        "params.yaml: audit.vision: 3 is not a mapping of options"
    ]
    tiny["audit"]["areas"] = {"outliers": "near/energy"}
    assert faults(study(tiny)) == ["params.yaml: audit.areas: is given in audit.vision too"]
