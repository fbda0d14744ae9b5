"""Work sent out from a stage: its code copied and held against the plan, its results as they come."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from cluster.fanout import Failed, Finished, fanout
from cluster.resources import Resources, assigned
from stages.store import provenance
from stages.store.code_snapshot import Planned, snapshot
from stages.store.store import Store
from stages.study import params
from stages.study.compute import Compute


def swept(
    stage: str,
    function: Callable[[Any, Mapping[str, Any]], Any],
    items: Iterable[Any],
    *,
    total: int,
    shared: Mapping[str, Any],
    needs: Callable[[Compute, Any], Resources],
    codes: Iterable[Planned],
    store: Store,
) -> Iterator[Finished | Failed]:
    """`function(item, shared)` for every item, on Ray, in the order of completion.

    Beside what is `shared` the workers get the `store`'s address, where they reach it, and the `checkout`. `needs` says
    what an item takes, `codes` which code was planned. Raises CodeChanged where it is another.
    """
    compute = params.compute()
    with snapshot(codes) as code:
        yield from fanout(
            function,
            items,
            total=total,
            shared={**shared, "store": store.uri if store.shared else None, "checkout": provenance.checkout()},
            resources=lambda item: needs(compute, item),
            workers=compute.workers,
            code=code,
            title=stage,
        )


def environment_of(device: str, checkout: Mapping[str, Any]) -> dict[str, Any]:
    """In the worker: what it computes with."""
    return provenance.environment(device, max(1, int(assigned()[0])), checkout)
