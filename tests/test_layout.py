"""Who may import whom, and that every part in a folder is one that params.yaml can name."""

import ast
from pathlib import Path

import pytest

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
    if path.name != "tracking.py":
        assert "mlflow" not in imported(path)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_module_says_what_it_is(path: Path) -> None:
    assert path.name == "__init__.py" or ast.get_docstring(ast.parse(path.read_text()))


def test_nothing_is_unpickled() -> None:
    for path in SOURCES:
        assert not imported(path) & {"pickle", "cloudpickle", "joblib", "dill", "shelve"}, path
        assert "allow_pickle=True" not in path.read_text(), path
        assert "torch.load(" not in path.read_text(), path
