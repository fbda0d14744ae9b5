"""The files below a local folder or any fsspec URI: written whole or not at all, errors in one line."""

import errno
import json
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import fsspec

from stages.errors import StoreError, masked

NO_HARD_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}


class StoredFiles:
    """Files at a path, or at an address of fsspec's (`s3://bucket/store`). Raises StoreError where there are none.

    shared: whether workers on other machines reach it by its address. They write to it themselves then; else the
    driver writes what they send.
    """

    def __init__(self, uri: str):
        self.uri = uri
        self.shown = masked(uri)
        self.files, self.root = _opened(uri, self.shown)
        self.local = "file" in self.files.protocol
        self.shared = not self.local and "memory" not in self.files.protocol

    def remove(self, path: str) -> None:
        """Remove a file, if it is there. Raises StoreError."""
        with suppress(FileNotFoundError), self.reporting("remove", path):
            if not self.local:  # S3 says nothing of what is not there
                self.files.rm_file(path)
            else:
                os.remove(path)

    def put_file(self, name: str, content: bytes) -> None:
        """Write a file of the store's own, beside the kinds' folders."""
        self._put(f"{self.root}/{name}", content)

    def create_file(self, name: str, content: bytes) -> bool:
        """Write a file of the store's own unless it is there; whether that was done (an object store: best effort)."""
        path = f"{self.root}/{name}"
        if not self.local:
            return self._create_object(path, content)
        aside = f"{path}.{secrets.token_hex(4)}.part"
        self._put(aside, content)
        try:
            with self.reporting("write", path):
                return _linked(aside, path, content)
        finally:
            os.remove(aside)

    def _create_object(self, path: str, content: bytes) -> bool:
        try:
            with self.reporting("write", path):
                self.files.pipe_file(path, content, mode="create")
        except StoreError as error:
            if isinstance(error.__cause__, FileExistsError) or self._content(path) is not None:
                return False
            raise
        except FileNotFoundError as error:
            raise StoreError(f"{self.shown}: cannot write {path}: {error}") from error
        return True

    def holds_file(self, name: str) -> bool:
        """Whether a file of the store's own is there, whatever is in it."""
        return self._content(f"{self.root}/{name}") is not None

    def json_file(self, name: str) -> dict[str, Any] | None:
        """The content of a JSON file of the store's own; None where there is none to read."""
        return self._json(f"{self.root}/{name}")

    def _json(self, path: str) -> dict[str, Any] | None:
        content = self._content(path)
        try:
            record = json.loads(content) if content is not None else None
        except ValueError:
            return None
        return record if isinstance(record, dict) else None

    def _content(self, path: str) -> bytes | None:
        try:
            with self.reporting("read", path):
                content: bytes = self.files.cat_file(path)
        except FileNotFoundError:
            return None
        return content

    def _put(self, path: str, data: bytes) -> None:
        try:
            with self.reporting("write", path):
                self._write(path, data)
        except FileNotFoundError as error:  # an object store without the bucket
            raise StoreError(f"{self.shown}: cannot write {path}: {error}") from error

    def _write(self, path: str, data: bytes) -> None:
        if not self.local:
            self.files.pipe_file(path, data)
            return
        os.makedirs(os.path.dirname(path), exist_ok=True)
        aside = f"{path}.{secrets.token_hex(4)}.part"
        try:
            with open(aside, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(aside, path)
        finally:
            if os.path.exists(aside):
                os.remove(aside)

    @contextmanager
    def reporting(self, what: str, path: str) -> Iterator[None]:
        """Raises StoreError for what the file system or object store did not do, but for a file that is not there."""
        try:
            yield
        except FileNotFoundError:
            raise
        except _their_errors() as error:
            said = getattr(error, "strerror", None) or " ".join(str(error).split()) or type(error).__name__
            raise StoreError(f"{self.shown}: cannot {what} {path}: {said}") from error


def _opened(uri: str, shown: str) -> tuple[Any, str]:
    """The file system of an address, and the root in it. Of a path without `://` every character is the path's own."""
    if "://" not in uri:
        return fsspec.filesystem("file"), os.path.abspath(os.path.expanduser(uri))
    accepted = "accepted: a folder, or an address such as s3://bucket/store"
    if "::" in uri:
        raise StoreError(f"DIFFPROG_STORE is {shown!r}, a chain of file systems; {accepted}")
    try:
        files, root = fsspec.core.url_to_fs(uri, use_listings_cache=False)  # others write, too
    except (ValueError, ImportError, OSError, TypeError) as error:
        said = " ".join(str(error).split()) or type(error).__name__
        raise StoreError(f"DIFFPROG_STORE is {shown!r}: {said}; {accepted}") from error
    return files, root


def _linked(aside: str, path: str, content: bytes) -> bool:
    """Give a written file its name unless that is taken; whether that was done. Without hard links the name is taken
    first and the content follows: a reader may find the file empty for an instant.
    """
    try:
        os.link(aside, path)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in NO_HARD_LINKS:
            raise
    else:
        return True
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
    except FileExistsError:
        return False
    with open(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return True


def _their_errors() -> tuple[type[Exception], ...]:
    """What file systems and the clients of object stores raise; the latter are known once they were loaded."""
    theirs = (
        ("botocore.exceptions", "BotoCoreError"),
        ("botocore.exceptions", "ClientError"),
        ("aiohttp", "ClientError"),
    )
    loaded = [getattr(sys.modules[module], name) for module, name in theirs if module in sys.modules]
    return (OSError, ValueError, NotImplementedError, *loaded)
