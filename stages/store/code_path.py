"""The code that decides a number: the modules that Python would import for it, and the files that these read."""

import ast
import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from stages.errors import CodeNotFollowed
from stages.store.code_syntax import Source, tree_digest

ROOT = Path(__file__).resolve().parents[2]
SCIENCE = "pipelines"  # below it is every line that can change a number
# They import a part by its name in params.yaml; whoever asks for their code names that part's module, too.
BY_NAME = re.compile(r"pipelines\.(parts|measuring|_torchvision|\w+\.(running|domain|environment|datasets\..*))")


@dataclass(frozen=True)
class Module:
    """The digest of a module's own file, and the project's modules that importing it imports."""

    digest: str
    imports: frozenset[str]


class CodePath:
    """The source files below a folder, each read once."""

    def __init__(self, root: Path = ROOT):
        self.root = root
        self.project = (root / "pyproject.toml").exists()  # else what stands beside pipelines/ may be others' packages
        self.known: dict[str, Module] = {}

    def digest(self, modules: Iterable[str]) -> str:
        """32 hexadecimal digits: of the syntax trees of these modules and of all that importing them imports, and of
        the data files beside one that reads there. Comments, docstrings, layout and the version of Python do not change
        it. Raises CodeNotFollowed where an edit could not be noticed.
        """
        found = {name: self.module(name).digest for name in self.names(modules)}
        return hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()[:32]

    def names(self, modules: Iterable[str]) -> set[str]:
        """The names of these modules and of all that importing them imports. Raises ModuleNotFoundError."""
        seen: set[str] = set()
        waiting = list(modules)
        while waiting:
            name = waiting.pop()
            if name not in seen:
                seen.add(name)
                waiting += self.module(name).imports - seen
        return seen

    def files(self, modules: Iterable[str]) -> set[Path]:
        """The files of these modules and of all that importing them imports, below the root."""
        found = {self._file(name) for name in self.names(modules)}
        return {path.relative_to(self.root) for path in found if path}

    def module(self, name: str) -> Module:
        """A module by its full name. Raises ModuleNotFoundError."""
        if name not in self.known:
            path = self._file(name)
            if path is None:
                raise ModuleNotFoundError(f"no source file for module {name!r}", name=name)
            self.known[name] = self._read(name, path)
        return self.known[name]

    def _read(self, name: str, path: Path) -> Module:
        tree = ast.parse(path.read_bytes())
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        source = Source(path.relative_to(self.root), tree, package)
        if not BY_NAME.fullmatch(name):
            source.refuse_what_hides_an_edit()
        named = {parent for found in (package, *source.imports()) for parent in _with_parents(found)}
        imports = {found for found in named if self._file(found)}
        if outside := sorted(found for found in imports if found.partition(".")[0] != SCIENCE):
            raise CodeNotFollowed(
                f"{source.path}: imports {outside[0]!r}, which is the project's own and not below {SCIENCE}/; an edit "
                f"of it would not be noticed: move what is needed to {SCIENCE}/"
            )
        digest = tree_digest(tree) + (_data_beside(path.parent) if source.looks_beside() else "")
        return Module(digest, frozenset(imports))

    def _file(self, name: str) -> Path | None:
        """The source file of one of the project's modules; None for all else."""
        if name.partition(".")[0] != SCIENCE and not self.project:
            return None
        path = self.root.joinpath(*name.split("."))
        return next((file for file in (path / "__init__.py", path.with_suffix(".py")) if file.is_file()), None)


def _with_parents(name: str) -> list[str]:
    """A module's name, after those of the packages it is in, which Python imports first."""
    steps = name.split(".")
    return [".".join(steps[:depth]) for depth in range(1, len(steps) + 1)]


def _data_beside(folder: Path) -> str:
    """The digest of all files in a module's folder that are not code."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc"))
    named = {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    return hashlib.sha256(json.dumps(named).encode()).hexdigest()
