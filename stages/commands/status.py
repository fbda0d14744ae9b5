"""`diffprog status`: how far a sweep is, the plan's runs, cells and values beside what the store holds."""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

from stages import artifacts
from stages.arguments import above_0
from stages.needed import needed
from stages.stale import STALE
from stages.store import lock
from stages.store.store import Store
from stages.study.edited import edited
from stages.terminal import print_json, say

KINDS = {"train": ("runs", "runs"), "predict": ("cells", "cells"), "measure": ("values", "sets of values")}
EXAMPLES = {
    "diffprog status": "once",
    "diffprog status --watch": "again every 5 seconds, until all is done or you stop it",
    "diffprog status --json": "for scripts",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`[--watch [SECONDS] | --json]`."""
    parser.description = (
        "How far the sweep of plan/ is: what is in the store, what failed and with which class, and, where "
        "a driver is at work, its rate and the time left. Reads the store and the plan's tables only."
    )
    how = parser.add_mutually_exclusive_group()
    how.add_argument(
        "--watch",
        nargs="?",
        type=above_0("a number of seconds"),
        const=5.0,
        metavar="SECONDS",
        help="say it again and again (default: every 5)",
    )
    how.add_argument("--json", action="store_true", help="for scripts")


def run(chosen: argparse.Namespace) -> int:
    """Print how much is done, what failed, and how the driver at work gets on; with --watch until all is done and no
    driver is at work.
    """
    if chosen.json:
        print_json(standing(Store.from_environment()))
        return 0
    while True:
        now = standing(Store.from_environment())
        if chosen.watch and sys.stdout.isatty():
            print("\x1b[H\x1b[J", end="")  # the screen is cleared
        for line in _lines(now):
            say(line)
        working = now["driver"] is not None and now["driver"]["alive"] is not False
        if not chosen.watch or not (working or any(stage["to_do"] for stage in now["stages"].values())):
            return 0
        sys.stdout.flush()
        time.sleep(chosen.watch)


def standing(store: Store) -> dict[str, Any]:
    """How far the sweep is: study, store; whether params.yaml says something else than what was planned; of each stage
    that trains or measures how many items are planned, done and to do, how many wait for what failed, and how many
    failed, by class; and the driver that holds the store, null where none does, with whether it is alive, null where
    that is not known.
    """
    plan = needed()
    failing = {kind: store.failing(kind) for kind, _ in KINDS.values()}
    done = {kind: store.listing(kind) for kind, _ in KINDS.values()}
    done["values"] -= failing["values"]  # some have a part of theirs
    failing["runs"] -= done["runs"]
    failing["cells"] -= done["cells"]
    planned, waiting = plan.keys(), plan.waiting(failing["runs"], failing["cells"])
    stages = {}
    for stage, (kind, _) in KINDS.items():
        missing = planned[kind] - done[kind]
        failed = failures(store, kind, missing & failing[kind])
        wait = len(missing & waiting[kind] - failing[kind])
        counts = {"planned": len(planned[kind]), "done": len(planned[kind]) - len(missing)}
        counts |= {"to_do": len(missing) - failed.total() - wait, "waiting": wait}
        stages[stage] = {**counts, "failed": dict(failed.most_common())}
    found = lock.holder(store)
    driver = {**asdict(found), "alive": lock.alive(found), "seconds_left": _left(found)} if found else None
    about = {"study": artifacts.study_name(), "store": store.shown, "edited": edited()}
    return {**about, "stages": stages, "driver": driver}


def _lines(now: Mapping[str, Any]) -> Iterator[str]:
    yield f"{now['study']}, in the store {now['store']}"
    if now["edited"]:
        yield f"  {STALE}"
    for stage, of in now["stages"].items():
        failed = sum(of["failed"].values())
        by_class = ", ".join(f"{count} {name}" for name, count in of["failed"].items())
        counts = f"{of['done']} of {of['planned']} {KINDS[stage][1]} done, {of['to_do']} to do, {failed} failed"
        counts += f": {by_class}" * bool(by_class)
        yield f"  {stage:<9}{counts}" + f"; {of['waiting']} wait for what failed" * bool(of["waiting"])
    yield f"  {_driver(now['driver'])}"


def failures(store: Store, kind: str, failing: Iterable[str]) -> Counter[str]:
    """How many of these items failed, by class."""
    found = (store.failure(kind, key) for key in sorted(failing))
    return Counter(str(failure["error"]) for failure in found if failure and "error" in failure)


def _driver(of: Mapping[str, Any] | None) -> str:
    if of is None:
        return "no driver is at work"
    who = f"{of['stage']} on {of['host']}, process {of['pid']}, since {of['since']}"
    if of["alive"] is False:
        return f"no driver is at work: {who}, is gone; `dvc repro` goes on from there"
    unsure = " (another machine's: not looked for)" if of["alive"] is None else ""
    done = f"{of['items_done']} of {of['items']} items in {duration(of['seconds'])}"
    if of["seconds_left"] is None:
        return f"at work: {who}{unsure}: {done}"
    rate = of["items_done"] / of["seconds"]
    return f"at work: {who}{unsure}: {done}, {rate:.3g} a second, about {duration(of['seconds_left'])} left"


def _left(of: lock.Driver) -> float | None:
    """Seconds until a driver has done what it has begun, at its rate so far; None before it has done anything."""
    if not of.items_done or not of.seconds:
        return None
    return (of.amount - of.amount_done) * of.seconds / of.amount_done if of.amount_done else 0.0


def duration(seconds: float) -> str:
    """As a person would say it: the two largest units."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
