"""Whether a Ray cluster is there to take work."""

import subprocess
import sys

SECONDS = 60
SCRIPT = """
import ray, sys, logging
from cluster.fanout import fanout
found = list(fanout(divmod, [7], total=1, shared=2))
print(found[0].value, len([n for n in ray.nodes() if n["Alive"]]), ray.cluster_resources().get("CPU", 0))
"""


def cluster_or_fault(address: str | None, seconds: float = SECONDS) -> tuple[str, str | None]:
    """What the cluster at RAY_ADDRESS is, and what is wrong with it, if anything: seen by sending it one item.

    In a process of its own: a Ray that can't reach its cluster may take its process with it.
    """
    if not address:
        return "none is named: each sweep starts one on this machine's CPUs", None
    try:
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        return "", f"Ray at {address} does not answer within {seconds:g} s"
    said = done.stdout.strip().splitlines()
    if done.returncode or not said or not said[-1].startswith("(3, 1)"):
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        return "", f"Ray at {address}: {lines[-1] if lines else f'ended with status {done.returncode}'}"
    *_, nodes, cpus = said[-1].split()
    return f"{address}: {nodes} nodes, {float(cpus):g} CPUs, and an item went through", None
