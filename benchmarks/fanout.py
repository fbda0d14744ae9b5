"""What the fan-out costs: overhead an item, efficiency, and how near to the best makespan it comes.

    python benchmarks/fanout.py [--noops 5000] [--items 400] [--seconds 1] [--slots 2] [--many 0]

Items sleep, so that other work on the machine disturbs little. `--many 100` adds a run on as many simulated nodes of
one CPU each (a worker process for each: 60 MiB apiece).
"""

import argparse
import heapq
import os
import resource
import secrets
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from cluster.fanout import Failed, fanout


def sleep(seconds: float, shared: None) -> None:
    """An item that takes so long."""
    time.sleep(seconds)


def start(slots: int) -> None:
    """A local cluster with so many CPUs, whatever the machine has; its workers are started and warm."""
    os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))  # one for all clusters of this process
    import ray

    ray.shutdown()
    ray.init("local", num_cpus=slots, include_dashboard=False, log_to_driver=False)
    took(0.5 * np.ones(2 * slots))


def took(seconds: Sequence[float] | Any) -> float:
    """Seconds for a fan-out of items of these lengths, the longest first."""
    items = sorted((float(each) for each in seconds), reverse=True)
    began = time.perf_counter()
    for result in fanout(sleep, items, total=len(items)):
        if isinstance(result, Failed):
            raise SystemExit(f"an item failed: {result.error}: {result.message}")
    return time.perf_counter() - began


def memory() -> float:
    """MiB that this process has had at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def longest_first(seconds: Sequence[float] | Any, slots: int) -> float:
    """The makespan of giving each free slot the longest item that waits, without any overhead."""
    free = [0.0] * slots
    for each in sorted(seconds, reverse=True):
        heapq.heappush(free, heapq.heappop(free) + each)
    return max(free)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--noops", type=int, default=5000)
    parser.add_argument("--items", type=int, default=400)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--slots", type=int, default=2)
    parser.add_argument("--many", type=int, default=0, help="simulated nodes of one CPU")
    chosen = parser.parse_args()
    start(chosen.slots)
    took(np.zeros(200))
    before = memory()
    spent = took(np.zeros(chosen.noops))
    print("| what | measured |\n|---|---|")
    print(f"| {chosen.noops:,} no-op items, {chosen.slots} workers | {1000 * spent / chosen.noops:.2f} ms an item |")
    print(f"| the driver's memory over them | {before:.0f} MiB before, {memory():.0f} MiB at most |")
    spent = took(np.full(chosen.items, chosen.seconds))
    best = -(-chosen.items // chosen.slots) * chosen.seconds
    print(f"| {chosen.items} items of {chosen.seconds:g} s | {spent:.1f} s, efficiency {best / spent:.3f} |")
    lengths = np.random.default_rng(0).lognormal(-0.5, 1, 80)
    spent, bound = took(lengths), longest_first(lengths, chosen.slots)
    print(f"| 80 items of {lengths.min():.2f} to {lengths.max():.2f} s | {spent:.1f} s, longest first {bound:.1f} s |")
    if chosen.many:
        start(chosen.many)
        spent = took(np.full(5 * chosen.many, 2.0))
        print(f"| {5 * chosen.many} items of 2 s on {chosen.many} simulated nodes | {spent:.1f} s, at best 10 s |")


if __name__ == "__main__":
    main()
