"""The store on S3 (moto's server on loopback): the same keys and bytes as in a folder, written by the workers."""

import logging
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from stages.errors import StoreError
from stages.store.lock import locked
from stages.store.store import Store
from tests.stages.conftest import fresh_copy, run_all, stage

moto = pytest.importorskip("moto.server")
pytest.importorskip("s3fs")
KEY = "ab" + "0" * 30


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(endpoint: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """The address of an empty place on the server, which the environment says how to reach."""
    import s3fs

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    s3fs.S3FileSystem.clear_instance_cache()
    files = s3fs.S3FileSystem()
    if not files.exists("sweep"):
        files.mkdir("sweep")
    return f"s3://sweep/{tmp_path.name}"


def test_entries_are_written_checked_listed_and_removed(bucket: str) -> None:
    store = Store(bucket)
    assert store.shared
    assert not store.local
    store.write("runs", KEY, b"weights", {"steps": 3})
    store.files.pipe_file(f"{store.root}/runs/ab/{'c' * 32}.record", b"{")
    assert store.read("runs", KEY) == b"weights"
    assert store.listing("runs") == {KEY} == store.all_done("runs", [KEY, "c" * 32])
    assert Store(bucket).entries("runs", [KEY])[KEY].facts == {"steps": 3}
    store.files.pipe_file(f"{store.root}/runs/ab/{KEY}.safetensors", b"weight5")
    assert store.all_done("runs", [KEY]) == set()
    store.write_failure("runs", KEY, {"error": "Diverged"})
    assert Store(bucket).failure("runs", KEY) == {"error": "Diverged", "attempts": 1}
    store.forget_failure("runs", KEY)
    store.forget_failure("runs", KEY)
    assert store.failure("runs", KEY) is None


def test_a_lock_is_one_drivers(bucket: str) -> None:
    with locked(Store(bucket), "train"), pytest.raises(StoreError, match="another driver is at work on this store"):
        locked(Store(bucket), "train").__enter__()
    with locked(Store(bucket), "train"):
        pass


def test_a_bucket_that_is_not_there_is_one_line(bucket: str) -> None:
    store = Store("s3://nowhere/store")
    for write in (lambda: store.write("runs", KEY, b"x"), lambda: store.create_file("lock.json", b"x")):
        with pytest.raises(
            StoreError, match=r"^s3://nowhere/store: cannot write nowhere/store/\S+: .*bucket"
        ) as caught:
            write()
        assert "\n" not in str(caught.value)


def test_a_server_that_is_not_there_is_one_line(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(StoreError, match=r"^s3://sweep/x: cannot read .*127\.0\.0\.1:9"):
        Store("s3://sweep/x").done("runs", KEY)


@pytest.mark.slow
def test_a_study_has_the_same_keys_and_bytes_in_a_folder_and_on_s3(
    study: Callable[[Mapping[str, Any]], Path],
    tiny: dict[str, Any],
    bucket: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    tiny["vision"]["models"] = {"resnet": {"widths": [4]}}
    local = study(tiny)
    run_all(local)
    remote = fresh_copy(local, tmp_path_factory.mktemp("remote") / "study")
    monkeypatch.setenv("DIFFPROG_STORE", bucket)
    run_all(remote)
    assert (remote / "results.parquet").read_bytes() == (local / "results.parquet").read_bytes()
    here, there = Store(str(local / "store")), Store(bucket)
    for kind in ("data", "runs", "cells", "values"):
        keys = here.listing(kind)
        assert keys
        assert there.listing(kind) == keys
        assert {key: entry.sha256 for key, entry in there.entries(kind, keys).items()} == {
            key: entry.sha256 for key, entry in here.entries(kind, keys).items()
        }
    assert not (remote / "store").exists()
    again = stage(remote, "train")
    assert "6 of 6 runs are in the store already" in again.stdout
