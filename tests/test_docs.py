"""The examples in the docs: each file shown does what the text says."""

import importlib.util
import inspect
import re
from pathlib import Path
from types import ModuleType

import numpy as np
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


def test_the_metric_shown_measures(tmp_path: Path) -> None:
    module = shown("pipelines/metrics/mean_confidence.py", tmp_path)
    nothing = np.full(50, -1)
    outcomes = Outcomes(np.zeros((50, 4), np.float32), np.arange(50) % 4, np.arange(50), nothing, nothing)
    assert module.metric()(outcomes).value == pytest.approx(0.25)


def test_the_spec_shown_is_read(tmp_path: Path) -> None:
    (shown_spec,) = re.findall(r"```yaml\n(study: my-table\n.*?)```", (ROOT / "docs/audit.md").read_text(), re.DOTALL)
    (tmp_path / "spec.yaml").write_text(shown_spec)
    spec = read_spec(tmp_path / "spec.yaml")
    assert (spec.capability, spec.scale) == (("mmlu", "arc*"), {"parameters": ("billions", 1e9)})


def test_every_field_of_a_spec_is_in_the_docs() -> None:
    text = (ROOT / "docs/audit.md").read_text()
    assert [name for name in FIELDS if f"`{name}`" not in text and f"\n{name}: " not in text] == []


def test_every_reason_to_refuse_code_is_in_the_docs() -> None:
    text = (ROOT / "docs/extending.md").read_text()
    reasons = re.findall(r'_refuse\(node, "(.*?)"\)', inspect.getsource(code_syntax))
    assert len(reasons) == 4
    assert [reason for reason in reasons if f"`{reason}; an edit of it would not be noticed`" not in text] == []


def test_the_default_study_is_valid() -> None:
    study = params.read(ROOT / "params.yaml")
    (vision,) = study.tasks
    assert len(vision.methods) * len(vision.models) * len(vision.seeds) >= 96


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


def test_the_tests_of_faults_that_are_named_are_there() -> None:
    """A bare name is of tests/cluster, as its table's head says."""
    section = (ROOT / "docs/cluster.md").read_text().partition("## What was broken on purpose")[2].partition("\n## ")[0]
    named = {
        ROOT / (folder or "tests/cluster/") / name for folder, name in re.findall(r"`(\S+/)?(test_\w+\.py)`", section)
    }
    assert len(named) > 10
    assert [path for path in sorted(named) if not path.is_file()] == []
