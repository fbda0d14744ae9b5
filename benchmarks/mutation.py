"""Which small errors in the source would the fast tests notice? The share of mutants killed, by group of files.

    python benchmarks/mutation.py [--sample 250] [--seed 0] [--groups metrics audit] [--json survivors.json]

A mutant is one changed constant, comparison, term, argument or statement (`mutation_operators.py`), drawn evenly over
the operations within each group. Each runs in a forked child against the fast tests that execute its line, those of
the folder that mirrors its package first, until one fails. The lines that a test executes are recorded once, in
minutes, and kept in mutation-lines of the temporary folder by file of tests. A constant of a module or class is tested
by all tests that run any line of its file or are in the mirrored folder. A child that uses several times the processor
time its tests need counts as killed. Everything happens in a temporary copy of the working tree and mutants exist only
in memory. Processes that a test starts run without the mutant, and slow and cluster tests are left out, so that the
share is a lower bound.
"""

import argparse
import gc
import importlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import Any

from mutation_coverage import Map, recorded
from mutation_operators import Mutant, mutants
from mutation_tests import run_tests
from statsmodels.stats.proportion import proportion_confint

PACKAGES = ("analysis", "pipelines", "stages", "cluster")
STORE = {"store", "store_files", "lock", "identity", "keys", "payloads", "codecs", "snapshot", "code_snapshot"}
STORE |= {"tracking", "tracking_address", "provenance"}
GROUPS: dict[str, Callable[[Path], bool]] = {  # the first that fits
    "metrics": lambda path: path.match("pipelines/metrics/*.py"),
    "audit": lambda path: "audit" in path.parts[:2] and path.parts[0] == "analysis",
    "analysis-other": lambda path: path.parts[0] == "analysis",
    "store": lambda path: path.parts[0] == "stages" and ("store" in path.parts or path.stem in STORE),
    "vision": lambda path: path.parts[:2] in {("pipelines", "supervised"), ("pipelines", "vision")},
    "pipelines-other": lambda path: path.parts[0] == "pipelines",
    "stages-other": lambda path: path.parts[0] == "stages",
    "cluster": lambda path: path.parts[0] == "cluster",
}
SHARES = {"metrics": 0.27, "audit": 0.27, "analysis-other": 0.17, "store": 0.15, "vision": 0.14}  # of a sample
LONGEST = 30  # seconds of tests for one mutant
Row = dict[str, Any]
TORCHVISION = "pipelines._torchvision"  # what timm needs before it is imported
PRELOADED = (
    "numpy",
    "scipy.stats",
    "polars",
    "statsmodels.api",
    "sklearn.metrics",
    "torch",
    TORCHVISION,
    "timm",
    "hypothesis",
)


def sources() -> dict[str, str]:
    """Path -> text of every file of the packages that holds code and isn't preloaded."""
    found = sorted(path for package in PACKAGES for path in Path(package).rglob("*.py"))
    return {
        str(path): path.read_text() for path in found if path.stat().st_size and path.stem not in TORCHVISION.split(".")
    }


def drawn(groups: list[str], size: int, seed: int, files: dict[str, str]) -> list[tuple[str, Mutant]]:
    """(group, mutant): each group's share of the sample, its operations taken in turn."""
    pools: dict[str, dict[str, list[Mutant]]] = {group: defaultdict(list) for group in groups}
    for path, text in files.items():
        group = next(name for name, fits in GROUPS.items() if fits(Path(path)))
        for mutant in mutants(path, text) if group in pools else ():
            pools[group][mutant.operation].append(mutant)
    weights = {group: SHARES.get(group, 0.15) for group in groups}
    chosen = []
    for group, pool in pools.items():
        rng = random.Random(f"{seed} {group}")
        for operation in pool.values():
            rng.shuffle(operation)
        turns = [(place, rng.random(), operation) for operation in pool for place in range(len(pool[operation]))]
        many = round(size * weights[group] / sum(weights.values()))
        chosen += [(group, pool[operation][place]) for place, _, operation in sorted(turns)[:many]]
    random.Random(seed).shuffle(chosen)
    return chosen


def tests_of(mutant: Mutant, executed: Map) -> tuple[list[str], float]:
    """The tests to run, those of the mirrored folder first and of them the fastest, and the seconds of all."""
    line = executed.of_lines(mutant.path, *mutant.lines)
    file = executed.of_file(mutant.path)
    found = line if mutant.function and not mutant.cached else line | file | executed.of_folder(mirror(mutant.path))
    kept: list[str] = []
    seconds = 0.0
    for test in sorted(found, key=lambda test: (test not in line, test not in file, executed.seconds[test], test)):
        if kept and seconds + executed.seconds[test] > LONGEST:
            break
        kept.append(test)
        seconds += executed.seconds[test]
    return sorted(kept, key=lambda test: not _below(test, mirror(mutant.path))), seconds


def _below(test: str, folder: str) -> bool:
    return test.startswith(f"{folder}/")


def _rounds(tests: list[str], folder: str) -> list[list[str]]:
    """The tests below the folder, then the others: what only the latter need is imported only where all of the former
    pass.
    """
    return [list(each) for _, each in groupby(tests, key=lambda test: _below(test, folder))]


def mirror(path: str) -> str:
    """The folder of tests of a file: tests/metrics of pipelines/metrics/, tests/analysis/audit of analysis/audit/."""
    parts = Path(path).parent.parts
    for start in range(len(parts)):
        for end in range(len(parts), start, -1):
            if Path("tests", *parts[start:end]).is_dir():
                return str(Path("tests", *parts[start:end]))
    return "tests"


