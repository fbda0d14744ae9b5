"""Whether a Ray cluster is there to take work."""

import subprocess
import sys

SECONDS = 60
CONNECT = """
import sys, ray
from cluster.connection import first_line
try:
    ray.init(sys.argv[1], logging_level="ERROR", log_to_driver=False)
except Exception as error:
    sys.exit(first_line(error))
print("reached")
"""
SEND = """
import ray
from cluster.fanout import fanout
found = list(fanout(divmod, [7], total=1, shared=2))
print(found[0].value, len([n for n in ray.nodes() if n["Alive"]]), ray.cluster_resources().get("CPU", 0))
"""


def cluster_or_fault(address: str | None, seconds: float = SECONDS) -> tuple[str, str | None]:
    """What the cluster at RAY_ADDRESS is, and what is wrong with it, if anything: seen by sending it one item."""
    if not address:
        return "none is named: each sweep starts one on this machine's CPUs", None
    said, wrong = _asked(SEND, address, seconds)
    if wrong:
        return "", wrong
    *_, nodes, cpus = said.split()
    return f"{address}: {nodes} nodes, {float(cpus):g} CPUs, and an item went through", None


def fault(address: str, seconds: float = SECONDS) -> str | None:
    """Why the cluster at an address does not answer; None where it does."""
    return _asked(CONNECT, address, seconds)[1]


def _asked(script: str, address: str, seconds: float) -> tuple[str, str | None]:
    """A script's last line of output, and what went wrong, if anything.

    In a process of its own: a Ray that can't reach its cluster tries for many minutes, and may end its process.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-c", script, address], capture_output=True, text=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        return "", f"Ray at {address} does not answer within {seconds:g} s"
    said = done.stdout.strip().splitlines()
    if done.returncode or not said:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        return "", f"Ray at {address}: {lines[-1] if lines else f'ended with status {done.returncode}'}"
    return said[-1], None
