"""That nothing a stage read was edited before it ended: DVC looks only then at what the stage depends on."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cluster.sources import sources_digest
from stages.errors import CodeChanged
from stages.store.code_path import ROOT, SCIENCE


@contextmanager
def unedited(*read: Path) -> Iterator[None]:
    """Raises CodeChanged at the end where `pipelines` was edited meanwhile, or a file or folder that was read."""
    before = _state(read)
    yield
    now = _state(read)
    if edited := [name for name in before if now[name] != before[name]]:
        raise CodeChanged(
            f"{edited[0]} was edited while the stage ran; what was finished is kept under the keys of what was there "
            "before: run `dvc repro` again"
        )


def _state(read: tuple[Path, ...]) -> dict[str, Any]:
    """The digest of the code, the bytes of each file, and of each folder its files' sizes and times of change."""
    found: dict[str, Any] = {f"{SCIENCE}/": sources_digest(ROOT / SCIENCE)}
    for place in read:
        if place.is_dir():
            files = ((path, path.stat()) for path in sorted(place.rglob("*")) if path.is_file())
            found[f"{place}/"] = [(path, about.st_size, about.st_mtime_ns) for path, about in files]
        else:
            found[str(place)] = place.read_bytes() if place.exists() else None
    return found
