"""Keys: what a run, a cell and a code path are identified by. No path, host, device or number of workers is in them."""

import ast
import hashlib
import importlib.util
import json
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any


def digest(value: Any) -> str:
    """32 hexadecimal digits of a JSON value's SHA-256; the order of mappings does not matter."""
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:32]


def bytes_digest(data: bytes) -> str:
    """64 hexadecimal digits: SHA-256."""
    return hashlib.sha256(data).hexdigest()


def code_digest(modules: Iterable[str]) -> str:
    """The digest of the syntax trees of these modules and of all they import from their own top-level package.

    Comments, docstrings and formatting do not change it; an edited statement does.
    """
    seen: set[str] = set()
    waiting = sorted(set(modules))
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += [found for found in _imports(name) if found not in seen]
    return digest({name: _tree(name) for name in sorted(seen)})


def sources_digest(folder: Path) -> str:
    """The digest of every Python file below a folder, byte by byte."""
    files = sorted(path for path in folder.rglob("*.py"))
    return digest({path.relative_to(folder).as_posix(): bytes_digest(path.read_bytes()) for path in files})


@lru_cache
def _parsed(name: str) -> ast.Module:
    found = importlib.util.find_spec(name)
    if found is None or found.origin is None:
        raise ModuleNotFoundError(f"no source file for module {name!r}", name=name)
    return ast.parse(Path(found.origin).read_text(encoding="utf-8"))


def _imports(name: str) -> set[str]:
    top = name.partition(".")[0]
    named: set[str] = set()
    for node in ast.walk(_parsed(name)):
        if isinstance(node, ast.Import):
            named |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            named |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return {found for found in named if found.partition(".")[0] == top and _is_module(found)}


def _is_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def _tree(name: str) -> str:
    tree = ast.parse(ast.unparse(_parsed(name)))
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            first = node.body[0] if node.body else None
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                node.body = node.body[1:]
    return bytes_digest(ast.dump(tree).encode())
