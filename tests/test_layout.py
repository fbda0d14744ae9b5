"""Who may import whom, and that every part in a folder is one that params.yaml can name."""

import ast
import warnings
from functools import cache
from pathlib import Path

import pytest

from stages import documents
from stages.cli import COMMANDS, STAGES
from stages.store.code_syntax import Source

ROOT = Path(__file__).parent.parent
OURS = {"pipelines", "stages", "analysis", "cluster"}
FORBIDDEN = {
    "pipelines": {"stages", "analysis", "cluster", "ray", "mlflow", "dvc", "polars"},
    "analysis": {"stages", "pipelines", "cluster", "ray", "mlflow", "dvc", "torch", "timm"},
    "cluster": {"stages", "pipelines", "analysis", "mlflow", "dvc", "torch", "timm"},
    "stages": {"ray", "torch", "timm", "statsmodels"},
}
SOURCES = sorted(path for package in OURS for path in (ROOT / package).rglob("*.py"))


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return names


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_imports_go_one_way(path: Path) -> None:
    package = path.relative_to(ROOT).parts[0]
    assert not imported(path) & FORBIDDEN[package]
    if path.name not in ("tracking.py", "tracking_connection.py"):
        assert "mlflow" not in imported(path)


def test_what_domains_share_imports_none_of_them() -> None:
    """All below pipelines/ but the domains themselves: their contract, the metrics, the training of classifiers."""
    domains = {path.parent for path in (ROOT / "pipelines").glob("*/domain.py")}
    shared = [path for path in (ROOT / "pipelines").rglob("*.py") if not domains & {*path.parents}]
    assert ROOT / "pipelines/supervised/training.py" in shared
    for path in shared:
        package = ".".join(path.relative_to(ROOT).parent.parts)
        named = Source(path, ast.parse(path.read_text()), package).imports()
        assert not {ROOT.joinpath(*name.split(".")[:2]) for name in named} & domains, path


@pytest.mark.parametrize("package", sorted(OURS))
def test_a_deprecated_call_of_ours_is_an_error(package: str) -> None:
    with pytest.raises(DeprecationWarning):
        warnings.warn_explicit("old", DeprecationWarning, "file.py", 1, f"{package}.module")
    warnings.warn_explicit("old", DeprecationWarning, "file.py", 1, f"{package}_of_others")


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_module_says_what_it_is(path: Path) -> None:
    assert path.name == "__init__.py" or ast.get_docstring(ast.parse(path.read_text()))


def test_nothing_is_unpickled_but_what_a_driver_and_its_workers_send_each_other() -> None:
    for path in {*SOURCES} - {ROOT / "cluster/packing.py"}:
        assert not imported(path) & {"pickle", "cloudpickle", "joblib", "dill", "shelve"}, path
        assert "allow_pickle=True" not in path.read_text(), path
        assert "torch.load(" not in path.read_text(), path


@cache
def imports(path: Path) -> frozenset[Path]:
    """The files of ours that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {file_of(alias.name) for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {file_of(f"{node.module}.{alias.name}") or file_of(node.module) for alias in node.names}
    return frozenset(file for file in found if file)


def file_of(module: str) -> Path | None:
    """A module's file, where it is one of ours and no mere folder."""
    path = ROOT / module.replace(".", "/")
    return path.with_suffix(".py") if path.with_suffix(".py").exists() else None


def reached(path: Path) -> set[Path]:
    """The files of ours that are loaded with a file, itself among them."""
    found: set[Path] = set()
    left = [path]
    while left:
        if (file := left.pop()) not in found:
            found.add(file)
            left += imports(file)
    return found


def test_no_stage_imports_another() -> None:
    stages = {ROOT / f"stages/{name}.py" for name in STAGES}
    for stage in stages:
        assert reached(stage) & stages == {stage}


@pytest.mark.parametrize("name", STAGES)
def test_dvc_watches_all_code_of_a_stage(name: str) -> None:
    """But for that below pipelines/, which the plan's tables have digests of: plan and prepare watch that."""
    deps = documents.read(ROOT / "dvc.yaml").content["stages"][name]["deps"]
    watched = [ROOT / dep for dep in deps]
    code = {path for path in reached(ROOT / f"stages/{name}.py") if not path.is_relative_to(ROOT / "pipelines")}
    assert {path for path in code if not any(path.is_relative_to(dep) for dep in watched)} == set()
    ours = [
        dep for dep in watched if dep.suffix in ("", ".py") and dep.relative_to(ROOT).parts[0] in OURS - {"pipelines"}
    ]
    assert [dep for dep in ours if not any(path.is_relative_to(dep) for path in code)] == []


def test_what_only_reads_tables_loads_neither_mlflow_nor_ray() -> None:
    light = ["stages/analyse.py", "stages/commands/status.py", "stages/page/sections.py"]
    for name in light:
        assert not {module for path in reached(ROOT / name) for module in imported(path)} & {"mlflow"}, name


def test_no_part_of_the_page_is_empty() -> None:
    empty = [path.name for path in (ROOT / "stages/page").rglob("*.html") if not path.read_text().strip()]
    assert not empty


def test_every_command_is_a_file() -> None:
    beside = {"__init__", "estimate", "looks", "margins"}
    files = {path.stem for path in (ROOT / "stages/commands").glob("*.py")} - beside
    assert files == {"import_table" if name == "import" else name for name in COMMANDS}
