"""`diffprog status`: how far a sweep is, the plan's runs, cells and values beside what the store holds."""

import argparse
from collections import Counter
from collections.abc import Iterable

from stages import artifacts
from stages.needed import needed
from stages.store import lock
from stages.store.store import Store

KINDS = {"train": ("runs", "runs"), "predict": ("cells", "cells"), "measure": ("values", "sets of values")}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """None."""
    parser.description = (
        "How far the sweep of plan/ is: what is in the store, what failed and with which class, and, where "
        "a driver is at work, its rate and the time left. Reads the store and the plan's tables only."
    )


def run(_: argparse.Namespace) -> int:
    """`diffprog status`: how much is done, what failed, and how the driver at work gets on."""
    store = Store.from_environment()
    asked = needed()
    print(f"{artifacts.study_name()}, in the store {store.shown}")
    by_kind = asked.keys()
    for stage, (kind, words) in KINDS.items():
        keys = by_kind.pop(kind)
        missing = keys - store.listing(kind)
        failed = failures(store, kind, missing)
        counts = f"{len(keys) - len(missing)} of {len(keys)} {words} done, {len(missing) - failed.total()} to do"
        print(f"  {stage:<9}{counts}, {failed.total()} failed{_by_class(failed)}")
    print(f"  {_driver(lock.holder(store))}")
    return 0


def failures(store: Store, kind: str, keys: Iterable[str]) -> Counter[str]:
    """How many of these items failed last, by class."""
    wanted = set(keys)
    held = {path.rpartition("/")[2].removesuffix(".json") for path in store.paths(f"failed/{kind}")}
    found = (store.failure(kind, key) for key in sorted(wanted & held))
    return Counter(str(failure["error"]) for failure in found if failure and "error" in failure)


def _by_class(failed: Counter[str]) -> str:
    listed = ", ".join(f"{count} {name}" for name, count in failed.most_common())
    return f": {listed}" if listed else ""


def _driver(found: lock.Driver | None) -> str:
    if found is None:
        return "no driver is at work"
    who = f"{found.stage} on {found.host}, process {found.pid}, since {found.since}"
    there = lock.alive(found)
    if there is False:
        return f"no driver is at work: {who}, is gone; `dvc repro` goes on from there"
    unsure = " (another machine's: not looked for)" if there is None else ""
    done = f"{found.items_done} of {found.items} items in {duration(found.seconds)}"
    if not found.items_done or not found.seconds:
        return f"at work: {who}{unsure}: {done}"
    left = (found.amount - found.amount_done) * found.seconds / found.amount_done if found.amount_done else 0.0
    rate = found.items_done / found.seconds
    return f"at work: {who}{unsure}: {done}, {rate:.3g} a second, about {duration(left)} left"


def duration(seconds: float) -> str:
    """As a person would say it: the two largest units."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
