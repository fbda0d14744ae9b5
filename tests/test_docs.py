"""The examples in the docs: each file shown does what the text says."""

import importlib.util
import inspect
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import polars as pl
import pytest
import torch

from pipelines import parts
from pipelines.outcomes import Outcomes
from pipelines.vision.data import split_of
from pipelines.vision.training import budget, train
from stages.cli import COMMANDS
from stages.imports.spec import FIELDS, read_spec
from stages.store import code_syntax
from stages.study import params
from stages.study.checks import WrongParams

ROOT = Path(__file__).parent.parent
BLOCKS = dict(re.findall(r"```python\n# (\S+)\n(.*?)```", (ROOT / "docs/extending.md").read_text(), re.DOTALL))
PAGES = ["README.md", "CONTRIBUTING.md"]
PAGES += sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md"))


def text_of(path: str) -> str:
    return (ROOT / path).read_text()


def shown(path: str, folder: Path) -> ModuleType:
    """The module of the code block that names this path."""
    file = folder / Path(path).name
    file.write_text(BLOCKS[path])
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_method_shown_trains(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    module = shown("pipelines/vision/methods/confidence_penalty.py", tmp_path)
    parts.check_options(module.method, {"weight": 0.1})
    images = np.random.default_rng(0).integers(0, 255, (40, 32, 32, 3)).astype(np.uint8)
    splits = {"train": split_of(images, np.arange(40) % 2)}
    architecture = parts.load("pipelines.vision.models", "resnet", {"width": 4})
    (trained,) = train(architecture, module.method(), splits, 2, budget(epochs=1, batch_size=20), seed=0)
    assert np.isfinite(trained.loss)


def test_the_environment_shown_is_learnt_in(tmp_path: Path) -> None:
    """In a copy of the project: an agent learns to leave what pays at once."""
    torch.set_num_threads(1)
    shutil.copytree(ROOT / "pipelines", tmp_path / "pipelines", ignore=shutil.ignore_patterns("__pycache__"))
    for path in ("environments/corridor.py", "datasets/corridor.py"):
        (tmp_path / "pipelines/control" / path).write_text(BLOCKS[f"pipelines/control/{path}"])
    program = """
from pipelines.control import domain, running
data = {"use": "corridor", "options": {}}
shape, made = domain.shape(data), domain.dataset(data)
model = {"use": "deep", "options": {"width": 8}}
run = {"method": {"use": "standard", "options": {}}, "model": model, "data": shape.about, "sibling": None, "seed": 0}
(trained,) = running.train({**run, "training": {"updates": 40, "slots": 32}}, made.splits, "cpu")
clean = {"use": "clean", "options": {}}
found = running.predict(clean, running.restore(run, trained.weights, "cpu"), domain.examples(clean, made), 0)
print(found.values["reached"].mean(), shape.about["environment"])
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    reached, environment = done.stdout.split() or (done.stderr, "")
    assert float(reached) > 0.9
    assert environment == "corridor"


def test_the_metric_shown_measures(tmp_path: Path) -> None:
    module = shown("pipelines/metrics/mean_confidence.py", tmp_path)
    nothing = np.full(50, -1)
    outcomes = Outcomes(np.zeros((50, 4), np.float32), np.arange(50) % 4, np.arange(50), nothing, nothing)
    assert module.metric()(outcomes).value == pytest.approx(0.25)


def test_the_spec_shown_is_read(tmp_path: Path) -> None:
    (shown_spec,) = re.findall(r"```yaml\n(study: my-table\n.*?)```", text_of("docs/elsewhere.md"), re.DOTALL)
    (tmp_path / "spec.yaml").write_text(shown_spec)
    spec = read_spec(tmp_path / "spec.yaml")
    assert (spec.capability, spec.scale) == (("mmlu", "arc*"), {"parameters": ("billions", 1e9)})


def test_the_study_of_two_tasks_shown_is_valid(tmp_path: Path) -> None:
    (shown_study,) = re.findall(r"```yaml\n# params.yaml, two tasks\n(.*?)```", text_of("docs/extending.md"), re.DOTALL)
    (tmp_path / "params.yaml").write_text(shown_study)
    study = params.read(tmp_path / "params.yaml")
    assert [(task.name, task.domain, task.data.use) for task in study.tasks] == [
        ("vision", "vision", "glyphs"),
        ("handwritten", "vision", "digits"),
    ]
    margins = {task.name: dict(study.audit.of(task.name).settings.margins.safety) for task in study.tasks}
    assert margins == {"vision": {"corruptions/accuracy": 0.2}, "handwritten": {}}


@pytest.mark.parametrize("page", PAGES)
def test_every_file_and_function_named_is_there(page: str) -> None:
    """`folder/file.py`, `folder/file.py:function` and `folder/`; but for what the reader is shown how to write."""
    named = re.findall(
        r"`((?:pipelines|stages|analysis|cluster|tests|benchmarks|docs)/[\w./-]*)(?::(\w+))?`", text_of(page)
    )
    to_write = {*BLOCKS, "pipelines/NAME/"}
    wrong = [path for path, _ in named if "NAME" not in path and path not in to_write and not (ROOT / path).exists()]
    wrong += [
        f"{path}:{name}"
        for path, name in named
        if name and not re.search(rf"^(def|class) {name}\b", text_of(path), re.MULTILINE)
    ]
    assert wrong == []


@pytest.mark.parametrize("page", PAGES)
def test_every_link_within_the_docs_leads_somewhere(page: str) -> None:
    wrong = []
    for link in re.findall(r"\]\(([^)\s]+)\)", text_of(page)):
        path, _, anchor = link.partition("#")
        target = (ROOT / page).parent / path if path else ROOT / page
        if "://" in link:
            continue
        heads = re.findall(r"^#+ (.*)$", target.read_text(), re.MULTILINE) if anchor else []
        slugs = {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}
        if not target.exists() or (anchor and anchor not in slugs):
            wrong.append(link)
    assert wrong == []


def test_every_field_of_a_spec_is_in_the_docs() -> None:
    text = text_of("docs/elsewhere.md")
    assert [name for name in FIELDS if f"`{name}`" not in text and f"\n{name}: " not in text] == []


@pytest.mark.parametrize("path", sorted((ROOT / "docs/gallery").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_specs_of_the_gallery_are_read_and_their_pairs_are_there(path: Path) -> None:
    spec = read_spec(path)
    assert spec.paired
    if spec.pairs:
        table = pl.read_csv(path.parent / str(spec.pairs.table))
        assert table.columns == ["model", "method", "baseline"]
        assert table["model"].is_unique().all()


def test_the_notebook_shown_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (shown_code,) = re.findall(r"```python\n(import polars.*?)```", text_of("docs/elsewhere.md"), re.DOTALL)
    rows = [(f"{kind}{k}", "", "", kind, k / 10, k / 20, k % 3 - k) for kind in "abc" for k in range(5)]
    rows += [
        (f"{kind}{k}-x", "x", f"{kind}{k}", kind, (k + 1) / 10, (k + 1) / 20, -k) for kind in "abc" for k in range(3)
    ]
    columns = ["model", "tuning", "base_model", "family", "mmlu", "arc", "toxicity"]
    pl.DataFrame(rows, schema=columns, orient="row").write_csv(tmp_path / "results.csv")
    monkeypatch.chdir(tmp_path)
    found: dict[str, dict[str, pl.DataFrame]] = {}
    exec(shown_code, found)
    assert found["found"]["verdicts"]["method"].to_list() == ["x"]


def test_every_reason_to_refuse_code_is_in_the_docs() -> None:
    text = (ROOT / "docs/extending.md").read_text()
    reasons = set(re.findall(r'_refuse\(node, "(.*?)"\)', inspect.getsource(code_syntax)))
    assert len(reasons) == 7
    assert [reason for reason in reasons if f"`{reason}; an edit of it would not be noticed`" not in text] == []


def test_the_default_study_is_valid() -> None:
    """Every domain is in it, and every task has a ladder of at least eight models and a placebo."""
    study = params.read(ROOT / "params.yaml")
    domains = {path.parent.name for path in (ROOT / "pipelines").glob("*/domain.py")}
    assert {task.domain for task in study.tasks} == domains
    for task in study.tasks:
        assert len(task.models) >= 8, task.name
        assert "placebo" in {method.name for method in task.methods}, task.name


def test_every_command_is_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text()
    assert [name for name in COMMANDS if f"diffprog {name}" not in readme] == []


@pytest.mark.parametrize("path", sorted((ROOT / "docs/studies").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_studies_shown_are_valid_but_for_data_that_are_not_here(path: Path) -> None:
    try:
        params.read(path)
    except WrongParams as error:
        (fault,) = error.faults
        assert "vision.data: " in fault
        assert "no such folder" in fault


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_demo_ends_in_verdicts_and_leaves_the_project_as_it_was(tmp_path: Path) -> None:
    """Its store, database and plan are its own, also where the environment names others."""
    project = tmp_path / "project"
    for name in (*tracked("pipelines", "stages", "analysis", "cluster", "docs/studies"), "Makefile", "pyproject.toml"):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, project / name)
    (project / ".venv").symlink_to((ROOT / ".venv").resolve())
    before = sorted(project.rglob("*.y*ml"))
    others = {"DIFFPROG_STORE": f"{tmp_path}/store", "MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path}/mlflow.db"}
    make = ["make", "--old-file", ".venv/ready", "demo"]  # the environment is not to be made anew
    done = subprocess.run(make, cwd=project, env={**os.environ, **others}, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == f"The report: {project}/demo/report/index.html"
    assert (project / "demo/report/index.html").exists()
    said = " ".join(done.stdout.split())  # lines are folded
    for method in ("outlier_exposure", "placebo"):
        assert f"{method}: does it make models safer beyond what its effect on their capability explains?" in said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["project"]
    assert [path for path in sorted(project.rglob("*.y*ml")) if project / "demo" not in path.parents] == before
    assert not (project / "plan").exists()


def tracked(*folders: str) -> list[str]:
    """The files below these folders that git knows."""
    return subprocess.check_output(["git", "ls-files", *folders], cwd=ROOT, text=True).splitlines()


def test_the_tests_of_faults_that_are_named_are_there() -> None:
    """A bare name is of tests/cluster, as its table's head says."""
    section = (ROOT / "docs/cluster.md").read_text().partition("## What was broken on purpose")[2].partition("\n## ")[0]
    named = {
        ROOT / (folder or "tests/cluster/") / name for folder, name in re.findall(r"`(\S+/)?(test_\w+\.py)`", section)
    }
    assert len(named) > 10
    assert [path for path in sorted(named) if not path.is_file()] == []
