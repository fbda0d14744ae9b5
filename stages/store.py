"""The content-addressed store of models, outcomes and values: what makes every rerun a resume.

An entry is a payload (safetensors, npz: never anything that is unpickled) and a small JSON record, written last. An
entry is done when its record parses and its payload has the size and digest the record states.
"""

import json
import os
import re
import secrets
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import fsspec

from stages.errors import StoreError, masked
from stages.identity import bytes_digest
from stages.provenance import ENVIRONMENT, differences

SUFFIXES = {"data": "npz", "runs": "safetensors", "cells": "npz", "values": "json"}
KEY = re.compile(r"[0-9a-f]{32}|[0-9a-f]{64}")
READERS = 16  # of an object store at once: each look takes a round trip
RECORD_FIELDS = {"key", "size", "sha256", "facts"}


@dataclass(frozen=True)
class Entry:
    """A stored payload's key, size in bytes, SHA-256 and the facts recorded with it."""

    key: str
    size: int
    sha256: str
    facts: Mapping[str, Any]


class Store:
    """Entries by kind (`data`, `runs`, `cells`, `values`) and key, below a local folder or any fsspec URI.

    shared: whether workers on other machines reach it by its address. They write to it themselves then; else the
    driver writes what they send.
    """

    def __init__(self, uri: str):
        self.uri = uri
        self.shown = masked(uri)
        options = {} if "://" not in uri else {"use_listings_cache": False}  # others write, too
        self.files, self.root = fsspec.core.url_to_fs(uri, **options)
        self.local = "file" in self.files.protocol
        self.shared = not self.local and "memory" not in self.files.protocol

    @classmethod
    def from_environment(cls) -> "Store":
        """The store at DIFFPROG_STORE, or `store/`."""
        return cls(os.environ.get("DIFFPROG_STORE") or "store")

    def write(
        self, kind: str, key: str, payload: bytes, facts: Mapping[str, Any] | None = None, *, again: bool = False
    ) -> Entry:
        """Store a payload, then its record; the entry that holds then. One that is whole already stays (`again`: is
        replaced): the same key stands for the same bytes, and what was made of the first keeps what it was made of.
        """
        entry = Entry(key, len(payload), bytes_digest(payload), facts or {})
        held = None if again else self.done(kind, key)
        if held:
            if held.sha256 != entry.sha256:
                print(_differing(kind, str(entry.facts.get("run", key)), entry, held))
            return held
        self._put(self._path(kind, key, SUFFIXES[kind]), payload)
        self._put(self._path(kind, key, "record"), json.dumps(vars(entry), sort_keys=True).encode())
        return entry

    def entry(self, kind: str, key: str) -> Entry | None:
        """The entry as recorded, or None where there is no readable record. The payload is not looked at."""
        record = self._json(self._path(kind, key, "record"))
        if record is None or set(record) != RECORD_FIELDS or record["key"] != key:
            return None
        return Entry(**record)

    def read(self, kind: str, key: str) -> bytes:
        """The payload, checked against its record. Raises StoreError."""
        entry = self.entry(kind, key)
        if entry is None:
            raise StoreError(f"{self.shown}: no {kind} entry {key}")
        payload = self._payload(kind, key)
        if payload is None or bytes_digest(payload) != entry.sha256:
            raise StoreError(f"{self.shown}: the payload of {kind} entry {key} does not match its record")
        return payload

    def done(self, kind: str, key: str) -> Entry | None:
        """The entry if its record and its payload are whole, else None."""
        entry = self.entry(kind, key)
        payload = self._payload(kind, key) if entry else None
        return entry if entry and payload is not None and bytes_digest(payload) == entry.sha256 else None

    def all_done(self, kind: str, keys: Iterable[str]) -> set[str]:
        """The keys whose entries are whole."""
        wanted = list(dict.fromkeys(keys))
        return {key for key, entry in zip(wanted, self._each(self.done, kind, wanted), strict=True) if entry}

    def entries(self, kind: str, keys: Iterable[str]) -> dict[str, Entry]:
        """The entries by key, as recorded; their payloads are not looked at."""
        wanted = list(dict.fromkeys(keys))
        found = zip(wanted, self._each(self.entry, kind, wanted), strict=True)
        return {key: entry for key, entry in found if entry}

    def listing(self, kind: str) -> set[str]:
        """The keys with a record and a payload, by their files' names alone: fast, and not checked."""
        held: dict[str, set[str]] = {}
        for path in self.paths(kind):
            key, _, suffix = path.rpartition("/")[2].partition(".")
            held.setdefault(key, set()).add(suffix)
        return {key for key, suffixes in held.items() if {"record", SUFFIXES[kind]} <= suffixes}

    def paths(self, kind: str) -> dict[str, int]:
        """The sizes in bytes of all files below a kind's folder, foreign ones too."""
        try:
            found = self.files.find(f"{self.root}/{kind}", detail=True)
        except FileNotFoundError:
            return {}
        return {path: int(info["size"]) for path, info in found.items()}

    def _each(self, look: Callable[[str, str], Entry | None], kind: str, keys: list[str]) -> list[Entry | None]:
        if not self.shared:
            return [look(kind, key) for key in keys]
        with ThreadPoolExecutor(READERS) as pool:
            return list(pool.map(lambda key: look(kind, key), keys))

    def write_failure(self, kind: str, key: str, failure: Mapping[str, Any]) -> None:
        """Keep why an item failed, and count the attempts."""
        attempts = int((self.failure(kind, key) or {}).get("attempts", 0)) + 1
        said = {name: masked(what) if isinstance(what, str) else what for name, what in failure.items()}
        record = json.dumps({**said, "attempts": attempts}, sort_keys=True)
        self._put(self._path(f"failed/{kind}", key, "json"), record.encode())

    def failure(self, kind: str, key: str) -> Mapping[str, Any] | None:
        """Why an item failed last, or None."""
        return self._json(self._path(f"failed/{kind}", key, "json"))

    def failing(self, kind: str) -> set[str]:
        """The keys of all items that failed last, by their files' names."""
        return {path.rpartition("/")[2].partition(".")[0] for path in self.paths(f"failed/{kind}")}

    def forget_failure(self, kind: str, key: str) -> None:
        """Drop the record of a failure, once the item is done."""
        self.remove(self._path(f"failed/{kind}", key, "json"))

    def remove(self, path: str) -> None:
        """Remove a file, if it is there. Raises StoreError."""
        with suppress(FileNotFoundError), self._said("remove", path):
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
            try:
                with self._said("write", path):
                    self.files.pipe_file(path, content, mode="create")
            except StoreError as error:
                if isinstance(error.__cause__, FileExistsError) or self.files.exists(path):
                    return False
                raise
            except FileNotFoundError as error:
                raise StoreError(f"{self.shown}: cannot write {path}: {error}") from error
            return True
        aside = f"{path}.{secrets.token_hex(4)}.part"
        self._put(aside, content)
        try:
            with self._said("write", path):
                os.link(aside, path)
        except StoreError as error:
            if isinstance(error.__cause__, FileExistsError):
                return False
            raise
        finally:
            os.remove(aside)
        return True

    def json_file(self, name: str) -> dict[str, Any] | None:
        """The content of a JSON file of the store's own; None where there is none to read."""
        return self._json(f"{self.root}/{name}")

    def _path(self, kind: str, key: str, suffix: str) -> str:
        if not KEY.fullmatch(key):  # of a table that was written by another hand
            raise StoreError(f"{self.shown}: {key[:80]!r} is not a key")
        return f"{self.root}/{kind}/{key[:2]}/{key}.{suffix}"

    def _payload(self, kind: str, key: str) -> bytes | None:
        return self._content(self._path(kind, key, SUFFIXES[kind]))

    def _json(self, path: str) -> dict[str, Any] | None:
        content = self._content(path)
        try:
            record = json.loads(content) if content is not None else None
        except ValueError:
            return None
        return record if isinstance(record, dict) else None

    def _content(self, path: str) -> bytes | None:
        try:
            with self._said("read", path):
                content: bytes = self.files.cat_file(path)
        except FileNotFoundError:
            return None
        return content

    def _put(self, path: str, data: bytes) -> None:
        try:
            with self._said("write", path):
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
    def _said(self, what: str, path: str) -> Iterator[None]:
        """Raises StoreError for what the file system or object store did not do, but for a file that is not there."""
        try:
            yield
        except FileNotFoundError:
            raise
        except _their_errors() as error:
            said = getattr(error, "strerror", None) or " ".join(str(error).split()) or type(error).__name__
            raise StoreError(f"{self.shown}: cannot {what} {path}: {said}") from error


def _differing(kind: str, name: str, made: Entry, held: Entry) -> str:
    """That one key has other bytes, and in what the two environments differ."""
    environments = [entry.facts.get(ENVIRONMENT) or {} for entry in (held, made)]
    apart = differences(*environments)
    return f"{name}: {kind} {made.key} was made twice, with other bytes; the first stays. They differ in {apart}"


def _their_errors() -> tuple[type[Exception], ...]:
    """What file systems and the clients of object stores raise; the latter are known once they were loaded."""
    theirs = (
        ("botocore.exceptions", "BotoCoreError"),
        ("botocore.exceptions", "ClientError"),
        ("aiohttp", "ClientError"),
    )
    loaded = [getattr(sys.modules[module], name) for module, name in theirs if module in sys.modules]
    return (OSError, *loaded)
