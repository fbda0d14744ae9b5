"""One function over many items on Ray: results as they come, few in flight, every failure its item's own."""

import math
import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from cluster.connection import connected, first_line
from cluster.worker import Clock, guarded

WORKER_RETRIES = 2  # of an item whose worker or node died
CAPACITY_SECONDS = 5.0  # between two looks at how large the cluster is
GPU_OUT_OF_MEMORY = "OutOfMemoryError"  # the name of torch's error, which can't be imported here


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
    """What one item needs: CPUs (its threads, too), GPUs (a share of one is fine), bytes of memory; and the seconds
    after which it is stopped and counts as failed."""

    cpus: float = 1
    gpus: float = 0
    memory: int | None = None
    timeout: float | None = None

    def amounts(self) -> dict[str, float]:
        """By Ray's names."""
        return {"CPU": self.cpus, "GPU": self.gpus, "memory": self.memory or 0}


def fanout(
    function: Callable[[Any, Any], Any],
    items: Iterable[Any],
    *,
    total: int,
    shared: Any = None,
    resources: Resources | Callable[[Any], Resources] = Resources(),
    workers: int | None = None,
    code: Path | None = None,
    title: str = "",
) -> Iterator[Finished | Failed]:
    """`function(item, shared)` for every item, in the order of completion.

    Items are started in the order given, so long ones should come first; they are drawn from the iterable only as
    they start, at most `workers` at once and at most twice as many as fit on the cluster. `resources` are those of
    every item, or say what each needs. `shared` goes to each node once, its numpy arrays without a copy. `code` is a
    folder of packages that the workers import instead of what is installed. RAY_ADDRESS names the cluster; without it
    a local one starts, listening on loopback only. Nothing is started for no items. Raises ClusterError.
    """
    if not total:
        return
    needed = resources if callable(resources) else lambda _: resources
    work = _Work(connected(code), function, shared, workers)
    waiting = iter(items)
    item = next(waiting, _NONE)
    with tqdm(total=total, desc=title, unit="item", dynamic_ncols=True, mininterval=0.5) as bar:
        while True:
            while item is not _NONE and work.takes(needed(item)):
                if unfit := work.unfit(item, needed(item)):
                    bar.update()
                    yield unfit
                else:
                    work.start(item, needed(item))
                item = next(waiting, _NONE)
            if not work.running and item is _NONE:
                return
            for result in work.results():
                bar.update()
                yield result


_NONE = object()


def assigned() -> tuple[float, float]:
    """In a worker: the CPUs and the share of a GPU that its item was given; both 0 outside of one."""
    import ray

    if not ray.is_initialized() or ray.get_runtime_context().worker.mode != ray.WORKER_MODE:
        return 0.0, 0.0
    given: dict[str, float] = ray.get_runtime_context().get_assigned_resources()  # type: ignore[no-untyped-call]
    return given.get("CPU", 0.0), given.get("GPU", 0.0)


def on_a_whole_card(failed: Failed, resources: Resources) -> Resources | None:
    """What an item is to be tried again with that ran out of a GPU's memory on a share of it; None where it is not."""
    if failed.error == GPU_OUT_OF_MEMORY and 0 < resources.gpus < 1:
        return replace(resources, gpus=1)
    return None


@dataclass
class _Running:
    """An item that was sent to the cluster. `began`: when it started there, by this process's clock, once known."""

    item: Any
    number: int
    resources: Resources
    began: float | None = None


