"""Nodes lost in mid-sweep (killed, their cable cut, the head gone), and a driver without the cluster's token."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.cluster.conftest import Sweep, free_port

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]

HEAD, WORKER, NETWORK_NAME = "10.213.0.1", "10.213.0.2", "diffprog"


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)


@contextmanager
def second_host() -> Iterator[str]:
    """A network namespace that is joined to this host by one cable, the link of its own name."""
    ip("netns", "add", NETWORK_NAME)
    try:
        ip("link", "add", NETWORK_NAME, "type", "veth", "peer", "name", "eth0", "netns", NETWORK_NAME)
        ip("address", "add", f"{HEAD}/24", "dev", NETWORK_NAME)
        ip("link", "set", NETWORK_NAME, "up")
        ip("-n", NETWORK_NAME, "address", "add", f"{WORKER}/24", "dev", "eth0")
        for link in ("lo", "eth0"):
            ip("-n", NETWORK_NAME, "link", "set", link, "up")
        yield NETWORK_NAME
    finally:
        left = subprocess.run(["ip", "netns", "pids", NETWORK_NAME], capture_output=True, text=True, check=True)
        for pid in left.stdout.split():
            os.kill(int(pid), signal.SIGKILL)
        ip("link", "delete", NETWORK_NAME)
        ip("netns", "delete", NETWORK_NAME)


@contextmanager
def two_nodes(folder: Path) -> Iterator[tuple[str, list[psutil.Process]]]:
    """A head here and a worker node on a second host; the address, each node's raylet, and the head's GCS server."""
    if os.geteuid() != 0:
        pytest.skip("needs the right to mount and to make network namespaces")
    port = free_port()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("RAY_")},
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": "a" * 64,
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_worker_niceness": "0",
        "RAY_gcs_rpc_server_reconnect_timeout_s": "5",
        "RAY_health_check_period_ms": "500",
        "RAY_health_check_failure_threshold": "3",
        "RAY_health_check_initial_delay_ms": "1000",
        "TRAP": "/nowhere",
        "TRAP_SLOW": "0.5",
    }
    ray = str(Path(sys.executable).parent / "ray")
    temporary = Path(f"/tmp/ray-{port}")  # of the worker node, a file system of its own: as on another machine
    temporary.mkdir()
    apart = ["unshare", "--mount", "bash", "-c", f'mount -t tmpfs tmpfs {temporary} && exec "$@"', "bash"]
    head = [ray, "start", "--head", f"--port={port}", "--include-dashboard=false", f"--node-ip-address={HEAD}"]
    other = [*apart, ray, "start", f"--address={HEAD}:{port}", f"--node-ip-address={WORKER}"]
    nodes = []
    with (folder / "nodes.log").open("a") as log, second_host() as host:
        other = ["ip", "netns", "exec", host, *other]
        for command in ([*head, f"--temp-dir={temporary}"], other):
            command += ["--block", "--num-cpus=1"]
            nodes.append(subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=folder))
            deadline = time.monotonic() + 120
            while not raylets(nodes[-1].pid):
                assert time.monotonic() < deadline, (folder / "nodes.log").read_text()
                time.sleep(0.5)
            time.sleep(5)
        try:
            found = [raylets(node.pid)[0] for node in nodes]
            found += [child for child in psutil.Process(nodes[0].pid).children() if "gcs_server" in child.name()]
            yield f"{HEAD}:{port}", found
        finally:
            everything = [child for node in nodes if psutil.pid_exists(node.pid) for child in offspring(node.pid)]
            for node in nodes:
                node.kill()
                node.wait()
            for child in everything:
                if child.is_running():
                    child.kill()
            shutil.rmtree(temporary, ignore_errors=True)


def offspring(pid: int) -> list[psutil.Process]:
    children: list[psutil.Process] = psutil.Process(pid).children(recursive=True)
    return children


def raylets(pid: int) -> list[psutil.Process]:
    return [child for child in psutil.Process(pid).children() if child.name() == "raylet"]


@pytest.mark.parametrize("lost", ["the worker node", "the cable", "the head"])
def test_a_node_lost_in_mid_training(prepared: Sweep, whole: Callable[..., None], lost: str, tmp_path: Path) -> None:
    """Without a worker node the sweep goes on; without its head the driver ends, and a new one goes on from there."""
    with two_nodes(tmp_path) as (address, (_, worker, gcs)):
        variables = {"RAY_ADDRESS": address, "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "a" * 64}
        variables["RAY_gcs_rpc_server_reconnect_timeout_s"] = "5"
        process = prepared.start("train", **variables)
        output: list[str] = []
        reader = threading.Thread(target=lambda: output.extend(process.stdout or ()))
        reader.start()
        prepared.sees(lambda: prepared.runs_in_store() >= 1 or process.poll() is not None)
        assert process.poll() is None, "".join(output)
        if lost == "the cable":
            ip("link", "set", NETWORK_NAME, "down")
        else:
            (worker if lost == "the worker node" else gcs).kill()
        status = process.wait(timeout=600)  # a cut connection is given up after gRPC's keep-alive, up to 7 minutes
        reader.join()
        if lost != "the head":
            assert status == 0, "".join(output)
            assert prepared.failed() == {}
            assert prepared.runs_in_store() == 6
        else:
            assert status != 0
            assert prepared.runs_in_store() < 6
    whole(prepared)


def test_a_driver_without_the_token_is_refused_in_one_line(prepared: Sweep, tmp_path: Path) -> None:
    with two_nodes(tmp_path) as (address, _):
        status, said = prepared.run("train", RAY_ADDRESS=address, RAY_AUTH_MODE="token", RAY_AUTH_TOKEN="b" * 64)
        assert status == 2, said
        assert said.splitlines()[-1].startswith(f"Ray at {address}: ")
        assert prepared.runs_in_store() == 0
