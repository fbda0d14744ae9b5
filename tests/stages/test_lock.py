"""One driver at a time on a store: the second waits or is refused, one that is gone is followed."""

import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from stages.errors import StoreError
from stages.store import lock
from stages.store.lock import Driver, alive, holder, locked
from stages.store.store import Store
from tests.slow import fast_are
from tests.stages.conftest import ROOT


@pytest.fixture(params=["local", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store") if request.param == "local" else f"memory://{tmp_path}")


def test_a_second_driver_is_refused_in_one_line_and_the_lock_goes_with_the_first(store: Store) -> None:
    with locked(store, "train") as progress:
        found = holder(store)
        assert found == progress.driver
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
    code = "import sys, time\nfrom stages.store.lock import _content, _myself\n"
    code += "print(_content(_myself('train')).decode())\nsys.stdout.flush()\ntime.sleep(60)\n"
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
    with locked(store, "train") as progress:
        assert holder(store) == progress.driver != killed
    assert time.monotonic() - start < 2


def test_a_process_id_that_is_used_again_is_not_the_driver(store: Store) -> None:
    with locked(store, "train") as progress:
        mine = progress.driver
    again = replace(mine, born=str(int(mine.born) - 1))
    assert alive(mine) is True
    assert alive(again) is False


@pytest.mark.parametrize("content", fast_are([b"{"], [b"", b"{", b"[]", b'{"host": "x"}']))
def test_a_lock_that_can_not_be_read_is_taken_over(store: Store, content: bytes) -> None:
    store.put_file("lock.json", content)
    with locked(store, "train") as progress:
        assert holder(store) == progress.driver


def elsewhere(store: Store) -> Driver:
    with locked(store, "train") as progress:
        driver = replace(progress.driver, machine="another", host="elsewhere", token="t" * 16)
    store.put_file("lock.json", json.dumps(asdict(driver)).encode())
    return driver


def test_of_another_machine_a_silent_lock_is_taken_over_and_a_beating_one_is_not(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(lock, "BEAT_SECONDS", 0.1)
    driver = elsewhere(store)
    assert alive(driver) is None
    with locked(store, "train") as progress:
        held = holder(store)
        assert held is not None
        assert held.token == progress.driver.token
    assert "looking for 0.4 s whether the driver on elsewhere is alive" in capsys.readouterr().out
    driver = elsewhere(store)
    sleep = time.sleep

    def beats(seconds: float) -> None:
        store.put_file("lock.json", json.dumps(asdict(replace(driver, beat=1))).encode())
        sleep(seconds)

    monkeypatch.setattr(time, "sleep", beats)
    with pytest.raises(StoreError, match="another driver is at work on this store: train on elsewhere"):
        locked(store, "train").__enter__()


def test_a_driver_says_how_far_it_is_and_stops_where_another_took_over(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "BEAT_SECONDS", 0.02)
    stopped = (
        f"{store.shown}: another driver took the store over while this one stood still; what is finished is kept, and "
        "`dvc repro` goes on from there"
    )
    holding = locked(store, "train")
    progress = holding.__enter__()
    progress.begin(10, 100)
    progress.advance(40)
    deadline = time.monotonic() + 10
    while not (found := holder(store)) or found.items_done == 0:
        assert time.monotonic() < deadline
    assert (found.items, found.items_done, found.amount, found.amount_done) == (10, 1, 100, 40)
    other = replace(found, token="t" * 16)
    while not progress.lost:
        store.put_file("lock.json", json.dumps(asdict(other)).encode())
        time.sleep(0.01)
    with pytest.raises(StoreError, match=f"^{re.escape(stopped)}$"):
        progress.advance(1)
    with pytest.raises(StoreError, match=f"^{re.escape(stopped)}$"):
        holding.__exit__(None, None, None)
    assert holder(store) == other


def test_a_lock_that_was_removed_is_written_again_by_the_next_beat(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "BEAT_SECONDS", 0.02)
    with locked(store, "train") as progress:
        for _ in range(2):
            store.remove(f"{store.root}/lock.json")
            deadline = time.monotonic() + 10
            while not (found := holder(store)):
                assert time.monotonic() < deadline
                time.sleep(0.01)
            assert found.token == progress.driver.token
        progress.advance(1)
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
    with locked(store, "train") as progress:
        driver = progress.driver
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
    with locked(store, "train") as progress:
        other = replace(progress.driver, token="t" * 16)
    store.put_file("lock.json", b"{")
    content = json.dumps(asdict(other)).encode()
    monkeypatch.setattr(lock, "LOOK_SECONDS", 0)
    monkeypatch.setattr(time, "sleep", lambda seconds: store.put_file("lock.json", content) if seconds else None)
    message = re.escape(f"{store.shown}: another driver took the store over at the same time")
    with pytest.raises(StoreError, match=f"^{message}$"):
        locked(store, "train").__enter__()
    assert holder(store) == other


def test_a_stage_waits_for_the_driver_at_work_and_says_so_once(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(lock, "BEAT_SECONDS", 0.02)
    monkeypatch.setattr(lock, "LOOK_SECONDS", 0.02)
    took = []

    def second() -> None:
        with locked(store, "predict", wait=True) as progress:
            took.append(holder(store) == progress.driver)

    with locked(store, "train") as progress:
        progress.begin(12, 100)
        progress.advance(1)
        deadline = time.monotonic() + 10
        while (found := holder(store)) is None or not found.items_done:
            assert time.monotonic() < deadline
        waiting = threading.Thread(target=second)
        waiting.start()
        time.sleep(0.3)
        assert took == []
    waiting.join(timeout=10)
    assert took == [True]
    driver = progress.driver
    assert capsys.readouterr().out == (
        f"{store.shown}: waiting for the driver at work on this store: train on {driver.host}, process {driver.pid}, "
        f"since {driver.since}, 1 of 12 items done\n"
    )


def test_a_stage_that_waits_follows_a_driver_that_dies(store: Store, killed: Driver) -> None:
    with locked(store, "train", wait=True) as progress:
        assert holder(store) == progress.driver != killed


def test_the_heartbeat_outlives_a_lock_that_can_not_be_read_or_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "BEAT_SECONDS", 0.02)
    store, file = Store(str(tmp_path)), tmp_path / "lock.json"
    with locked(store, "train") as progress:
        file.rename(tmp_path / "aside")
        file.mkdir()  # neither read nor replaced by a file, not even by root
        with pytest.raises(StoreError, match=f"^{re.escape(f'{tmp_path}: cannot read {file}: Is a directory')}$"):
            holder(store)
        time.sleep(0.5)
        file.rmdir()
        again(store, progress)
        file.unlink()
        again(store, progress)
        file.write_text("{")
        again(store, progress)
    assert not file.exists()


def again(store: Store, progress: lock.Progress) -> None:
    """Wait until the lock is the driver's again, and beats."""
    beat, deadline = progress.driver.beat, time.monotonic() + 10
    while (found := holder(store)) is None or found.token != progress.driver.token or found.beat <= beat:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_lock_that_is_being_written_is_not_taken_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where there are no hard links: its name is there before its content."""
    monkeypatch.setattr(lock, "LOOK_SECONDS", 0.3)
    store, file = Store(str(tmp_path)), tmp_path / "lock.json"
    with locked(store, "train") as progress:
        content = file.read_bytes()
    file.touch()
    writer = threading.Timer(0.1, file.write_bytes, [content])
    writer.start()
    with pytest.raises(StoreError, match=f"another driver is at work on this store: {lock.said(progress.driver)};"):
        locked(store, "predict").__enter__()
    writer.join()
    assert file.read_bytes() == content


@pytest.mark.parametrize("known", [True, False])
def test_a_lock_that_became_another_s_while_it_was_moved_is_put_back(tmp_path: Path, known: bool) -> None:
    store = Store(str(tmp_path))
    other = elsewhere(store)
    gone = replace(other, token="g" * 16) if known else None
    lock._put_aside(store, gone)
    assert holder(store) == other
    lock._put_aside(store, other)
    assert list(tmp_path.iterdir()) == []


def test_what_is_done_starts_from_nothing_with_each_beginning(store: Store) -> None:
    with locked(store, "train") as progress:
        for items in (10, 20):
            progress.begin(items, 100)
            driver = progress.driver
            assert (driver.items, driver.items_done, driver.amount_done, driver.seconds) == (items, 0, 0, 0)
            progress.advance(30)
            progress.advance(20)
            assert (progress.driver.items_done, progress.driver.amount_done) == (2, 50)
            assert 0 <= progress.driver.seconds < 60
    assert lock.said(progress.driver).endswith(", 2 of 20 items done")


@pytest.mark.slow
def test_another_machine_waits_while_a_lock_is_unreadable_for_longer_than_a_beat(tmp_path: Path) -> None:
    """With the beats as they are in use: the lock is out of reach for 6 s, then beats on."""
    store, file = Store(str(tmp_path)), tmp_path / "lock.json"
    with locked(store, "train") as progress:
        file.rename(tmp_path / "aside")
        file.mkdir()
        time.sleep(6)
        file.rmdir()
        again(store, progress)
        progress.driver = replace(progress.driver, machine="another", host="elsewhere")
        again(store, progress)
        with pytest.raises(StoreError, match="another driver is at work on this store: train on elsewhere"):
            locked(store, "predict").__enter__()
