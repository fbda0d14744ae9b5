"""Packed files: .gz, and Inspect's .eval files, zip archives whose `header.json` is the log without its samples."""

import gzip
import json
import zipfile
import zlib
from pathlib import Path
from typing import Any

import pyarrow as pa

from stages.imports.scores import NotALog

HEADER = "header.json"
ZSTANDARD, LARGEST = (
    93,
    1 << 30,
)  # a zip's number for that compression, which Python 3.11 has not; bytes of a file in it


def unpacked(file: Path) -> bytes:
    """The bytes of a file, of a .gz file what is packed in it. Raises OSError."""
    raw = file.read_bytes()
    if file.suffix.lower() != ".gz":
        return raw
    try:
        return gzip.decompress(raw)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise gzip.BadGzipFile(f"not a .gz file: {error}") from error


def header(file: Path) -> Any:
    """The log in an .eval file. Raises OSError, and NotALog where there is none."""
    found = member(file, HEADER)
    if found is None:
        raise NotALog("was cut short: it has no header.json, and so no results")
    return found


def member(file: Path, name: str) -> Any:
    """The JSON of one file in an .eval file, None where it has none of this name. Raises OSError and NotALog."""
    try:
        with zipfile.ZipFile(file) as archive:
            if name not in archive.namelist():
                return None
            about = archive.getinfo(name)
            if about.file_size > LARGEST:
                raise NotALog(f"its {name} has {about.file_size:,} bytes, at most {LARGEST:,}")
            content = _zstandard(file, about) if about.compress_type == ZSTANDARD else archive.read(about)
        return json.loads(content)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, pa.ArrowException) as error:
        raise NotALog(f"not an .eval file: {str(error) or type(error).__name__}") from error
    except ValueError as error:
        raise error if isinstance(error, NotALog) else NotALog(f"{name} is not JSON: {error}") from error


def _zstandard(file: Path, member: zipfile.ZipInfo) -> bytes:
    """The bytes of a member, which stand behind a header of 30 bytes, its name and its extra field."""
    with file.open("rb") as opened:
        opened.seek(member.header_offset + 26)
        name, extra = (int.from_bytes(opened.read(2), "little") for _ in range(2))
        opened.seek(name + extra, 1)
        packed = opened.read(member.compress_size)
    with pa.CompressedInputStream(pa.BufferReader(packed), "zstd") as stream:
        return bytes(stream.read(member.file_size))
