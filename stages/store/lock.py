"""One driver at a time on a store: a file in it says who is at work there, and how far.

The stages wait for the lock; what a person types (`gc`, `sync`) is refused at once. A lock whose driver is gone is
taken over. On the same machine its process is looked for; of another machine's the file is watched, which a living
driver rewrites every few seconds. Nothing compares the clocks of two machines.
"""

import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cluster.process import born
from stages.errors import StoreError
from stages.store.store import Store

NAME = "lock.json"
BEAT_SECONDS = 5.0
SILENT_BEATS = 4  # after which a driver on another machine counts as gone
LOOK_SECONDS = 1.0  # between two looks at a lock that another holds


@dataclass(frozen=True)
class Driver:
    """Who is at work on a store: the stage, host, process, when it began (for people), and how far it is.

    machine: what tells machines, their boots and their containers apart
    born: the process's start in the machine's own ticks: process ids are used again
    items, amount: how many there are, and what they weigh together; `done` of each, and the seconds that took
    """

    stage: str
    host: str
    pid: int
    since: str
    machine: str
    born: str
    token: str
    beat: int = 0
    items: int = 0
    items_done: int = 0
    amount: float = 0.0
    amount_done: float = 0.0
    seconds: float = 0.0


@dataclass
class Progress:
    """A lock that is held: its holder reports progress through it."""

    store: Store
    driver: Driver
    began: float = field(default_factory=time.monotonic)
    lost: bool = False
    ended: threading.Event = field(default_factory=threading.Event)

    def begin(self, items: int, amount: float) -> None:
        """Say how much there is to do."""
        self.began = time.monotonic()
        about = self.driver
        self.driver = replace(about, items=items, amount=float(amount), items_done=0, amount_done=0.0, seconds=0.0)

    def advance(self, amount: float) -> None:
        """Say that an item was done. Raises StoreError where another driver has taken the lock meanwhile."""
        done = self.driver.amount_done + amount
        seconds = time.monotonic() - self.began
        self.driver = replace(self.driver, items_done=self.driver.items_done + 1, amount_done=done, seconds=seconds)
        self.check()

    def check(self) -> None:
        """Raises StoreError where another driver has taken the lock."""
        if self.lost:
            raise StoreError(
                f"{self.store.shown}: another driver took the store over while this one stood still; what is finished "
                "is kept, and `dvc repro` goes on from there"
            )

    def beat(self) -> None:
        """Rewrite the file until the work ends, whatever can't be read or written for a while."""
        while not self.ended.wait(BEAT_SECONDS):
            self.driver = replace(self.driver, beat=self.driver.beat + 1)
            with suppress(StoreError):  # a store that stays out of reach is said where results go
                found = holder(self.store)
                if found and found.token != self.driver.token:
                    self.lost = True
                    return
                if found or not self.store.create_file(NAME, _content(self.driver)):  # one that was removed comes back
                    self.store.put_file(NAME, _content(self.driver))


@contextmanager
def locked(store: Store, stage: str, *, wait: bool = False) -> Iterator[Progress]:
    """Hold the store's lock. Another driver that is alive is waited for, however long it takes, or, without `wait`,
    refused: raises StoreError, as it does where another driver has taken the lock meanwhile.
    """
    progress = Progress(store, _myself(stage))
    waited = False
    while not store.create_file(NAME, _content(progress.driver)):
        other = holder(store)
        if other and _alive(other, store, quiet=waited):
            if not wait:
                raise StoreError(
                    f"{store.shown}: another driver is at work on this store: {said(other)}; wait for it, or end it"
                )
            if not waited:
                print(f"{store.shown}: waiting for the driver at work on this store: {said(other)}", flush=True)
            waited = True
            time.sleep(LOOK_SECONDS)
            continue
        if not other and not _stays_unreadable(store):
            continue
        if not store.local:
            _overwrite(progress)
            break
        _put_aside(store, other)
    thread = threading.Thread(target=progress.beat, daemon=True)
    thread.start()
    try:
        yield progress
        progress.check()
    finally:
        progress.ended.set()
        thread.join()
        with suppress(StoreError):  # a lock that stays is that of a driver that is gone
            found = holder(store)
            if found and found.token == progress.driver.token:
                store.remove(f"{store.root}/{NAME}")


def said(driver: Driver) -> str:
    """Who a driver is and how far, in a few words."""
    far = f", {driver.items_done} of {driver.items} items done" if driver.items else ""
    return f"{driver.stage} on {driver.host}, process {driver.pid}, since {driver.since}{far}"


def holder(store: Store) -> Driver | None:
    """The driver that the store's lock names, alive or not; None where there is no lock, or none that makes sense."""
    return _driver(store.json_file(NAME))


def alive(driver: Driver) -> bool | None:
    """Whether the driver's process is there; None where it is another machine's."""
    if driver.machine != _machine():
        return None
    return born(driver.pid) == driver.born


def _alive(driver: Driver, store: Store, *, quiet: bool) -> bool:
    known = alive(driver)
    if known is not None:
        return known
    patience = SILENT_BEATS * BEAT_SECONDS
    if not quiet:
        print(f"{store.shown}: looking for {patience:g} s whether the driver on {driver.host} is alive", flush=True)
    deadline = time.monotonic() + patience
    while True:
        time.sleep(min(LOOK_SECONDS, BEAT_SECONDS))
        late = time.monotonic() >= deadline
        try:
            now = holder(store)
        except StoreError:  # what can't be read does not say that its writer is gone
            if late:
                raise
            continue
        if now is None:
            return False
        if (now.token, now.beat) != (driver.token, driver.beat):
            return True
        if late:
            return False


def _stays_unreadable(store: Store) -> bool:
    """Whether the lock is there without a driver in it, and not only for the instant in which one writes it."""
    time.sleep(min(LOOK_SECONDS, BEAT_SECONDS))
    return holder(store) is None and store.holds_file(NAME)


def _put_aside(store: Store, stale: Driver | None) -> None:
    """Move a lock away whose driver is gone; if it has become another's meanwhile, put it back."""
    path = Path(store.root, NAME)
    aside = path.with_name(f"{NAME}.{secrets.token_hex(4)}.part")
    with suppress(FileNotFoundError), store.reporting("move", str(path)):
        path.rename(aside)
        found = _driver(store.json_file(aside.name))
        if found and (not stale or found.token != stale.token):
            store.create_file(NAME, _content(found))
        aside.unlink()


def _overwrite(progress: Progress) -> None:
    """Best effort where files can't be moved at once: the last of several wins."""
    progress.store.put_file(NAME, _content(progress.driver))
    time.sleep(1)
    found = holder(progress.store)
    if found and found.token != progress.driver.token:
        raise StoreError(f"{progress.store.shown}: another driver took the store over at the same time")


def _driver(record: dict[str, Any] | None) -> Driver | None:
    try:
        return Driver(**record) if record else None
    except TypeError:
        return None


def _content(driver: Driver) -> bytes:
    return json.dumps(asdict(driver), sort_keys=True, allow_nan=False).encode()


def _myself(stage: str) -> Driver:
    since = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    began = born(os.getpid()) or ""
    return Driver(stage, socket.gethostname(), os.getpid(), since, _machine(), began, secrets.token_hex(8))


def _machine() -> str:
    """Of Linux, the boot and the container; elsewhere the host's name."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return socket.gethostname()
