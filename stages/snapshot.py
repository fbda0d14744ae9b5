"""The code a stage runs on: copied at its start, given to the workers, compared at its end."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from cluster.connection import ClusterError, first_line
from cluster.temporary import place, temporary
from stages.errors import CodeChanged
from stages.identity import sources_digest

PACKAGES = ("pipelines", "stages", "analysis", "cluster")
ROOT = Path(__file__).resolve().parent.parent


@contextmanager
def snapshot() -> Iterator[Path]:
    """A folder with a copy of the project's packages. Raises CodeChanged where `pipelines` was edited meanwhile."""
    before = sources_digest(ROOT / "pipelines")
    with ExitStack() as leaving:
        try:
            folder = leaving.enter_context(temporary(place()[0])) / "code"
            for package in PACKAGES:
                shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
        except (OSError, shutil.Error) as error:
            raise ClusterError(f"the code for the workers can't be copied: {first_line(error)}") from error
        yield folder
    if sources_digest(ROOT / "pipelines") != before:
        raise CodeChanged(
            "pipelines/ was edited while the stage ran; what was finished is kept under the earlier code's keys: "
            "run `dvc repro` again"
        )