def finished(running: dict[int, tuple[int, float, Path]]) -> Iterator[tuple[int, Row]]:
    """(place in the sample, result) of the children that have ended; those over their time are ended first."""
    for child, (place, deadline, out) in list(running.items()):
        if time.monotonic() > deadline:
            os.killpg(child, signal.SIGKILL)
        pid, status = os.waitpid(child, os.WNOHANG)
        if not pid:
            continue
        del running[child]
        code = os.waitstatus_to_exitcode(status)
        if code > 0:
            raise SystemExit(f"the tests could not be run:\n{out.with_suffix('.log').read_text()}")
        over = code in (-signal.SIGXCPU, -signal.SIGKILL)
        ended = {"killed": True, "by": "time" if over else f"signal {-code}"}
        yield place, json.loads(out.read_text()) if code == 0 else ended


def judged(sample: list[tuple[str, Mutant]], executed: Map, files: dict[str, str], at_once: int) -> list[Row]:
    """A row for each mutant: its group, what it is, whether it was killed and by which test."""
    scratch = Path(tempfile.mkdtemp(prefix="mutants-"))
    rows = [{"group": group, **asdict(mutant)} for group, mutant in sample]
    running: dict[int, tuple[int, float, Path]] = {}
    waiting = list(enumerate(mutant for _, mutant in sample))[::-1]
    while waiting or running:
        while waiting and len(running) < at_once:
            place, mutant = waiting.pop()
            tests, seconds = tests_of(mutant, executed)
            rows[place]["tests"] = len(tests)
            if not tests:
                rows[place] |= {"killed": False, "by": "no test runs it"}
                continue
            out, limit = scratch / f"{place}.json", 20 + 4 * seconds
            rounds = _rounds(tests, mirror(mutant.path))
            child = run_tests(rounds, (mutant, files[mutant.path]), scratch / str(place), out, processor_seconds=limit)
            running[child] = (place, time.monotonic() + 10 * limit, out)
        for place, result in finished(running):
            rows[place] |= result
            done = sum("killed" in row for row in rows)
            print(f"\r{done} of {len(rows)}", end="", file=sys.stderr, flush=True)
    killers = sorted({row["by"] for row in rows if "::" in row["by"]})
    out = scratch / "unchanged.json"
    os.waitpid(run_tests([killers], None, scratch / "unchanged", out, processor_seconds=3600), 0)
    failing = set(json.loads(out.read_text())["failed"])
    for row in rows:
        row["flaky"] = row["by"] in failing
    shutil.rmtree(scratch)
    return rows


def table(rows: list[Row]) -> str:
    """The shares as Markdown, then the survivors."""
    lines = ["| group | run | killed | share, 95 % Wilson |", "|---|---|---|---|"]
    groups = [group for group in GROUPS if any(row["group"] == group for row in rows)]
    for group in [*groups, "all"]:
        those = [row["killed"] for row in rows if group in (row["group"], "all")]
        low, high = proportion_confint(sum(those), len(those), method="wilson")
        share = f"{sum(those) / len(those):.0%} [{low:.0%}, {high:.0%}]"
        lines.append(f"| {group} | {len(those)} | {sum(those)} | {share} |")
    operations = sorted({row["operation"] for row in rows})
    counts = [(name, [row["killed"] for row in rows if row["operation"] == name]) for name in operations]
    lines += ["", "Killed of run: " + ", ".join(f"{name} {sum(those)}/{len(those)}" for name, those in counts), ""]
    lines += [f"Killed by a test that fails without a mutant, too: {row['by']}" for row in rows if row["flaky"]]
    for row in sorted(rows, key=lambda row: (groups.index(row["group"]), row["path"], row["line"])):
        if not row["killed"]:
            why = f" ({row['by']})" if row["by"] else ""
            lines.append(f"{row['path']}:{row['line']} {row['operation']}: {row['text']}{why}")
    return "\n".join(lines)


def in_a_copy() -> int:
    """The exit status of this script, run on a temporary copy of the working tree."""
    listed = subprocess.check_output(["git", "ls-files", "-co", "--exclude-standard"], text=True)
    with tempfile.TemporaryDirectory(prefix="mutation-") as folder:
        for name in listed.splitlines():
            if Path(name).is_file():
                Path(folder, name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(name, Path(folder, name))
        one = dict.fromkeys(("OMP_NUM_THREADS", "POLARS_MAX_THREADS", "POLARS_ALLOW_FORKING_THREAD"), "1")
        environment = {**os.environ, **one, "PYTHONPATH": folder, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        arguments = [sys.executable, "benchmarks/mutation.py", *sys.argv[1:], "--tree", folder]
        return subprocess.run(arguments, cwd=folder, env=environment).returncode


def main() -> None:
    """Copy, record, draw, run, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sample", type=int, default=250, help="mutants in all")
    parser.add_argument("--seed", type=int, default=0, help="of the draw")
    parser.add_argument("--groups", nargs="+", choices=GROUPS, default=list(SHARES), help="default: the first five")
    parser.add_argument("--at-once", type=int, default=os.cpu_count() or 1, help="children at a time")
    parser.add_argument("--json", type=lambda name: Path(name).absolute(), help="where to write a row for each mutant")
    parser.add_argument("--tree", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if not chosen.tree:
        sys.exit(in_a_copy())
    files = sources()
    executed = recorded(Path(tempfile.gettempdir(), "mutation-lines"), list(PACKAGES), chosen.at_once)
    for name in PRELOADED:
        importlib.import_module(name)
    gc.freeze()  # children don't go through it again
    start = time.monotonic()
    rows = judged(drawn(chosen.groups, chosen.sample, chosen.seed, files), executed, files, chosen.at_once)
    print(f"\r{table(rows)}\n\n{len(rows)} mutants in {(time.monotonic() - start) / 60:.0f} min, seed {chosen.seed}")
    if chosen.json:
        chosen.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
