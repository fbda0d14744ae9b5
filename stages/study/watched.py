"""What DVC watches of a study's data: the files below `data/`, on which the stage `prepare` depends."""

import importlib
import os
from pathlib import Path

from stages.study.model import DomainStudy

WATCHED = Path("data")
AGAIN = "after a change there: `dvc repro --force prepare`, then `dvc repro`"


def unwatched(study: DomainStudy) -> list[str]:
    """A line for each file or folder that the data are read from and DVC does not look into: what lies outside
    `data/`, and folders that are links, which DVC does not follow.
    """
    domain = importlib.import_module(f"pipelines.{study.domain}.domain")
    found: dict[str, None] = {}
    for path in domain.files(study.data.spec()):
        if not path.absolute().is_relative_to(WATCHED.absolute()) or linked(path):
            found[str(path)] = None
            continue
        for folder, folders, _ in os.walk(path):
            found |= {str(Path(folder, name)): None for name in sorted(folders) if Path(folder, name).is_symlink()}
    return [f"{place} is not watched by DVC; {AGAIN}" for place in found]


def linked(path: Path) -> bool:
    """Whether a path goes through a folder below `data/` that is a link."""
    places = [path.absolute(), *path.absolute().parents]
    return any(place.is_symlink() and place.is_dir() for place in places if WATCHED.absolute() in place.parents)
