"""Where torch computes, and that it computes the same each time."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch


def compute_reproducibly() -> None:
    """Have torch use deterministic kernels, and float32 without the shortcuts that GPUs take."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True)
    # what is not initialised is never read here, and filling it takes 7 % of a step
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.allow_tf32 = False


def device_for(
    cpus: float,
    gpus: float,
    threads: Callable[[int], None] = torch.set_num_threads,
    memory: Callable[[float], None] = torch.cuda.set_per_process_memory_fraction,
) -> str:
    """The device on which torch computes with these CPUs, as many threads, and share of a GPU, with as much of its
    memory. A worker's next item may have others, so both are set anew for each.
    """
    if cpus:
        threads(max(1, int(cpus)))
    if not gpus:
        return "cpu"
    memory(min(gpus, 1.0))
    return "cuda"


def device_name(device: str) -> str:
    """What a device is, as a person would name it."""
    return device if device == "cpu" else str(torch.cuda.get_device_name())


@contextmanager
def one_thread() -> Iterator[None]:
    """A context in which torch computes with one thread: for so little more only wait for each other, and numbers are
    added up in the same order on every machine.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
