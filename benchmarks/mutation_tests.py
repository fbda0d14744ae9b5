"""The tests of one mutant, in a forked child that has the mutant's module in memory in place of the file's."""

import json
import os
import resource
import shutil
import sys
import traceback
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import pytest
from mutation_operators import Mutant, mutated

QUIET = ("-x", "--quiet", "--assert=plain", "-p", "no:cacheprovider", "-p", "pytest_timeout")


class _Loader(SourceFileLoader):
    """Loads a module from a changed syntax tree; nothing is written."""

    code: CodeType

    def get_code(self, fullname: str) -> CodeType:
        return self.code


class _Finder(MetaPathFinder):
    def __init__(self, mutant: Mutant, source: str) -> None:
        path = Path(mutant.path)
        self.path = str(path.absolute())
        self.module = ".".join(path.parent.parts if path.stem == "__init__" else path.with_suffix("").parts)
        self.code = compile(mutated(mutant, source), self.path, "exec")

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name != self.module:
            return None
        loader = _Loader(name, self.path)
        loader.code = self.code
        return spec_from_file_location(name, self.path, loader=loader)


class _Chosen:
    """Runs the chosen tests in their order, and keeps those that failed."""

    def __init__(self) -> None:
        self.order: dict[str, int] = {}
        self.failed: list[str] = []

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = sorted(
            (item for item in items if item.nodeid in self.order), key=lambda item: self.order[item.nodeid]
        )

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed.append(report.nodeid)


def run_tests(
    rounds: list[list[str]], change: tuple[Mutant, str] | None, folder: Path, out: Path, *, processor_seconds: float
) -> int:
    """The process that runs the tests, the leader of a group; at its end `out` holds {killed, by, failed}.

    The tests of a round are collected once those of the round before have passed. Without a change all of the tests
    are run; with one, those up to the first that fails. What they print goes to
    `out` with the suffix .log.
    """
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        os.setsid()
        resource.setrlimit(resource.RLIMIT_CPU, (int(processor_seconds), int(processor_seconds) + 5))
        log = os.open(out.with_suffix(".log"), os.O_WRONLY | os.O_CREAT)
        for stream in (1, 2):
            os.dup2(log, stream)
        aside = out.with_suffix(".part")
        aside.write_text(json.dumps(_result(rounds, change, folder)))
        aside.rename(out)
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os._exit(status)


def _result(rounds: list[list[str]], change: tuple[Mutant, str] | None, folder: Path) -> dict[str, Any]:
    if change:
        sys.meta_path.insert(0, _Finder(*change))
    folder.mkdir()
    chosen = _Chosen()
    code = 0
    for number, tests in enumerate(rounds):
        chosen.order = {test: place for place, test in enumerate(tests)}
        files = list(dict.fromkeys(test.partition("::")[0] for test in tests))
        options = QUIET if change else QUIET[1:]
        code = pytest.main([*files, *options, f"--basetemp={folder}/{number}"], plugins=[chosen])
        if code == pytest.ExitCode.NO_TESTS_COLLECTED:
            raise RuntimeError(f"none of the tests was found: {tests[:3]}")
        if code:
            break
    by = chosen.failed[0] if chosen.failed else "" if code == 0 else f"collection ({code})"
    return {"killed": code != 0, "by": by, "failed": chosen.failed}
