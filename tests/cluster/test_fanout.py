"""The fan-out, on a real Ray: order, faults, lost workers, nothing listening on the network."""

import logging
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cluster.connection import ClusterError, check_size
from cluster.fanout import Failed, Finished, fanout
from cluster.resources import Resources, assigned, on_a_whole_card


@pytest.fixture(scope="module", autouse=True)
def ray_goes_away() -> Iterator[None]:
    yield
    import ray

    ray.shutdown()


@pytest.fixture(scope="module", autouse=True)
def two_cpus(ray_goes_away: None) -> None:
    """Whatever this machine has."""
    os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    os.environ.setdefault("RAY_AUTH_TOKEN", "a" * 64)  # Ray reads it once in a process, and later sessions need it too
    import ray

    ray.shutdown()  # of the session that a test of the same process left
    ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)


def act(item: Any, shared: Any) -> Any:
    """What each item asks for."""
    match item:
        case ("square", n):
            return n * n
        case ("raise", message):
            raise KeyError(message)
        case ("die", _):
            os.kill(os.getpid(), signal.SIGKILL)
        case ("die once", marker):
            if not Path(marker).exists():
                Path(marker).touch()
                os.kill(os.getpid(), signal.SIGKILL)
            return "second time"
        case ("shared", _):
            return shared["array"].flags.writeable, float(shared["array"].sum())
        case ("where", _):
            import pipelines

            return pipelines.__file__
        case ("threads", _):
            return os.environ["OMP_NUM_THREADS"]
        case ("hang", _):
            time.sleep(3600)
        case ("assigned", _):
            return assigned()
    return None


def run(items: list[Any], **options: Any) -> dict[Any, Finished | Failed]:
    return {result.item: result for result in fanout(act, items, total=len(items), **options)}


def test_every_item_comes_back_once_with_its_value() -> None:
    results = run([("square", n) for n in range(40)])
    assert {item[1]: result.value for item, result in results.items() if isinstance(result, Finished)} == {
        n: n * n for n in range(40)
    }


def test_one_items_exception_is_its_own() -> None:
    results = run([("square", 3), ("raise", "no such thing"), ("square", 4)])
    failed = results["raise", "no such thing"]
    assert isinstance(failed, Failed)
    assert (failed.error, failed.message) == ("KeyError", "'no such thing'")
    assert "in act" in failed.traceback
    assert sum(isinstance(result, Finished) for result in results.values()) == 2


def test_a_killed_worker_is_tried_again(tmp_path: Path) -> None:
    item = ("die once", str(tmp_path / "marker"))
    assert run([item, ("square", 2)])[item].value == "second time"  # type: ignore[union-attr]


def test_a_worker_that_always_dies_fails_its_item_alone() -> None:
    results = run([("die", 0), ("square", 5)])
    failed = results["die", 0]
    assert isinstance(failed, Failed)
    assert failed.error == "WorkerCrashedError"
    assert isinstance(results["square", 5], Finished)


def test_shared_arrays_are_not_copied() -> None:
    (result,) = run([("shared", 0)], shared={"array": np.ones(300_000)}).values()
    assert isinstance(result, Finished)
    assert result.value == (False, 300_000.0)


def test_items_are_drawn_only_as_they_start() -> None:
    drawn = []

    def items() -> Iterator[tuple[str, int]]:
        for n in range(50):
            drawn.append(n)
            yield ("square", n)

    results = fanout(act, items(), total=50, workers=3)
    next(results)
    assert len(drawn) <= 4
    assert sum(1 for _ in results) == 49


def test_a_worker_owns_one_thread_for_each_of_its_cpus() -> None:
    (result,) = run([("threads", 0)]).values()
    assert isinstance(result, Finished)
    assert result.value == "1"


def test_each_item_has_the_cpus_that_it_needs() -> None:
    items = [("assigned", 1), ("assigned", 2), ("assigned", 0.5)]
    results = run(items, resources=lambda item: Resources(cpus=item[1]))
    assert [results[item].value for item in items] == [(1, 0), (2, 0), (0.5, 0)]  # type: ignore[union-attr]
    assert assigned() == (0, 0)


def test_what_hangs_is_stopped_and_the_others_go_on() -> None:
    """The time counts from an item's start: the second of two that take turns waits for longer than its own limit."""
    items = [("hang", 0), ("hang", 1), *[("square", n) for n in range(4)]]
    start = time.perf_counter()
    timeout = 1.5
    results = run(items, resources=lambda item: Resources(cpus=2, timeout=timeout if item[0] == "hang" else None))
    assert time.perf_counter() - start > 2 * timeout
    for item in items[:2]:
        failed = results[item]
        assert isinstance(failed, Failed)
        assert (failed.error, failed.message) == ("TimeoutError", "not finished after 1.5 s")
    assert [results[item].value for item in items[2:]] == [0, 1, 4, 9]  # type: ignore[union-attr]


def test_what_ended_while_its_results_were_not_asked_for_is_in_time() -> None:
    timeout = 1.0
    items = [("square", n) for n in range(8)]
    results = fanout(act, items, total=len(items), resources=lambda item: Resources(timeout=timeout))
    found = [next(results)]
    time.sleep(2 * timeout)
    assert {result.value for result in [*found, *results] if isinstance(result, Finished)} == {n * n for n in range(8)}


