"""One driver at a time on a store: the second is refused, one that is gone is followed."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from stages import lock
from stages.errors import StoreError
from stages.lock import Driver, alive, holder, locked
from stages.store import Store
from tests.stages.conftest import ROOT


@pytest.fixture(params=["local", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store") if request.param == "local" else f"memory://{tmp_path}")


def test_a_second_driver_is_refused_in_one_line_and_the_lock_goes_with_the_first(store: Store) -> None:
    with locked(store, "train") as work:
        found = holder(store)
        assert found == work.driver
        assert alive(found) is True
        refused = re.escape(
            f"{store.uri}: another driver is at work on this store: train on {found.host}, process {found.pid}, since "
        )
        with pytest.raises(StoreError, match=f"^{refused}.* UTC; wait for it, or end it$"), locked(store, "predict"):
            pass
        assert holder(store) == found
    assert holder(store) is None
    with locked(store, "predict"):
        assert [path.rpartition("/")[2] for path in store.files.find(store.root)] == ["lock.json"]


@pytest.fixture
def killed(store: Store) -> Iterator[Driver]:
    """The lock of a driver that was killed with -9."""
    code = "import sys, time\nfrom stages.lock import _content, _myself\nprint(_content(_myself('train')).decode())\n"
    code += "sys.stdout.flush()\ntime.sleep(60)\n"
    variables = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=variables, text=True) as process:
        assert process.stdout is not None
        content = process.stdout.readline()
        store.put_file("lock.json", content.encode())
        driver = Driver(**json.loads(content))
        assert alive(driver)
        process.kill()
        deadline = time.monotonic() + 10
        while alive(driver):  # until it is a zombie, which counts as gone
            assert time.monotonic() < deadline
            time.sleep(0.01)
        yield driver


def test_the_lock_of_a_killed_driver_is_taken_over_at_once(store: Store, killed: Driver) -> None:
    start = time.monotonic()
    with locked(store, "train") as work:
        assert holder(store) == work.driver != killed
    assert time.monotonic() - start < 2


def test_a_process_id_that_is_used_again_is_not_the_driver(store: Store) -> None:
    with locked(store, "train") as work:
        mine = work.driver
    again = replace(mine, born=str(int(mine.born) - 1))
    assert alive(mine) is True
    assert alive(again) is False


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"host": "x"}'])
def test_a_lock_that_can_not_be_read_is_taken_over(store: Store, content: bytes) -> None:
    store.put_file("lock.json", content)
    with locked(store, "train") as work:
        assert holder(store) == work.driver


def elsewhere(store: Store) -> Driver:
    with locked(store, "train") as work:
        driver = replace(work.driver, machine="another", host="elsewhere", token="t" * 16)
    store.put_file("lock.json", json.dumps(asdict(driver)).encode())
    return driver


def test_of_another_machine_a_silent_lock_is_taken_over_and_a_beating_one_is_not(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(lock, "BEAT_SECONDS", 0.1)
    driver = elsewhere(store)
    assert alive(driver) is None
    with locked(store, "train") as work:
        held = holder(store)
        assert held is not None
        assert held.token == work.driver.token
    assert "looking for 0.4 s whether the driver on elsewhere is alive" in capsys.readouterr().out
    driver = elsewhere(store)
    sleep = time.sleep

    def beats(seconds: float) -> None:
        store.put_file("lock.json", json.dumps(asdict(replace(driver, beat=1))).encode())
        sleep(seconds)

    monkeypatch.setattr(lock.time, "sleep", beats)
    with pytest.raises(StoreError, match="another driver is at work on this store: train on elsewhere"):
        locked(store, "train").__enter__()


def test_a_driver_says_how_far_it_is_and_stops_where_another_took_over(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "BEAT_SECONDS", 0.02)
    with locked(store, "train") as work:
        work.begin(10, 100)
        work.advance(40)
        deadline = time.monotonic() + 10
        while not (found := holder(store)) or found.items_done == 0:
            assert time.monotonic() < deadline
        assert (found.items, found.items_done, found.amount, found.amount_done) == (10, 1, 100, 40)
        other = replace(found, token="t" * 16)
        while not work.lost:
            store.put_file("lock.json", json.dumps(asdict(other)).encode())
            time.sleep(0.01)
        with pytest.raises(StoreError, match="another driver took the store over while this one stood still"):
            work.advance(1)
    assert holder(store) == other


def test_a_lock_that_was_removed_is_written_again_by_the_next_beat(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "BEAT_SECONDS", 0.02)
    with locked(store, "train") as work:
        for _ in range(2):
            store.remove(f"{store.root}/lock.json")
            deadline = time.monotonic() + 10
            while not (found := holder(store)):
                assert time.monotonic() < deadline
                time.sleep(0.01)
            assert found.token == work.driver.token
        work.advance(1)
    assert holder(store) is None


def test_beats_are_counted(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """By which a driver on another machine sees that this one lives."""
    monkeypatch.setattr(lock, "BEAT_SECONDS", 0.02)
    with locked(store, "train"):
        beats: set[int] = set()
        deadline = time.monotonic() + 10
        while len(beats) < 3:
            assert time.monotonic() < deadline
            found = holder(store)
            beats |= {found.beat} if found else set()
    assert max(beats) >= 2


def test_a_zombie_and_a_process_that_never_was_are_gone(killed: Driver) -> None:
    assert alive(killed) is False
    assert alive(replace(killed, pid=2**22 + 1)) is False


def test_who_holds_the_lock_is_said_for_people(store: Store) -> None:
    with locked(store, "train") as work:
        driver = work.driver
    assert (driver.stage, driver.pid, driver.host) == ("train", os.getpid(), socket.gethostname())
    assert (driver.items, driver.items_done, driver.amount, driver.amount_done, driver.seconds) == (0, 0, 0, 0, 0)
    since = datetime.strptime(driver.since, "%Y-%m-%d %H:%M:%S UTC").replace(tzinfo=UTC)
    assert abs((datetime.now(UTC) - since).total_seconds()) < 60


def test_on_an_object_store_the_last_of_two_that_take_over_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stale lock is overwritten by two drivers at once: the one that finds the other's name there gives way."""
    store = Store(f"memory://{tmp_path}")
    store.put_file("lock.json", b"{")
    with locked(store, "train") as work:
        other = replace(work.driver, token="t" * 16)
    store.put_file("lock.json", b"{")
    monkeypatch.setattr(lock.time, "sleep", lambda _: store.put_file("lock.json", json.dumps(asdict(other)).encode()))
    message = re.escape(f"{store.shown}: another driver took the store over at the same time")
    with pytest.raises(StoreError, match=f"^{message}$"):
        locked(store, "train").__enter__()
    assert holder(store) == other
