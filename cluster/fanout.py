"""One function over many items on Ray: results as they come, few in flight, every failure its item's own."""

import os
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

WORKER_RETRIES = 2  # of an item whose worker or node died
OUT_OF_MEMORY_RETRIES = 2  # Ray's default is for ever


@dataclass(frozen=True)
class Finished:
    """An item's value and the seconds it took."""

    item: Any
    value: Any
    seconds: float


@dataclass(frozen=True)
class Failed:
    """An item without a value: the class, message and traceback of what went wrong."""

    item: Any
    error: str
    message: str
    traceback: str


@dataclass(frozen=True)
class Resources:
    """What one item needs: CPUs (its threads, too), GPUs (a share of one is fine) and bytes of memory; and how many
    items may run at once, as many as fit by default."""

    cpus: float = 1
    gpus: float = 0
    memory: int | None = None
    workers: int | None = None


def fanout(
    function: Callable[[Any, Any], Any],
    items: Iterable[Any],
    *,
    total: int,
    shared: Any = None,
    resources: Resources = Resources(),
    code: Path | None = None,
    title: str = "",
) -> Iterator[Finished | Failed]:
    """`function(item, shared)` for every item, in the order of completion.

    Items are started in the order given, so long ones should come first; they are drawn from the iterable only as
    they start. `shared` goes to each node once, its numpy arrays without a copy. `code` is a folder of packages that
    the workers import instead of what is installed. RAY_ADDRESS names the cluster; without it a local one starts,
    listening on loopback only. Nothing is started for no items.
    """
    if not total:
        return
    ray = _connect(code)
    in_flight = resources.workers or 2 * _slots(ray, resources)
    task = ray.remote(_guarded).options(
        num_cpus=resources.cpus,
        num_gpus=resources.gpus,
        memory=resources.memory,
        max_retries=WORKER_RETRIES,
        retry_exceptions=False,
    )
    common = ray.put(shared)
    waiting = iter(items)
    running: dict[Any, Any] = {}
    with tqdm(total=total, desc=title, unit="item", dynamic_ncols=True, mininterval=0.5) as bar:
        while True:
            while len(running) < in_flight and (item := next(waiting, _NONE)) is not _NONE:
                running[task.remote(function, item, common)] = item
            if not running:
                return
            ready, _ = ray.wait(list(running), num_returns=1)
            for reference in ready:
                bar.update()
                yield _result(ray, reference, running.pop(reference))


_NONE = object()


def _guarded(function: Callable[[Any, Any], Any], item: Any, shared: Any) -> tuple[bool, Any, float]:
    """Run in the worker: an exception comes back as text, since its class may not exist where it is read."""
    start = time.perf_counter()
    try:
        return True, function(item, shared), time.perf_counter() - start
    except Exception as error:
        return False, (type(error).__name__, str(error), traceback.format_exc()), time.perf_counter() - start


def _result(ray: Any, reference: Any, item: Any) -> Finished | Failed:
    try:
        succeeded, value, seconds = ray.get(reference)
    except ray.exceptions.RayError as error:
        return Failed(item, type(error).__name__, _first_line(error), "")
    return Finished(item, value, seconds) if succeeded else Failed(item, *value)


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


def _connect(code: Path | None) -> Any:
    os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")  # else raylets listen outside loopback
    os.environ.setdefault("RAY_task_oom_retries", str(OUT_OF_MEMORY_RETRIES))
    import ray

    if not ray.is_initialized():
        import logging

        ray.init(
            include_dashboard=None if os.environ.get("RAY_ADDRESS") else False,
            runtime_env={"working_dir": str(code)} if code else None,
            logging_level=logging.ERROR,
            log_to_driver=False,
        )
    return ray


def _slots(ray: Any, resources: Resources) -> int:
    total = ray.cluster_resources()
    fits = [total.get("CPU", 1) / resources.cpus if resources.cpus else 1]
    if resources.gpus:
        fits.append(total.get("GPU", 0) / resources.gpus)
    return max(1, int(min(fits)))
