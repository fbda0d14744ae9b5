"""Where the store, `mlflow.db` and data are by default: in the project, also while DVC works in a temporary copy."""

from collections.abc import Iterable
from pathlib import Path

from stages.part import read_part

TEMPORARY = (".dvc", "tmp", "exps")  # DVC's folder for `dvc exp run --temp` and `--queue`; each copy is a Git clone


def home() -> Path:
    """The current folder, as `.`; in one that holds a part of a study, that of the study; in a temporary copy of a
    project, that folder of the project itself.

    DVC removes such a copy after the run, and what was written in it.
    """
    if part := read_part():
        return Path(part.home)
    here = Path.cwd()
    for copy in (here, *here.parents):
        if (copy / ".git").exists():
            dvc_root = _root_of_temporary(copy)
            return Path() if dvc_root is None else _git_root(dvc_root) / here.relative_to(copy)
    return Path()


def data_home(paths: Iterable[Path]) -> Path:
    """The folder that a study's paths start from: the current one, or, where a temporary copy lacks any of them, as it
    does of what git ignores, that folder of the project.
    """
    return Path() if all(path.exists() for path in paths) else home()


def _root_of_temporary(copy: Path) -> Path | None:
    """The DVC repository that made this copy; None where it is not a temporary one."""
    for folder in copy.parents:
        if folder.parts[-len(TEMPORARY) :] == TEMPORARY:
            return folder.parents[len(TEMPORARY) - 1]
    return None


def _git_root(folder: Path) -> Path:
    return next((found for found in (folder, *folder.parents) if (found / ".git").exists()), folder)
