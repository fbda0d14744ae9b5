"""What an item of a fan-out needs of a cluster, and what it was given."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

GPU_OUT_OF_MEMORY = "OutOfMemoryError"  # the name of torch's error, which can't be imported here


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


ONE_CPU = Resources()


def most(every: Iterable[Resources]) -> Resources:
    """What an item needs that is done with several things at once, each of which needs these: of each the most."""
    needs = list(every)
    memories = [each.memory for each in needs if each.memory is not None]
    timeouts = [each.timeout for each in needs if each.timeout is not None]
    return Resources(
        max(each.cpus for each in needs),
        max(each.gpus for each in needs),
        max(memories, default=None),
        max(timeouts) if len(timeouts) == len(needs) else None,
    )


def assigned() -> tuple[float, float]:
    """In a worker: the CPUs and the share of a GPU that its item was given; both 0 outside of one."""
    import ray

    if not ray.is_initialized() or ray.get_runtime_context().worker.mode != ray.WORKER_MODE:
        return 0.0, 0.0
    given: dict[str, float] = ray.get_runtime_context().get_assigned_resources()  # type: ignore[no-untyped-call]
    return given.get("CPU", 0.0), given.get("GPU", 0.0)


def needs_a_whole_card(error: Exception) -> bool:
    """In a worker: whether an error is one for which its item is tried again on a whole card."""
    return on_a_whole_card(type(error).__name__, Resources(gpus=assigned()[1])) is not None


def on_a_whole_card(error: str, resources: Resources) -> Resources | None:
    """What an item is to be tried again with that ran out of a GPU's memory on a share of it, by its error's name; None
    where it is not.
    """
    return replace(resources, gpus=1) if error == GPU_OUT_OF_MEMORY and 0 < resources.gpus < 1 else None
