"""Which fast tests execute which lines, and how long they take, recorded in a run of all of them."""

import hashlib
import json
import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import coverage
import pytest

FAST = ("-m", "not slow and not cluster", "-p", "no:cacheprovider", "-p", "pytest_timeout", "--quiet")
FIXTURE = "fixture "


class Map:
    """Seconds of each test that passes (see `_spent`), and the tests by file and line.

    Made of what was recorded of each file of tests: seconds, lines (path -> line -> tests), sources (path -> digest).
    Of a source that has changed since, a test that executed any line counts for all lines.
    """

    def __init__(self, parts: list[dict[str, Any]]) -> None:
        self.seconds: dict[str, float] = {}
        self._lines: dict[str, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
        self._any: dict[str, set[str]] = defaultdict(set)
        now = {path: digest(Path(path)) for path in {path for part in parts for path in part["sources"]}}
        for part in parts:
            self.seconds |= part["seconds"]
            for path, lines in part["lines"].items():
                same = part["sources"][path] == now[path]
                for line, tests in lines.items():
                    found = {part["tests"][place] for place in tests} & part["seconds"].keys()
                    (self._lines[path][int(line)] if same else self._any[path]).update(found)

    def of_lines(self, path: str, first: int, last: int) -> set[str]:
        """The tests that execute one of some lines."""
        return self._any[path].union(*(self._lines[path][line] for line in range(first, last + 1)))

    def of_file(self, path: str) -> set[str]:
        """The tests that execute any line of a file."""
        return self._any[path].union(*self._lines[path].values())

    def of_folder(self, folder: str) -> set[str]:
        """The tests below a folder."""
        return {test for test in self.seconds if test.startswith(f"{folder}/")}


class _Recorder:
    """Tells coverage which test is running; what a shared fixture executes is executed for all tests that use it."""

    def __init__(self, measured: coverage.Coverage) -> None:
        self.measured = measured
        self.now = ""
        self.seconds: dict[str, float] = {}
        self.failed: set[str] = set()
        self.users: dict[str, list[str]] = defaultdict(list)

    def pytest_collection_modifyitems(self, items: list[pytest.Function]) -> None:
        for item in items:
            for name, definitions in item._fixtureinfo.name2fixturedefs.items():
                for definition in definitions:
                    self.users[f"{FIXTURE}{definition.baseid}::{name}"].append(item.nodeid)

    @contextmanager
    def _within(self, context: str) -> Iterator[None]:
        before, self.now = self.now, context
        self.measured.switch_context(context)
        yield
        self.now = before
        self.measured.switch_context(before)

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any, request: Any) -> Any:
        if fixturedef.scope == "function":
            return (yield)
        with self._within(f"{FIXTURE}{fixturedef.baseid}::{fixturedef.argname}"):
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Any:
        before = _spent()
        with self._within(item.nodeid):
            result = yield
        clock, processor = (now - then for now, then in zip(_spent(), before, strict=True))
        self.seconds[item.nodeid] = max(processor, clock / 10)
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> Any:
        try:
            return (yield)
        except Exception as error:  # where calls were thousands deep, pytest can't show the frames that were traced
            raise AssertionError(type(error).__name__) from None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed or report.skipped:
            self.failed.add(report.nodeid)


def _spent() -> tuple[float, float]:
    """Seconds by the clock, and of the processor with ended children: on a busy machine the clock tells nothing of a
    test but how long it may wait.
    """
    return time.perf_counter(), sum(os.times()[:4])


def digest(path: Path) -> str:
    """The first 16 hexadecimal digits of a file's SHA-256; of no file, nothing."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16] if path.exists() else ""


def record(packages: list[str], outs: dict[str, str]) -> None:
    """Run the fast tests of the files and write for each what `Map` is made of. outs: file of tests -> where to."""
    measured = coverage.Coverage(data_file=None, source=packages, config_file=False)
    recorder = _Recorder(measured)
    measured.start()
    code = pytest.main([*outs, *FAST], plugins=[recorder])
    measured.stop()
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED):
        raise SystemExit(f"pytest ended with {code!r}")
    data = measured.get_data()
    lines: dict[str, dict[str, dict[int, list[str]]]] = {file: defaultdict(dict) for file in outs}
    sources = {str(Path(path).relative_to(Path.cwd())): path for path in data.measured_files()}
    for path, measured_path in sources.items():
        for line, contexts in data.contexts_by_lineno(measured_path).items():
            for test in {name for context in contexts for name in recorder.users.get(context, [context])}:
                if (file := test.partition("::")[0]) in outs:
                    lines[file][path].setdefault(line, []).append(test)
    digests = {path: digest(Path(path)) for path in sources}
    for file, out in outs.items():
        tests = [test for test in recorder.seconds if test.startswith(f"{file}::")]
        place = {test: number for number, test in enumerate(tests)}
        kept = {
            path: {line: [place[test] for test in those] for line, those in by_line.items()}
            for path, by_line in lines[file].items()
        }
        seconds = {test: recorder.seconds[test] for test in tests if test not in recorder.failed}
        about = {"tests": tests, "seconds": seconds, "lines": kept, "sources": digests}
        Path(out).write_text(json.dumps(about))


def recorded(folder: Path, packages: list[str], at_once: int) -> Map:
    """The map of the tests as they are; files of tests that aren't in the folder are recorded first."""
    folder.mkdir(exist_ok=True)
    shared = "".join(digest(path) for path in sorted(Path("tests").rglob("conftest.py")))
    files = sorted(Path("tests").rglob("test_*.py"))
    kept = {str(file): folder / f"{digest(file)}-{hashlib.sha256(shared.encode()).hexdigest()[:8]}" for file in files}
    missing = [file for file, out in kept.items() if not out.exists()]
    command = [sys.executable, "benchmarks/mutation_coverage.py"]
    given = [{file: str(kept[file]) for file in missing[part::at_once]} for part in range(at_once)]
    running = [subprocess.Popen([*command, json.dumps([packages, outs])], stdout=sys.stderr) for outs in given if outs]
    if any([process.wait() for process in running]):  # noqa: C419, all are waited for
        raise SystemExit("the tests' lines could not be recorded")
    return Map([json.loads(out.read_text()) for out in kept.values()])


if __name__ == "__main__":
    record(*json.loads(sys.argv[1]))
