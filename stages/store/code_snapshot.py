"""The code a stage runs on: copied at its start, held against what was planned, given to the workers."""

import shutil
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from cluster.connection import ClusterError, first_line
from cluster.temporary import place_of_code, temporary
from stages.errors import CodeChanged
from stages.store.code_path import ROOT, CodePath
from stages.store.unedited import unedited

PACKAGES = ("pipelines", "stages", "analysis", "cluster")
Planned = tuple[str, list[str], str]  # what is made, the modules that decide it, and the digest they had in the plan


@contextmanager
def snapshot(planned: Iterable[Planned]) -> Iterator[Path]:
    """A folder with a copy of the project's packages. Raises CodeChanged where its code is not the code that was
    planned, and where `pipelines` was edited meanwhile.
    """
    with unedited(), copied() as folder:
        check_planned(planned, CodePath(folder))
        yield folder


@contextmanager
def copied() -> Iterator[Path]:
    """A folder with a copy of the project's packages. Raises ClusterError."""
    with ExitStack() as leaving:
        try:
            folder = leaving.enter_context(temporary(place_of_code())) / "code"
            for package in PACKAGES:
                shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
        except (OSError, shutil.Error) as error:
            raise ClusterError(f"the code for the workers can't be copied: {first_line(error)}") from error
        yield folder


def check_planned(planned: Iterable[Planned], code: CodePath) -> None:
    """Raise CodeChanged where code is not as it was planned: its results would get the keys of other code."""
    expected = {(tuple(modules), digest): name for name, modules, digest in planned}
    changed = [name for (modules, digest), name in expected.items() if code.digest(modules) != digest]
    if changed:
        others = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        raise CodeChanged(
            f"pipelines/ was edited after the study was planned: the code of {changed[0]}{others} is not the code in "
            "its key; run `dvc repro` again, or `dvc repro --force plan` first where it finds that plan didn't change"
        )
