"""The code a stage runs on: copied at its start, given to the workers, compared at its end."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stages.errors import CodeChanged
from stages.identity import sources_digest

PACKAGES = ("pipelines", "stages", "analysis", "cluster")
ROOT = Path(__file__).resolve().parent.parent


@contextmanager
def snapshot() -> Iterator[Path]:
    """A folder with a copy of the project's packages. Raises CodeChanged where `pipelines` was edited meanwhile."""
    before = sources_digest(ROOT / "pipelines")
    with tempfile.TemporaryDirectory(prefix="diffprog-") as folder:
        for package in PACKAGES:
            shutil.copytree(ROOT / package, Path(folder, package), ignore=shutil.ignore_patterns("__pycache__"))
        yield Path(folder)
    if sources_digest(ROOT / "pipelines") != before:
        raise CodeChanged(
            "pipelines/ was edited while the stage ran; what was finished is kept under the earlier code's keys: "
            "run `dvc repro` again"
        )
