"""The files of a certificate: one zip with one form, in which every byte is bound, and the digest of the claim."""

import hashlib
import io
import json
import struct
import zipfile
import zlib
from pathlib import Path

MANIFEST = "manifest.json"
FORMAT = 1
DIGITS = 32  # of a digest that is published: 128 bits
DAY = 0x21  # 1980-01-01, the first that a zip can say
LARGEST = 2**32 - 1
Files = dict[str, bytes]


class Refused(Exception):
    """What is wrong with a certificate."""


def digest(content: bytes) -> str:
    """The SHA-256 of a file."""
    return hashlib.sha256(content).hexdigest()


def manifest(files: Files) -> bytes:
    """The manifest of all other files: of each its SHA-256."""
    listed = {name: digest(content) for name, content in files.items() if name != MANIFEST}
    return canonical({"format": FORMAT, "files": listed})


def canonical(content: object) -> bytes:
    """JSON in the one form that it has here."""
    return (json.dumps(content, sort_keys=True, indent=1, ensure_ascii=False) + "\n").encode()


def claim_digest(files: Files) -> str:
    """What a certificate is cited by: the first 32 hexadecimal digits of its manifest's SHA-256."""
    return digest(files[MANIFEST])[:DIGITS]


def read(path: Path) -> Files:
    """The files of a certificate, a zip or the folder that it was unpacked to. Raises Refused."""
    if path.is_dir():
        found = [each for each in path.rglob("*") if each.is_file() or each.is_symlink()]
        return {each.relative_to(path).as_posix(): each.read_bytes() for each in found}
    content = path.read_bytes()
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as file:
            files = {name: file.read(name) for name in file.namelist()}
    except (zipfile.BadZipFile, ValueError, NotImplementedError, RuntimeError, EOFError, zlib.error) as error:
        raise Refused(f"{path.name}: not a whole zip: {error}") from error
    if zipped(files) != content:
        raise Refused(f"{path.name}: bytes outside of its files were changed")
    return files


def check(files: Files) -> None:
    """Raise Refused unless the manifest lists just these files with their digests."""
    if MANIFEST not in files:
        raise Refused(f"{MANIFEST} is not there")
    try:
        listed = json.loads(files[MANIFEST])
        names = dict(listed["files"])
    except (ValueError, KeyError, TypeError) as error:
        raise Refused(f"{MANIFEST} can't be read: {error}") from error
    if listed.get("format") != FORMAT:
        raise Refused(f"{MANIFEST}: format {listed.get('format')!r}, this verifier knows {FORMAT}")
    wrong = [f"{name} is left out" for name in names if name not in files]
    wrong += [f"{name} is not of the certificate" for name in files if name not in names and name != MANIFEST]
    wrong += [f"{name} was changed" for name in names if name in files and digest(files[name]) != names[name]]
    if wrong:
        raise Refused("; ".join(sorted(wrong)))
    if canonical(listed) != files[MANIFEST]:
        raise Refused(f"{MANIFEST} was changed")


def zipped(files: Files) -> bytes:
    """The files as a zip, none compressed: the same files give the same bytes, whatever Python makes them. Raises
    Refused where they are too large for one.
    """
    body, central = io.BytesIO(), io.BytesIO()
    for name in sorted(files):
        content, text = files[name], name.encode()
        shared = (20, 0x800, 0, 0, DAY, zlib.crc32(content), len(content), len(content), len(text), 0)
        central.write(struct.pack("<4s6H3L5H2L", b"PK\1\2", 20, *shared, 0, 0, 0, 0, body.tell()) + text)
        body.write(struct.pack("<4s5H3L2H", b"PK\3\4", *shared) + text + content)
        if body.tell() > LARGEST:
            raise Refused("more than 4 GB: too large for one certificate")
    ends = len(files), len(files), central.tell(), body.tell()
    return body.getvalue() + central.getvalue() + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, *ends, 0)
