"""The content-addressed store of models, outcomes and values: what makes every rerun a resume.

An entry is a payload (safetensors, npz: never anything that is unpickled) and a small JSON record, written last. An
entry is done when its record parses and its payload has the size and digest the record states.
"""

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import fsspec

from stages.errors import StoreError
from stages.identity import bytes_digest

SUFFIXES = {"data": "npz", "runs": "safetensors", "cells": "npz", "values": "json"}
RECORD_FIELDS = {"key", "size", "sha256", "facts"}


@dataclass(frozen=True)
class Entry:
    """A stored payload's key, size in bytes, SHA-256 and the facts recorded with it."""

    key: str
    size: int
    sha256: str
    facts: Mapping[str, Any]


class Store:
    """Entries by kind (`data`, `runs`, `cells`, `values`) and key, below a local folder or any fsspec URI."""

    def __init__(self, uri: str):
        self.uri = uri
        self.files, self.root = fsspec.core.url_to_fs(uri)
        self.local = "file" in self.files.protocol

    @classmethod
    def from_environment(cls) -> "Store":
        """The store at DIFFPROG_STORE, or `store/`."""
        return cls(os.environ.get("DIFFPROG_STORE") or "store")

    def write(self, kind: str, key: str, payload: bytes, facts: Mapping[str, Any] | None = None) -> Entry:
        """Store a payload, then its record."""
        entry = Entry(key, len(payload), bytes_digest(payload), facts or {})
        self._put(self._path(kind, key, SUFFIXES[kind]), payload)
        self._put(self._path(kind, key, "record"), json.dumps(vars(entry), sort_keys=True).encode())
        return entry

    def entry(self, kind: str, key: str) -> Entry | None:
        """The entry as recorded, or None where there is no readable record. The payload is not looked at."""
        try:
            record = json.loads(self.files.cat_file(self._path(kind, key, "record")))
        except (FileNotFoundError, ValueError):
            return None
        if not isinstance(record, dict) or set(record) != RECORD_FIELDS or record["key"] != key:
            return None
        return Entry(**record)

    def read(self, kind: str, key: str) -> bytes:
        """The payload, checked against its record. Raises StoreError."""
        entry = self.entry(kind, key)
        if entry is None:
            raise StoreError(f"{self.uri}: no {kind} entry {key}")
        payload = self._payload(kind, key)
        if payload is None or bytes_digest(payload) != entry.sha256:
            raise StoreError(f"{self.uri}: the payload of {kind} entry {key} does not match its record")
        return payload

    def done(self, kind: str, key: str) -> Entry | None:
        """The entry if its record and its payload are whole, else None."""
        entry = self.entry(kind, key)
        payload = self._payload(kind, key) if entry else None
        return entry if entry and payload is not None and bytes_digest(payload) == entry.sha256 else None

    def write_failure(self, kind: str, key: str, failure: Mapping[str, Any]) -> None:
        """Keep why an item failed, and count the attempts."""
        attempts = int((self.failure(kind, key) or {}).get("attempts", 0)) + 1
        record = json.dumps({**failure, "attempts": attempts}, sort_keys=True)
        self._put(self._path(f"failed/{kind}", key, "json"), record.encode())

    def failure(self, kind: str, key: str) -> Mapping[str, Any] | None:
        """Why an item failed last, or None."""
        try:
            record = json.loads(self.files.cat_file(self._path(f"failed/{kind}", key, "json")))
        except (FileNotFoundError, ValueError):
            return None
        return record if isinstance(record, dict) else None

    def forget_failure(self, kind: str, key: str) -> None:
        """Drop the record of a failure, once the item is done."""
        path = self._path(f"failed/{kind}", key, "json")
        if self.files.exists(path):
            self.files.rm_file(path)

    def _path(self, kind: str, key: str, suffix: str) -> str:
        return f"{self.root}/{kind}/{key[:2]}/{key}.{suffix}"

    def _payload(self, kind: str, key: str) -> bytes | None:
        try:
            payload: bytes = self.files.cat_file(self._path(kind, key, SUFFIXES[kind]))
        except FileNotFoundError:
            return None
        return payload

    def _put(self, path: str, data: bytes) -> None:
        try:
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
        except OSError as error:
            raise StoreError(f"{self.uri}: cannot write {path}: {error.strerror or error}") from error
