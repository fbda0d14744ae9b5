"""One function over many items on Ray: results as they come, few in flight, every failure its item's own."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from cluster import session
from cluster.connection import connected
from cluster.packing import packed, pickled, unpickled
from cluster.resources import ONE_CPU, Resources
from cluster.work import Ended, Work


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


def fanout(
    function: Callable[[Any, Any], Any],
    items: Iterable[Any],
    *,
    total: int,
    shared: Any = None,
    resources: Resources | Callable[[Any], Resources] = ONE_CPU,
    workers: int | None = None,
    code: Path | None = None,
    title: str = "",
) -> Iterator[Finished | Failed]:
    """`function(item, shared)` for every item, in the order of completion.

    Items are started in the order given, so long ones should come first; they are drawn from the iterable only as
    they start, at most `workers` at once and at most twice as many as fit on the cluster. `resources` are those of
    every item, or say what each needs. `shared` goes to each node once, its numpy arrays without a copy. `code` is a
    folder of packages that the workers import instead of what is installed. RAY_ADDRESS names the cluster; without it
    a local one starts, listening on loopback only, which the stages of one `dvc repro` share. Nothing is started for
    no items. Raises ClusterError.
    """
    if not total:
        return
    needed = resources if callable(resources) else lambda _: resources
    about = pickled(function), packed(shared), workers
    work = session.joined(code, *about) or Work(connected(code), *about)
    numbered = enumerate(items)
    number, item = next(numbered, _NONE)
    running: dict[int, Any] = {}
    with tqdm(total=total, desc=title, unit="item", dynamic_ncols=True, mininterval=0.5) as bar, closing(work):
        while True:
            while number is not None and work.takes(needed(item)):
                if unfit := work.unfit(needed(item)):
                    bar.update()
                    yield Failed(item, "DoesNotFit", unfit, "")
                else:
                    running[number] = item
                    work.start(number, pickled(item), needed(item))
                number, item = next(numbered, _NONE)
            if not running and number is None:
                return
            for ended in work.results():
                bar.update()
                yield _result(running.pop(ended.number), ended)


_NONE = (None, None)


def _result(item: Any, ended: Ended) -> Finished | Failed:
    if ended.error:
        return Failed(item, *ended.error)
    return Finished(item, unpickled(ended.value), ended.seconds)