def test_what_fits_on_no_node_fails_at_once() -> None:
    results = run([("square", 2), ("assigned", 0)], resources=lambda item: Resources(gpus=item[0] == "assigned"))
    failed = results["assigned", 0]
    assert isinstance(failed, Failed)
    assert failed.error == "DoesNotFit"
    assert failed.message == "needs 1 CPU, 1 GPU, and no node of the cluster has that (at most 2 CPU, 0 GPU)"
    assert isinstance(results["square", 2], Finished)


@pytest.mark.parametrize(
    ("error", "share", "expected"),
    [("OutOfMemoryError", 0.25, 1), ("OutOfMemoryError", 1, None), ("OutOfMemoryError", 0, None)]
    + [(error, 0.25, None) for error in ("NodeOutOfMemory", "MemoryError", "TimeoutError")],
)
def test_a_share_of_a_card_that_was_too_small_is_tried_on_a_whole_one(
    error: str, share: float, expected: float | None
) -> None:
    again = on_a_whole_card(error, Resources(gpus=share, memory=5, timeout=7))
    assert (again and again.gpus) == expected
    assert again is None or (again.memory, again.timeout) == (5, 7)


class OutOfMemoryError(RuntimeError):
    """As torch calls it."""


def on_a_card(item: Any, shared: Any) -> float:
    """Needs more than half a card."""
    _, gpus = assigned()
    if gpus < 0.5:
        raise OutOfMemoryError("CUDA out of memory")
    return gpus


@pytest.mark.slow
def test_an_item_out_of_gpu_memory_ends_on_a_whole_card() -> None:
    """Ray counts GPUs as it is told to; nothing here touches one."""
    script = (
        "import ray\n"
        "ray.init('local', num_gpus=1, num_cpus=2, include_dashboard=False, log_to_driver=False)\n"
        "from cluster.fanout import fanout\n"
        "from cluster.resources import Resources\n"
        "from tests.cluster.test_fanout import on_a_card\n"
        "share = lambda item: Resources(cpus=0.5, gpus=item)\n"
        "for r in fanout(on_a_card, [0.25, 0.6], total=2, resources=share): print('got', r.item, r.value)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert sorted(line for line in done.stdout.splitlines() if line.startswith("got")) == [
        "got 0.25 1.0",
        "got 0.6 0.6",
    ]


@pytest.mark.slow
def test_without_an_address_no_other_cluster_is_joined() -> None:
    """`ray start` leaves its address in a file, which Ray follows for minutes when the cluster is dead."""
    temporary = Path(tempfile.mkdtemp(prefix="ray", dir="/tmp"))  # sockets take no longer paths
    (temporary / "ray").mkdir()
    (temporary / "ray/ray_current_cluster").write_text("127.0.0.1:9")
    script = (
        "from cluster.fanout import fanout\n"
        "for result in fanout(divmod, [7], total=1, shared=2): print(result.value)\n"
        "import os, ray\n"
        "print(os.environ['RAY_AUTH_MODE'])\n"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    environment |= {"RAY_TMPDIR": str(temporary), "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    shutil.rmtree(temporary, ignore_errors=True)
    assert done.stdout.split("\n")[:2] == ["(3, 1)", "token"], done.stderr  # Ray's own authentication is left on


def test_code_that_is_too_large_to_send_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "pipelines/weights.bin").write_bytes(b"x" * 3_000_000)
    assert check_size(tmp_path) == 3_000_000
    message = (
        "the code for the workers is 2.9 MiB, more than the 2 MiB that a cluster takes; the largest file is "
        "pipelines/weights.bin: keep data outside the packages"
    )
    with pytest.raises(ClusterError, match=f"^{re.escape(message)}$"):
        check_size(tmp_path, 2 * 2**20)


def test_no_items_start_nothing() -> None:
    start = time.perf_counter()
    assert list(fanout(act, [], total=0)) == []
    assert time.perf_counter() - start < 1


@pytest.mark.slow
def test_a_local_cluster_listens_on_loopback_only() -> None:
    """In a network namespace whose host has an address of its own: there, and only there, could Ray choose it."""
    script = (
        "import subprocess\n"
        "from cluster.fanout import fanout\n"
        "for result in fanout(divmod, [7], total=1, shared=2): print(result)\n"
        "print(subprocess.run(['ss', '-Hltn'], capture_output=True, text=True).stdout)\n"
    )
    network = (
        "ip link set lo up && ip link add out0 type veth peer name out1 && ip addr add 10.77.0.1/24 dev out0"
        " && ip link set out0 up && ip link set out1 up && ip route add default dev out0"
    )
    inside = f'{network} && exec {sys.executable} -c "{script}"'
    try:
        done = subprocess.run(["unshare", "--net", "bash", "-c", inside], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("needs util-linux's unshare")
    if "Operation not permitted" in done.stderr:
        pytest.skip("needs the right to make a network namespace")
    assert "Finished" in done.stdout, done.stderr
    listening = [line.split()[3] for line in done.stdout.splitlines() if line.startswith("LISTEN")]
    assert listening
    assert [address for address in listening if not re.match(r"(\[::ffff:127\.|\[::1\]|127\.)", address)] == []
