"""Keys: what changes them and what must not."""

import sys
from pathlib import Path

import pytest

from stages import identity
from stages.identity import code_digest, digest


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package `toy` whose module `top` imports `toy.below`."""
    folder = tmp_path / "toy"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "top.py").write_text(
        '"""Doc."""\nimport json\nfrom toy.below import g\n\ndef f(x):\n    return g(x) + 1\n'
    )
    (folder / "below.py").write_text("def g(x):\n    return x\n")
    (folder / "aside.py").write_text("h = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield folder  # type: ignore[misc]
    for name in [name for name in sys.modules if name.partition(".")[0] == "toy"]:
        del sys.modules[name]


def of(package: Path) -> str:
    identity._parsed.cache_clear()
    return code_digest(["toy.top"])


def test_comments_docstrings_and_layout_change_nothing(package: Path) -> None:
    before = of(package)
    other_doc, comment, inner_doc = '"""Other."""', "# why", '    """D."""'
    lines = [
        other_doc,
        "import json",
        "from toy.below import g",
        comment,
        "def f(x):",
        inner_doc,
        "    return (g(x)",
        "    + 1)",
    ]
    (package / "top.py").write_text("\n".join(lines))
    assert of(package) == before


@pytest.mark.parametrize(("file", "old", "new"), [("top.py", "+ 1", "+ 2"), ("below.py", "return x", "return -x")])
def test_an_edited_statement_changes_it_also_in_what_is_imported(package: Path, file: str, old: str, new: str) -> None:
    before = of(package)
    (package / file).write_text((package / file).read_text().replace(old, new))
    assert of(package) != before


def test_what_is_not_imported_does_not_matter(package: Path) -> None:
    before = of(package)
    (package / "aside.py").write_text("h = 2\n")
    assert of(package) == before


def test_no_method_is_on_the_path_of_training_itself() -> None:
    """So an edited method trains that method again, and no other."""
    assert not any(
        name.startswith("pipelines.vision.methods.") for name in identity._imports("pipelines.vision.training")
    )
    assert not any(
        name.startswith("pipelines.vision.methods.") for name in identity._imports("pipelines.vision.methods.mixup")
    )


def test_the_digest_of_a_value_ignores_the_order_of_keys() -> None:
    assert digest({"a": 1, "b": [1.5, None]}) == digest({"b": [1.5, None], "a": 1})
    assert digest({"a": 1}) != digest({"a": 1.0000001})
    with pytest.raises(ValueError, match="Out of range float"):
        digest(float("nan"))
