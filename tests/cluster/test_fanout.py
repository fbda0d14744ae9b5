"""The fan-out, on a real Ray: order, faults, lost workers, nothing listening on the network."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cluster.fanout import Failed, Finished, Resources, fanout


@pytest.fixture(scope="module", autouse=True)
def ray_goes_away() -> Iterator[None]:
    yield
    import ray

    ray.shutdown()


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

    results = fanout(act, items(), total=50, resources=Resources(workers=3))
    next(results)
    assert len(drawn) <= 4
    assert sum(1 for _ in results) == 49


def test_a_worker_owns_one_thread_for_each_of_its_cpus() -> None:
    (result,) = run([("threads", 0)]).values()
    assert isinstance(result, Finished)
    assert result.value == "1"


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
