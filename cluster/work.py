"""The items of one fan-out that are on a Ray cluster, known by their numbers, their contents as bytes."""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tqdm import tqdm

from cluster.connection import first_line, shared_address
from cluster.packing import Packed
from cluster.resources import Resources, on_a_whole_card
from cluster.worker import Clock, guarded

WORKER_RETRIES = 2  # of an item whose worker or node died
CAPACITY_SECONDS = 5.0  # between two looks at how large the cluster is
LONGEST_WAIT = 1.0  # for an item to end, before the sender is asked whether it is still there

Error = tuple[str, str, str]  # class, message and traceback


@dataclass(frozen=True)
class Ended:
    """An item that ended: its value, pickled, or its error, and the seconds it took."""

    number: int
    value: bytes = b""
    error: Error | None = None
    seconds: float = 0.0


@dataclass
class _Running:
    """An item that was sent to the cluster. `began`: when it started there, by this process's clock, once known."""

    number: int
    content: bytes
    resources: Resources
    attempt: int
    began: float | None = None


@dataclass
class Work:
    """One function over items. `workers` limits how many are on the cluster at once."""

    ray: Any
    function: bytes
    shared: Packed
    workers: int | None
    running: dict[Any, _Running] = field(default_factory=dict)
    clock: Any = None  # made for the first item with a timeout
    attempts: int = 0
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

    def unfit(self, resources: Resources) -> str | None:
        """Why no node can hold an item with these needs, if so. A cluster that was given may still grow: there it
        waits.
        """
        self._look()
        wanted = {name: amount for name, amount in resources.amounts().items() if amount}
        if any(all(amount <= node.get(name, 0) for name, amount in wanted.items()) for node in self.nodes):
            return None
        needs = ", ".join(_amount(name, amount) for name, amount in wanted.items())
        most = ", ".join(_amount(name, max((node.get(name, 0) for node in self.nodes), default=0)) for name in wanted)
        message = f"needs {needs}, and no node of the cluster has that (at most {most})"
        if not shared_address():
            return message
        if not self.said:
            tqdm.write(f"an item {message}: it waits for such a node")
            self.said = True
        return None

    def _look(self) -> None:
        """Nodes come and go."""
        if time.monotonic() - self.looked_at_nodes >= CAPACITY_SECONDS:
            self.nodes = [node["Resources"] for node in self.ray.nodes() if node["Alive"]]
            self.looked_at_nodes = time.monotonic()

    def start(self, number: int, content: bytes, resources: Resources) -> None:
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
        clock = self.clock if resources.timeout else None
        reference = task.remote(self.function, content, self.common, clock, self.attempts)
        self.running[reference] = _Running(number, content, resources, self.attempts)
        self.attempts += 1

    def results(self) -> list[Ended]:
        """Wait for an item to end; what has ended, or nothing where that takes long."""
        if not self.running:
            return []
        timeouts = [each.resources.timeout for each in self.running.values() if each.resources.timeout]
        patience = min([LONGEST_WAIT, *(timeout / 4 for timeout in timeouts)])
        ready, _ = self.ray.wait(list(self.running), num_returns=1, timeout=patience)
        ended = []
        for reference in ready:
            was = self.running.pop(reference)
            result = _result(self.ray, reference, was.number)
            again = on_a_whole_card(result.error[0], was.resources) if result.error else None
            if again:
                self.start(was.number, was.content, again)
            else:
                ended.append(result)
        if timeouts and time.monotonic() - self.looked_at_clock >= patience:
            self.looked_at_clock = time.monotonic()
            ended += self._overdue()
        return ended

    def _overdue(self) -> Iterator[Ended]:
        """End what has run too long; not what ended while nobody asked for it."""
        ages = self.ray.get(self.clock.ages.remote())
        now = time.monotonic()
        _, unfinished = self.ray.wait(list(self.running), num_returns=len(self.running), timeout=0)
        for reference in unfinished:
            each = self.running[reference]
            if each.attempt in ages:
                each.began = now - ages[each.attempt]
            limit = each.resources.timeout
            if limit and each.began is not None and now - each.began > limit:
                self.running.pop(reference)
                self.ray.cancel(reference, force=True)
                yield Ended(each.number, error=("TimeoutError", f"not finished after {limit:g} s", ""))

    def close(self) -> None:
        """End what runs: nobody waits for its results."""
        for reference in self.running:
            self.ray.cancel(reference, force=True)
        self.running.clear()


def _result(ray: Any, reference: Any, number: int) -> Ended:
    try:
        succeeded, value, seconds = ray.get(reference)
    except ray.exceptions.OutOfMemoryError as error:  # of a node's memory; torch's class has the same name
        return Ended(number, error=("NodeOutOfMemory", first_line(error), ""))
    except ray.exceptions.RayError as error:
        return Ended(number, error=(type(error).__name__, first_line(error), ""))
    return Ended(number, value, seconds=seconds) if succeeded else Ended(number, error=value)


def _amount(name: str, amount: float) -> str:
    return f"{amount / 2**30:.3g} GiB of memory" if name == "memory" else f"{amount:g} {name}"
