"""The content-addressed store of models, outcomes and values: what makes every rerun a resume.

An entry is a payload (safetensors, npz: never anything that is unpickled) and a small JSON record, written last. An
entry is done when its record parses and its payload has the size and digest the record states.
"""

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from stages.errors import StoreError, masked
from stages.home import home
from stages.store.files import StoredFiles
from stages.store.keys import bytes_digest
from stages.store.provenance import ENVIRONMENT, differences, text
from stages.terminal import escaped

SUFFIXES = {"data": "npz", "runs": "safetensors", "cells": "npz", "values": "json", "items": "parquet"}
MADE_BY = {"data": "prepare", "runs": "train", "cells": "predict", "values": "measure"}  # stages
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

    @property
    def environment(self) -> str:
        """What it was made with, as JSON; empty where that is not known."""
        return text(self.facts.get(ENVIRONMENT))


class Store(StoredFiles):
    """Entries by kind (`data`, `runs`, `cells`, `values`; of imported studies `items`) and key, below a local folder or
    any fsspec URI.
    """

    @classmethod
    def from_environment(cls) -> "Store":
        """The store at DIFFPROG_STORE, or `store/`; a relative path is the project's, not its temporary copy's."""
        given = os.environ.get("DIFFPROG_STORE") or "store"
        return cls(given if "://" in given else str(home() / os.path.expanduser(given)))

    def write(
        self, kind: str, key: str, payload: bytes, facts: Mapping[str, Any] | None = None, *, again: bool = False
    ) -> Entry:
        """Store a payload, then its record; the entry that holds then. One that is whole already stays (`again`: is
        replaced): the same key stands for the same bytes, and what was made of the first keeps what it was made of.
        """
        entry = Entry(key, len(payload), bytes_digest(payload), facts or {})
        try:
            record = _json_bytes(vars(entry))
        except ValueError as error:
            raise StoreError(f"{self.shown}: {kind} entry {key} has a fact that is not finite: {facts}") from error
        held = None if again else self.done(kind, key)
        if held:
            if held.sha256 != entry.sha256:
                print(_differing(kind, str(entry.facts.get("run", key)), entry, held))
            return held
        self._put(self._path(kind, key, SUFFIXES[kind]), payload)
        self._put(self._path(kind, key, "record"), record)
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
        by = f"dvc repro --force --single-item {MADE_BY[kind]}" if kind in MADE_BY else "diffprog import"
        again = f"`{by}` makes it again"
        if entry is None:
            raise StoreError(f"{self.shown}: no {kind} entry {key}; {again}")
        payload = self._payload(kind, key)
        if payload is None or bytes_digest(payload) != entry.sha256:
            raise StoreError(f"{self.shown}: the payload of {kind} entry {key} does not match its record; {again}")
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

    def lost(self, kind: str, keys: Iterable[str]) -> set[str]:
        """The keys whose entries are missing or damaged."""
        wanted = set(keys)
        return wanted - self.all_done(kind, wanted)

    def entries(self, kind: str, keys: Iterable[str]) -> dict[str, Entry]:
        """The entries by key, as recorded; their payloads are not looked at."""
        wanted = list(dict.fromkeys(keys))
        found = zip(wanted, self._each(self.entry, kind, wanted), strict=True)
        return {key: entry for key, entry in found if entry}

    def listing(self, kind: str) -> set[str]:
        """The keys with a record and a payload, by their files' names alone: fast, and not checked."""
        held: dict[str, set[str]] = {}
        for name in self.names(kind):
            key, _, suffix = name.partition(".")
            held.setdefault(key, set()).add(suffix)
        return {key for key, suffixes in held.items() if {"record", SUFFIXES[kind]} <= suffixes}

    def paths(self, kind: str) -> dict[str, int]:
        """The sizes in bytes of all files below a kind's folder, foreign ones too."""
        try:
            with self.reporting("list", f"{self.root}/{kind}"):
                found = self.files.find(f"{self.root}/{kind}", detail=True)
        except FileNotFoundError:
            return {}
        return {path: int(info["size"]) for path, info in found.items()}

    def names(self, kind: str) -> Iterator[str]:
        """The names of all files below a kind's folder, in no order."""
        if self.local:
            for _, _, names in os.walk(f"{self.root}/{kind}"):
                yield from names
        else:
            yield from (path.rpartition("/")[2] for path in self.paths(kind))

    def _each(self, look: Callable[[str, str], Entry | None], kind: str, keys: list[str]) -> list[Entry | None]:
        if not self.shared:
            return [look(kind, key) for key in keys]
        with ThreadPoolExecutor(READERS) as pool:
            return list(pool.map(lambda key: look(kind, key), keys))

    def write_failure(self, kind: str, key: str, failure: Mapping[str, Any]) -> None:
        """Keep why an item failed, and count the attempts."""
        attempts = int((self.failure(kind, key) or {}).get("attempts", 0)) + 1
        said = {name: escaped(masked(what)) if isinstance(what, str) else what for name, what in failure.items()}
        self._put(self._path(f"failed/{kind}", key, "json"), _json_bytes({**said, "attempts": attempts}))

    def failure(self, kind: str, key: str) -> Mapping[str, Any] | None:
        """Why an item failed last, or None."""
        return self._json(self._path(f"failed/{kind}", key, "json"))

    def failing(self, kind: str) -> set[str]:
        """The keys of all items that failed last, by their files' names."""
        return {path.rpartition("/")[2].partition(".")[0] for path in self.paths(f"failed/{kind}")}

    def forget_failure(self, kind: str, key: str) -> None:
        """Drop the record of a failure, once the item is done."""
        self.remove(self._path(f"failed/{kind}", key, "json"))

    def _path(self, kind: str, key: str, suffix: str) -> str:
        if not KEY.fullmatch(key):  # of a table that was written by another hand
            raise StoreError(f"{self.shown}: {key[:80]!r} is not a key")
        return f"{self.root}/{kind}/{key[:2]}/{key}.{suffix}"

    def _payload(self, kind: str, key: str) -> bytes | None:
        return self._content(self._path(kind, key, SUFFIXES[kind]))


def _json_bytes(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, sort_keys=True, allow_nan=False).encode()


def _differing(kind: str, name: str, made: Entry, held: Entry) -> str:
    """That one key has other bytes, and in what the two environments differ."""
    environments = [entry.facts.get(ENVIRONMENT) or {} for entry in (held, made)]
    apart = differences(*environments)
    return f"{name}: {kind} {made.key} was made twice, with other bytes; the first stays. They differ in {apart}"
