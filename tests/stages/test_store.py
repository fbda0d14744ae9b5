"""The store: done means whole, and nothing half-written ever counts."""

import errno
import json
import os
import re
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from stages.errors import StoreError
from stages.store import codecs
from stages.store.store import Store

KEY = "ab" + "0" * 30


@pytest.fixture(params=["local", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store") if request.param == "local" else f"memory://{tmp_path}")


def test_what_is_written_is_read_back(store: Store) -> None:
    assert store.done("runs", KEY) is None
    store.write("runs", KEY, b"weights", {"steps": 3})
    entry = store.done("runs", KEY)
    assert entry is not None
    assert (entry.size, entry.facts) == (7, {"steps": 3})
    assert store.read("runs", KEY) == b"weights"


def files(store: Store) -> list[str]:
    return sorted(path for path in store.files.find(store.root) if KEY in path)


def test_weights_are_read_back_as_they_were_however_they_lie_in_memory() -> None:
    """The rows of a stack of convolutions that lies with its channels last; and the same bytes as of a plain copy."""
    stack = np.arange(2 * 3 * 4 * 5 * 5, dtype=np.float32).reshape(2, 3, 5, 5, 4).transpose(0, 1, 4, 2, 3)
    weights = {"conv": stack[1], "transposed": np.arange(6.0).reshape(2, 3).T, "steps": np.array(7)}
    read = codecs.weights_from(codecs.weights_bytes(weights))
    for name, value in weights.items():
        np.testing.assert_array_equal(read[name], value)
        assert (read[name].shape, read[name].dtype) == (value.shape, value.dtype)
    assert codecs.weights_bytes(weights) == codecs.weights_bytes(
        {name: np.array(value, order="C") for name, value in weights.items()}
    )


@pytest.mark.parametrize("damage", ["flip", "truncate", "remove", "foreign"])
def test_a_damaged_payload_is_not_done(store: Store, damage: str) -> None:
    store.write("cells", KEY, b"outcomes" * 100)
    payload, _ = files(store)
    content = store.files.cat_file(payload)
    if damage == "remove":
        store.files.rm_file(payload)
    else:
        flipped = content[:50] + bytes([content[50] ^ 1]) + content[51:]
        store.files.pipe_file(payload, {"flip": flipped, "truncate": content[:-1], "foreign": b"hello"}[damage])
    assert store.done("cells", KEY) is None
    with pytest.raises(StoreError, match="the payload of cells entry"):
        store.read("cells", KEY)
    store.write("cells", KEY, content)
    assert store.done("cells", KEY)


@pytest.mark.parametrize("record", [b"", b"{", b"[]", b'{"key": "x"}', json.dumps({"key": "other"}).encode()])
def test_a_damaged_record_is_not_done(store: Store, record: bytes) -> None:
    store.write("cells", KEY, b"outcomes")
    store.files.pipe_file(files(store)[1], record)
    assert store.done("cells", KEY) is None
    with pytest.raises(StoreError, match=f"no cells entry {KEY}"):
        store.read("cells", KEY)


def test_failures_are_counted_and_forgotten(store: Store) -> None:
    for attempt in (1, 2):
        store.write_failure("runs", KEY, {"error": "Diverged", "message": "nan", "traceback": ""})
        assert (store.failure("runs", KEY) or {})["attempts"] == attempt
    store.forget_failure("runs", KEY)
    assert store.failure("runs", KEY) is None
    assert store.done("runs", KEY) is None


def test_a_writer_killed_in_mid_write_leaves_nothing_that_counts(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys\nfrom stages.store import store\n"
        "store.os.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        f"store.Store(sys.argv[1]).write('runs', '{KEY}', b'x' * 1000)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert done.returncode == -9
    assert Store(str(tmp_path)).done("runs", KEY) is None
    Store(str(tmp_path)).write("runs", KEY, b"y")
    assert Store(str(tmp_path)).read("runs", KEY) == b"y"


FULL = """
import sys
from stages.errors import StoreError
from stages.store.store import Store

try:
    Store(sys.argv[1]).write("runs", sys.argv[2], b"x" * 100_000)
except StoreError as error:
    print(error)
Store(sys.argv[1]).write("runs", "b" * 32, b"x" * 10_000)
"""


def test_a_full_disk_is_one_clear_line_and_leaves_nothing(tmp_path: Path) -> None:
    """A disk that takes the first 20,000 bytes of a file and no more."""
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path), KEY],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)),
        capture_output=True,
        text=True,
        check=True,
    )
    assert re.fullmatch(rf"{re.escape(str(tmp_path))}: cannot write .*{KEY}.*: File too large\n", done.stdout)
    store = Store(str(tmp_path))
    assert store.done("runs", KEY) is None
    assert store.read("runs", "b" * 32) == b"x" * 10_000
    assert not [path for path in tmp_path.rglob("*") if KEY in path.name]


@pytest.mark.parametrize("refusal", [errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS])
def test_without_hard_links_a_file_is_created_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refusal: int
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(refusal, os.strerror(refusal))

    monkeypatch.setattr(os, "link", refuse)
    store = Store(str(tmp_path))
    assert store.create_file("lock.json", b"first")
    assert not store.create_file("lock.json", b"second")
    assert [path.name for path in tmp_path.iterdir()] == ["lock.json"]
    assert (tmp_path / "lock.json").read_bytes() == b"first"


def test_without_the_clients_of_object_stores_an_error_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("botocore.exceptions", "aiohttp"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    (tmp_path / "lock.json").mkdir()
    with pytest.raises(StoreError, match=r"cannot read .*lock\.json: Is a directory$"):
        Store(str(tmp_path)).json_file("lock.json")


ACCEPTED = "; accepted: a folder, or an address such as s3://bucket/store"


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("foo://", "DIFFPROG_STORE is 'foo://': Protocol not known: foo"),
        ("foo://me:secret@x", "DIFFPROG_STORE is 'foo://***@x': Protocol not known: foo"),
        ("zip://a::s3://b", "DIFFPROG_STORE is 'zip://a::s3://b', a chain of file systems"),
    ],
)
def test_an_address_of_nothing_is_refused_in_one_line(address: str, said: str) -> None:
    with pytest.raises(StoreError, match=f"^{re.escape(said + ACCEPTED)}$"):
        Store(address)


@pytest.mark.parametrize("name", ["a::b/store", "s p?a#c%e", "~x"])
def test_every_character_of_a_path_is_its_own(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Store(name).write("runs", KEY, b"weights")
    assert list(tmp_path.rglob("*.safetensors")) == [tmp_path / name / "runs" / KEY[:2] / f"{KEY}.safetensors"]
    assert Store(name).listing("runs") == {KEY}


def test_what_is_not_finite_is_in_no_record(store: Store) -> None:
    said = f"{store.shown}: runs entry {KEY} has a fact that is not finite: {{'loss': nan}}"
    with pytest.raises(StoreError, match=f"^{re.escape(said)}$"):
        store.write("runs", KEY, b"weights", {"loss": float("nan")})
    assert store.entry("runs", KEY) is None


def test_a_failure_can_not_command_the_terminal(store: Store) -> None:
    store.write_failure("runs", KEY, {"error": "E", "message": "\x1b[31mred\x00\r\x9b", "traceback": "a\n\tb"})
    failure = store.failure("runs", KEY) or {}
    assert failure["message"] == r"\x1b[31mred\x00\x0d\x9b"
    assert failure["traceback"] == "a\n\tb"
