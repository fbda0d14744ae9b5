"""The pages beside index.html, of runs and of examples: what their files are called, and which of them are there."""

import hashlib
import re
from dataclasses import dataclass

PLAIN = re.compile(r"[a-z0-9][a-z0-9_.-]{0,60}")  # a name that any file system takes as it is
RUNS, EXAMPLES = "runs", "examples"  # folders


def plain(name: str) -> str:
    """A name fit for a file's, another for another name: as it is, or its letters and digits with a digest."""
    if PLAIN.fullmatch(name):
        return name
    letters = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40]
    return f"{letters or 'x'}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def runs_page(task: str, method: str) -> str:
    """Where the runs of a method are, from index.html."""
    return f"{RUNS}/{plain(task)}/{plain(method)}.html"


def run_place(model: str, seed: int) -> str:
    """Where on that page a run is."""
    return f"{plain(model)}-{seed}"


def examples_page(task: str, condition: str) -> str:
    """Where the examples of a condition are, from index.html."""
    return f"{EXAMPLES}/{plain(task)}/{plain(condition)}.html"


@dataclass(frozen=True)
class Beside:
    """The pages that were written, by their addresses from index.html."""

    written: frozenset[str] = frozenset()

    def run(self, task: str, method: str, model: str, seed: int) -> str:
        """The address of a run; empty where it has no page."""
        return self._at(runs_page(task, method), run_place(model, seed))

    def runs(self, task: str, method: str) -> str:
        """The address of the runs of a method; empty where there is none."""
        return self._at(runs_page(task, method))

    def examples(self, task: str, condition: str, method: str) -> str:
        """The address of the examples of a method under a condition; empty where there are none."""
        return self._at(examples_page(task, condition), plain(method))

    def _at(self, page: str, place: str = "") -> str:
        if page not in self.written or (place and f"{page}#{place}" not in self.written):
            return ""
        return f"{page}#{place}" if place else page
