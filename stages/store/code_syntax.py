"""One source file's syntax: what of it decides numbers, which modules it imports, and what an edit could hide in."""

import ast
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from stages.errors import CodeNotFollowed

IMPORTING = {"importlib.import_module", "__import__", "pipelines.parts.load", "pipelines.parts.module"}
RUNNING = {"exec", "eval", "compile", "runpy.run_path", "runpy.run_module", "importlib.util.spec_from_file_location"}
READING = {"open", "io.open", "numpy.load", "numpy.loadtxt", "numpy.genfromtxt", "numpy.fromfile", "numpy.memmap"}
READING |= {"torch.load", "gzip.open", "sqlite3.connect", "pandas.read_csv", "polars.read_csv", "polars.read_parquet"}
READING |= {"torch.hub.load"}
READING_METHODS = {"read_text", "read_bytes", "load_file", "imread", "open_memmap"}
ENVIRONMENT = {"os.getenv", "os.environ.get"}
REDIRECTING = {"sys.path", "sys.modules", "sys.meta_path"}
BY_NAME = {"importlib", "builtins", "runpy", "sys", "os"}  # modules whose parts are not to be got by name
BESIDE = ("__file__", "importlib.resources", "pkgutil")  # how a module finds the files in its own folder


@dataclass(frozen=True)
class Source:
    """A parsed source file; `package` is what its relative imports start from."""

    path: Path
    tree: ast.Module
    package: str

    @cached_property
    def names(self) -> dict[str, str]:
        """The full name of what each imported name stands for."""
        found: dict[str, str] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    top = alias.name.partition(".")[0]
                    found |= {alias.asname: alias.name} if alias.asname else {top: top}
            elif isinstance(node, ast.ImportFrom):
                found |= {
                    alias.asname or alias.name: f"{self.imported_from(node)}.{alias.name}" for alias in node.names
                }
        return found

    def imported_from(self, node: ast.ImportFrom) -> str:
        """The full name of the module in `from MODULE import ...`."""
        steps = self.package.split(".")
        above = steps[: len(steps) - node.level + 1] if node.level else []
        return ".".join([*above, *([node.module] if node.module else [])])

    def full_name(self, node: ast.expr) -> str:
        """`a.b.c` of such an expression, with what `a` was imported as; the attributes alone of anything else."""
        if isinstance(node, ast.Name):
            return self.names.get(node.id, node.id)
        if isinstance(node, ast.Attribute):
            return f"{self.full_name(node.value)}.{node.attr}"
        return ""

    def imports(self) -> Iterator[str]:
        """Every name that may be a module's in what the file imports, wherever in it: by statement, or by a call."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield self.imported_from(node)
                yield from (f"{self.imported_from(node)}.{alias.name}" for alias in node.names)
            elif isinstance(node, ast.Call) and self.full_name(node.func) in IMPORTING:
                first, *rest = [*(value.value for value in node.args if isinstance(value, ast.Constant)), "", ""]
                yield f"{self.package if str(first).startswith('.') else ''}{first}"
                yield f"{first}.{rest[0]}"

    def looks_beside(self) -> bool:
        """Whether the file looks for others in its own folder."""
        used = {node.id for node in ast.walk(self.tree) if isinstance(node, ast.Name)} | {
            *self.names.values(),
            *self.imports(),
        }
        return any(name == way or name.startswith(f"{way}.") for name in used for way in BESIDE)

    def _of_environment(self, node: ast.Subscript) -> bool:
        return self.full_name(node.value) == "os.environ"

    def refuse_what_hides_an_edit(self) -> None:
        """Raises CodeNotFollowed, with the line, where the file imports, runs or reads what only running it tells."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Attribute | ast.Name) and self.full_name(node) in REDIRECTING:
                self._refuse(node, "changes what is imported")
            if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load) and self._of_environment(node):
                self._refuse(node, "depends on the environment")
            if isinstance(node, ast.Attribute) and self._leaves_the_folder(node):
                self._refuse(node, "looks above the module's own folder")
            if not isinstance(node, ast.Call):
                continue
            called, constants = self.full_name(node.func), [isinstance(value, ast.Constant) for value in node.args]
            if called in IMPORTING and not (constants and all(constants[:2])):
                self._refuse(node, "imports by a name that is known only when it runs")
            if called in RUNNING:
                self._refuse(node, "runs code that is not written there")
            if called in ENVIRONMENT:
                self._refuse(node, "depends on the environment")
            if called == "getattr" and node.args and self.full_name(node.args[0]) in BY_NAME:
                self._refuse(node, "gets by name what is known only when it runs")
            if self._reads(node, called) and not self.looks_beside():
                self._refuse(node, "reads a file: put that beside the module, and find it by __file__")

    def _reads(self, node: ast.Call, called: str) -> bool:
        """Whether a call reads a file, as far as its name says so: what is imported opens bytes, too."""
        last = called.rpartition(".")[2]
        if last != "open" or called in READING:
            return called in READING or last in READING_METHODS
        imported = called.partition(".")[0] in {name.partition(".")[0] for name in self.names.values()}
        return not imported or (bool(node.args) and isinstance(node.args[0], ast.Constant))

    def _leaves_the_folder(self, node: ast.Attribute) -> bool:
        """Whether it is `.parents` or `.parent.parent` of `__file__`."""
        above = node.attr == "parents" or (
            node.attr == "parent" and isinstance(node.value, ast.Attribute) and node.value.attr == "parent"
        )
        return above and any(isinstance(part, ast.Name) and part.id == "__file__" for part in ast.walk(node))

    def _refuse(self, node: ast.expr, why: str) -> None:
        shown = ast.unparse(node)[:80]
        raise CodeNotFollowed(f"{self.path}:{node.lineno}: {shown!r} {why}; an edit of it would not be noticed")


def tree_digest(tree: ast.Module) -> str:
    """The digest of a syntax tree without its docstrings, the same whichever Python parsed it."""
    return hashlib.sha256(json.dumps(canonical(tree)).encode()).hexdigest()


def canonical(node: Any) -> Any:
    """A syntax tree as JSON. `ast.dump` is not used: what it leaves out differs between versions of Python."""
    if isinstance(node, ast.Constant):
        return ["Constant", type(node.value).__name__, repr(node.value)]
    if isinstance(node, ast.JoinedStr):
        return ["JoinedStr", _pieces(node.values)]
    if isinstance(node, ast.AST):
        fields = {name: value for name, value in ast.iter_fields(node) if value is not None and value != []}
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            fields["body"] = node.body[1:] if ast.get_docstring(node, clean=False) is not None else node.body
        return [type(node).__name__, {name: canonical(fields[name]) for name in sorted(fields)}]
    return [canonical(item) for item in node] if isinstance(node, list) else node


def _pieces(values: list[ast.expr]) -> list[Any]:
    """The pieces of an f-string; some versions of Python split its text where others do not."""
    pieces: list[Any] = []
    for value in values:
        if not isinstance(value, ast.Constant):
            pieces.append(canonical(value))
        elif pieces and isinstance(pieces[-1], str):
            pieces[-1] += str(value.value)
        else:
            pieces.append(str(value.value))
    return [piece for piece in pieces if piece != ""]
