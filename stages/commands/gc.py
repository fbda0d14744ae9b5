"""`diffprog gc`: what the store holds that no current plan needs, counted and, when that is wanted, removed."""

import argparse
import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from stages.errors import StoreError
from stages.needed import needed
from stages.part import PART, read_part
from stages.store.lock import locked
from stages.store.store import SUFFIXES, Store

KEY_DIGITS = {"data": 64, "runs": 32, "cells": 32, "values": 32}  # `items`, of imported studies, stay
EXAMPLES = {
    "diffprog gc": "count, ask, remove",
    "diffprog gc --yes --keep ../other-study": "without asking; what the other study needs stays",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`[--yes] [--keep FOLDER]`."""
    parser.description = (
        "Count what the store holds that the plan in this folder does not need, by kind, and remove it "
        "after asking. Files that the store did not write are left alone. A store that several studies share: name "
        "their folders with --keep, or what only they need is removed."
    )
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument(
        "--keep", type=Path, action="append", default=[], metavar="FOLDER", help="another study that uses this store"
    )


def run(chosen: argparse.Namespace) -> int:
    """Print what no plan needs, ask, remove it; the exit status, 1 where the answer was no."""
    if read_part():
        raise StoreError(f"{PART}: this folder holds a part of a study; run `diffprog gc` in the study's own")
    store = Store.from_environment()
    folders = (Path(), *chosen.keep)
    unneeded, foreign = waste(store, needed_keys(folders))
    size = sum(size for paths in unneeded.values() for size in paths.values())
    for kind, paths in unneeded.items():
        entries = {path.rpartition("/")[2].partition(".")[0] for path in paths}
        print(f"  {kind:<16}{len(entries):>7} entries{len(paths):>8} files{sum(paths.values()):>16,} bytes")
    if foreign:
        print(f"  {foreign} files that are not the store's own are left alone")
    if not any(unneeded.values()):
        print(f"{store.shown}: nothing to remove")
        return 0
    if not chosen.yes and not _agreed(f"remove {size:,} bytes from {store.shown}? [y/N] "):
        print("nothing was removed")
        return 1
    with locked(store, "gc"):
        now, _ = waste(store, needed_keys(folders))  # an answer takes its time
        removed = [path for kind, paths in unneeded.items() for path in paths if path in now.get(kind, {})]
        for path in sorted(removed, key=lambda path: not path.endswith(".record")):  # an entry without one is none
            store.remove(path)
    needed_again = sum(map(len, unneeded.values())) - len(removed)
    print(f"{len(removed)} files removed" + f", {needed_again} are needed or gone meanwhile" * bool(needed_again))
    return 0


def needed_keys(folders: Iterable[Path]) -> dict[str, set[str]]:
    """By kind, the keys that the plans in these folders need."""
    plans = [needed(folder) for folder in folders]
    kept = {"data": {key for plan in plans for key in plan.data}}
    for found in (plan.keys() for plan in plans):
        kept |= {kind: kept.get(kind, set()) | keys for kind, keys in found.items()}
    return kept


def waste(store: Store, kept: dict[str, set[str]]) -> tuple[dict[str, dict[str, int]], int]:
    """By kind, the files, with their sizes in bytes, of entries that are not kept and of writes that were cut short;
    and how many files there are that have no place in the store's layout."""
    found: dict[str, dict[str, int]] = defaultdict(dict)
    foreign = 0
    for kind in KEY_DIGITS:
        suffix = SUFFIXES[kind]
        for place, endings in ((kind, f"{suffix}|record"), (f"failed/{kind}", "json")):
            layout = re.compile(
                rf"{re.escape(place)}/([0-9a-f]{{2}})/(\1[0-9a-f]{{{KEY_DIGITS[kind] - 2}}})\.(?:{endings})"
                r"(\.[0-9a-f]{8}\.part)?"
            )
            for path, size in store.paths(place).items():
                match = layout.fullmatch(path.removeprefix(store.root).lstrip("/"))
                if not match:
                    foreign += 1
                elif match[3] or match[2] not in kept[kind]:
                    found[place][path] = size
    return found, foreign


def _agreed(question: str) -> bool:
    try:
        return input(question).strip().lower() in ("y", "yes")
    except EOFError:
        return False
