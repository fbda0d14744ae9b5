"""Where torch computes."""

from pipelines.supervised.device import device_for


def test_an_item_has_its_own_threads_and_its_part_of_a_gpus_memory() -> None:
    """Both are set anew for each item; outside of a worker (no CPUs) the threads are left alone."""
    threads: list[int] = []
    limits: list[float] = []
    given = [(1, 0), (2.5, 0.25), (0.5, 1), (0, 2)]
    devices = [device_for(cpus, gpus, threads.append, limits.append) for cpus, gpus in given]
    assert devices == ["cpu", "cuda", "cuda", "cuda"]
    assert threads == [1, 2, 1]
    assert limits == [0.25, 1, 1]