@dataclass
class _Work:
    """The items of one fan-out that are on the cluster."""

    ray: Any
    function: Callable[[Any, Any], Any]
    shared: Any
    workers: int | None
    running: dict[Any, _Running] = field(default_factory=dict)
    clock: Any = None  # made for the first item with a timeout
    count: int = 0
    nodes: list[dict[str, float]] = field(default_factory=list)  # the resources of each
    looked_at_nodes: float = -math.inf
    looked_at_clock: float = -math.inf
    said: bool = False

    def __post_init__(self) -> None:
        self.task = self.ray.remote(guarded)
        self.common = self.ray.put(self.shared)

    def takes(self, resources: Resources) -> bool:
        """Whether one more item with these needs may be sent."""
        if not self.running:
            return True
        if self.workers:
            return len(self.running) < self.workers
        self._look()
        wanted = resources.amounts()
        for each in self.running.values():
            wanted = {name: amount + each.resources.amounts()[name] for name, amount in wanted.items()}
        fit = {name: sum(node.get(name, 0) for node in self.nodes) for name in wanted}
        return all(amount <= 2 * fit[name] for name, amount in wanted.items() if amount)

    def unfit(self, item: Any, resources: Resources) -> Failed | None:
        """The failure of an item that no node can hold. A cluster that was given may still grow: there it waits."""
        self._look()
        wanted = {name: amount for name, amount in resources.amounts().items() if amount}
        if any(all(amount <= node.get(name, 0) for name, amount in wanted.items()) for node in self.nodes):
            return None
        needs = ", ".join(_amount(name, amount) for name, amount in wanted.items())
        most = ", ".join(_amount(name, max((node.get(name, 0) for node in self.nodes), default=0)) for name in wanted)
        message = f"needs {needs}, and no node of the cluster has that (at most {most})"
        if not os.environ.get("RAY_ADDRESS"):
            return Failed(item, "DoesNotFit", message, "")
        if not self.said:
            tqdm.write(f"an item {message}: it waits for such a node")
            self.said = True
        return None

    def _look(self) -> None:
        """Nodes come and go."""
        if time.monotonic() - self.looked_at_nodes >= CAPACITY_SECONDS:
            self.nodes = [node["Resources"] for node in self.ray.nodes() if node["Alive"]]
            self.looked_at_nodes = time.monotonic()

    def start(self, item: Any, resources: Resources) -> None:
        """Send an item."""
        if resources.timeout and self.clock is None:
            self.clock = self.ray.remote(Clock).options(num_cpus=0, max_restarts=-1, max_task_retries=-1).remote()
        task = self.task.options(
            num_cpus=resources.cpus,
            num_gpus=resources.gpus,
            memory=resources.memory,
            max_retries=WORKER_RETRIES,
            retry_exceptions=False,
        )
        reference = task.remote(self.function, item, self.common, self.clock if resources.timeout else None, self.count)
        self.running[reference] = _Running(item, self.count, resources)
        self.count += 1

    def results(self) -> Iterator[Finished | Failed]:
        """Wait for an item to end; what has ended, or nothing where that takes long."""
        timeouts = [each.resources.timeout for each in self.running.values() if each.resources.timeout]
        patience = min(1.0, min(timeouts) / 4) if timeouts else None
        ready, _ = self.ray.wait(list(self.running), num_returns=1, timeout=patience)
        for reference in ready:
            ended = self.running.pop(reference)
            result = _result(self.ray, reference, ended.item)
            again = on_a_whole_card(result, ended.resources) if isinstance(result, Failed) else None
            if again:
                self.start(ended.item, again)
            else:
                yield result
        if patience and time.monotonic() - self.looked_at_clock >= patience:
            self.looked_at_clock = time.monotonic()
            yield from self._overdue()

    def _overdue(self) -> Iterator[Failed]:
        ages = self.ray.get(self.clock.ages.remote())
        now = time.monotonic()
        for reference, each in list(self.running.items()):
            if each.number in ages:
                each.began = now - ages[each.number]
            limit = each.resources.timeout
            if limit and each.began is not None and now - each.began > limit:
                self.running.pop(reference)
                self.ray.cancel(reference, force=True)
                yield Failed(each.item, "TimeoutError", f"not finished after {limit:g} s", "")


def _result(ray: Any, reference: Any, item: Any) -> Finished | Failed:
    try:
        succeeded, value, seconds = ray.get(reference)
    except ray.exceptions.OutOfMemoryError as error:  # of a node's memory; torch's class has the same name
        return Failed(item, "NodeOutOfMemory", first_line(error), "")
    except ray.exceptions.RayError as error:
        return Failed(item, type(error).__name__, first_line(error), "")
    return Finished(item, value, seconds) if succeeded else Failed(item, *value)


def _amount(name: str, amount: float) -> str:
    return f"{amount / 2**30:.3g} GiB of memory" if name == "memory" else f"{amount:g} {name}"
