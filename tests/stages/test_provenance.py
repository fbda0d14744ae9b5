"""What a record was made with, and which of two records of one key stays."""

import json
import platform
import shutil
import subprocess
from pathlib import Path

import pytest

from stages.store import provenance
from stages.store.store import Store

GIT = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c"]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with one commit of a module below pipelines/."""
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "pipelines/top.py").write_text("A = 1\n")
    for command in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message", "first"]):
        subprocess.run([*GIT, *command], cwd=tmp_path, check=True)
    return tmp_path


def test_the_checkout_is_its_commit_and_whether_the_code_was_edited(checkout: Path) -> None:
    head = subprocess.run([*GIT, "rev-parse", "HEAD"], cwd=checkout, capture_output=True, text=True, check=True)
    clean = {"commit": head.stdout.strip(), "dirty": False}
    assert provenance.checkout(checkout) == clean
    (checkout / "dvc.lock").touch()  # not code: every study writes it
    assert provenance.checkout(checkout) == clean
    (checkout / "pipelines/new.py").touch()
    assert provenance.checkout(checkout) == {**clean, "dirty": True}
    shutil.rmtree(checkout / ".git")
    assert provenance.checkout(checkout) == {}


def test_an_environment_says_what_the_numbers_may_depend_on() -> None:
    found = provenance.environment("cpu", 2, {"commit": "c", "dirty": False})
    assert found["python"] == platform.python_version()
    assert {"torch", "timm", "torchvision", "numpy", "processor", "system", "diffprog"} <= set(found)
    assert (found["device"], found["threads"], found["commit"], found["dirty"]) == ("cpu", 2, "c", False)
    assert json.loads(provenance.text(found)) == found
    assert provenance.text(None) == ""


@pytest.mark.parametrize(
    ("cpuinfo", "found"),
    [
        ("processor\t: 0\nmodel name\t: Chip 9\nflags\t\t: fpu sse avx avx2 avx512f\n\nprocessor\t: 1\n",
         {"processor": "Chip 9", "vector_units": "avx avx2 avx512f"}),
        ("Features\t: fp asimd sve\n", {"processor": platform.processor(), "vector_units": "asimd sve"}),
    ],
)  # fmt: skip
def test_the_processor_and_its_vector_units(tmp_path: Path, cpuinfo: str, found: dict[str, str]) -> None:
    (tmp_path / "cpuinfo").write_text(cpuinfo)
    assert provenance._processor(tmp_path / "cpuinfo") == found


def test_of_two_records_of_one_key_the_first_stays_and_the_difference_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store(str(tmp_path))
    key = "a" * 32
    first = store.write("runs", key, b"one", {"run": "m/n/0", "environment": {"torch": "2.8", "processor": "A"}})
    again = store.write("runs", key, b"one", {"run": "m/n/0", "environment": {"torch": "2.9", "processor": "B"}})
    assert (again, capsys.readouterr().out) == (first, "")
    other = store.write("runs", key, b"two", {"run": "m/n/0", "environment": {"torch": "2.9", "processor": "A"}})
    assert other == first
    assert store.read("runs", key) == b"one"
    assert capsys.readouterr().out == (
        f"m/n/0: runs {key} was made twice, with other bytes; the first stays. They differ in torch 2.8 and 2.9\n"
    )
    damaged = tmp_path / "runs/aa" / f"{key}.safetensors"
    damaged.write_bytes(b"on")
    assert store.write("runs", key, b"two", {"run": "m/n/0"}).facts == {"run": "m/n/0"}
    assert store.read("runs", key) == b"two"
