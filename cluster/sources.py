"""What tells one folder of code from another."""

import hashlib
from pathlib import Path


def sources_digest(folder: Path) -> str:
    """The digest of every file below a folder, byte by byte, but for what Python compiled."""
    found = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"):
        content = path.read_bytes()
        found.update(f"{path.relative_to(folder).as_posix()}\0{len(content)}\0".encode() + content)
    return found.hexdigest()
