"""The mutants of a source file: each is one small error that a person could make, put into its syntax tree.

Annotations, docstrings, messages of raised errors and `if __name__ == "__main__"` are left alone, for no
number hangs on them.
"""

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
}
NAMES = {"min": "max", "any": "all", "mean": "sum", "minimum": "maximum", "floor": "ceil"}
NAMES |= {there: here for here, there in NAMES.items()}
COMMUTATIVE = {"min", "max", "minimum", "maximum"}
TOLERANCE = 1e-6  # smaller floats guard a division or a logarithm: half as much again changes nothing
SKIPPED = {
    "annotation",
    "returns",
    "decorator_list",
    "bases",
    "exc",
    "type_params",
}  # fields of a node that aren't mutated


@dataclass(frozen=True)
class Mutant:
    """One mutant: where it is, and how to make it again (`change` counts the changes of its node)."""

    path: str
    line: int
    operation: str
    text: str
    place: tuple[tuple[str, int | None], ...]
    change: int
    function: str | None  # the function whose body holds it; None at the level of the module or of a class
    lines: tuple[int, int]  # of its statement, first and last: what is constant in it is on no line that is executed
    cached: bool  # such a function keeps its results: the tests that run it are not all that depend on it


def _with(node: ast.AST, **fields: Any) -> Any:
    changed = copy.copy(node)
    for name, value in fields.items():
        setattr(changed, name, value)
    return changed


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _constant(node: ast.Constant) -> Iterator[tuple[str, ast.AST]]:
    match node.value:
        case bool():
            yield "bool", _with(node, value=not node.value)
        case int():
            yield "int", _with(node, value=node.value + 1)
            yield "int", _with(node, value=node.value - 1)
        case float() if abs(node.value) >= TOLERANCE or node.value == 0:
            yield "float", _with(node, value=node.value * 1.5 or 0.5)


def _call(node: ast.Call) -> Iterator[tuple[str, ast.AST]]:
    name = ast.unparse(node.func).rpartition(".")[2]
    match node.args:
        case [_, _, *_] if name in COMMUTATIVE:
            pass
        case [first, second, *others] if ast.dump(first) != ast.dump(second) and not isinstance(first, ast.Starred):
            yield "swapargs", _with(node, args=[second, first, *others])
    for index, keyword in enumerate(node.keywords):
        if keyword.arg not in (None, "strict"):
            yield "dropkw", _with(node, keywords=node.keywords[:index] + node.keywords[index + 1 :])
    if isinstance(node.func, ast.Attribute) and node.func.attr == "filter":
        yield "dropfilter", node.func.value


def _operator(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    match node:
        case ast.Compare(ops=[op]):
            yield "cmp", _with(node, ops=[COMPARISONS[type(op)]()])
        case ast.BinOp(left, op, right) if type(op) in ARITHMETIC and not _is_text(left) and not _is_text(right):
            yield "binop", _with(node, op=ARITHMETIC[type(op)]())
            if isinstance(op, ast.Add | ast.Sub):
                yield "dropterm", left
        case ast.BoolOp(op, values):
            yield "andor", _with(node, op=ast.And() if isinstance(op, ast.Or) else ast.Or())
            for index in range(len(values)):
                kept = values[:index] + values[index + 1 :]
                yield "dropterm", kept[0] if len(kept) == 1 else _with(node, values=kept)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield "dropnot", operand
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            yield "dropneg", operand


def changes(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Every (operation, node to put in its place)."""
    yield from _operator(node)
    match node:
        case ast.Constant():
            yield from _constant(node)
        case ast.Call():
            yield from _call(node)
        case ast.Name(id=name) if name in NAMES:
            yield "name", _with(node, id=NAMES[name])
        case ast.Attribute(attr=name) if name in NAMES:
            yield "name", _with(node, attr=NAMES[name])
        case ast.comprehension(ifs=[_, *_]):
            yield "dropfilter", _with(node, ifs=[])
        case ast.IfExp(body=body, orelse=orelse):
            yield "ifexp", _with(node, body=orelse, orelse=body)
        case ast.If(test=test, orelse=orelse):
            yield "ifneg", _with(node, test=ast.UnaryOp(ast.Not(), test))
            if not orelse:
                yield "delif", ast.Pass()
        case ast.Expr(value=ast.Call()) | ast.AugAssign() | ast.Assign(targets=[ast.Subscript()]):
            yield "delstmt", ast.Pass()
        case ast.Return(value=ast.expr() as value) if not isinstance(value, ast.Constant):
            yield "return", _with(node, value=ast.Constant(None))


def _skipped(node: ast.AST) -> bool:
    match node:
        case ast.Expr(value=ast.Constant()):
            return True  # a docstring
        case ast.keyword(arg="strict"):
            return True  # of zip: a guard
        case ast.If(test=ast.Compare(left=ast.Name(id="__name__"))):
            return True
    return False


def mutants(path: str, source: str) -> Iterator[Mutant]:
    """All mutants of a file, in the order of its lines."""

    def below(
        node: ast.AST,
        place: tuple[tuple[str, int | None], ...],
        function: str | None,
        cached: bool,
        lines: tuple[int, int],
    ) -> Any:
        for field, value in ast.iter_fields(node):
            if field in SKIPPED:
                continue
            for index, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
                if not isinstance(child, ast.AST) or _skipped(child):
                    continue
                there = (*place, (field, index))
                own = _lines(child) if isinstance(child, ast.stmt) else lines
                inside, kept = function, cached
                if isinstance(node, ast.FunctionDef) and field == "body":
                    inside = function or node.name
                    names = {ast.unparse(decorator).partition("(")[0] for decorator in node.decorator_list}
                    kept = cached or bool(names & {"cache", "lru_cache"})
                for count, (operation, changed) in enumerate(changes(child)):
                    text = f"{_line(child)} -> {_line(changed)}"
                    yield Mutant(path, getattr(child, "lineno", 0), operation, text, there, count, inside, own, kept)
                yield from below(child, there, inside, kept, own)

    for mutant in below(ast.parse(source), (), None, False, (0, 0)):
        yield mutant if mutant.line else _with_line(mutant, source)


def _lines(statement: ast.stmt) -> tuple[int, int]:
    """First and last line of a statement, without those of its body."""
    body = getattr(statement, "body", None)
    last = body[0].lineno - 1 if body else statement.end_lineno or statement.lineno
    return statement.lineno, max(statement.lineno, last)


def _line(node: ast.AST) -> str:
    lines = ast.unparse(node).strip().splitlines()
    return lines[0] if lines else ""


def _with_line(mutant: Mutant, source: str) -> Mutant:
    """A comprehension's clause has no line of its own: that of its condition."""
    node = _at(ast.parse(source), mutant.place)
    return Mutant(**{**vars(mutant), "line": min(part.lineno for part in ast.walk(node) if hasattr(part, "lineno"))})


def _at(tree: ast.AST, place: tuple[tuple[str, int | None], ...]) -> Any:
    node: Any = tree
    for field, index in place:
        node = getattr(node, field) if index is None else getattr(node, field)[index]
    return node


def mutated(mutant: Mutant, source: str) -> ast.Module:
    """The file's syntax tree with the mutant in it."""
    tree = ast.parse(source)
    parent, (field, index) = _at(tree, mutant.place[:-1]), mutant.place[-1]
    changed = list(changes(_at(tree, mutant.place)))[mutant.change][1]
    if index is None:
        setattr(parent, field, changed)
    else:
        getattr(parent, field)[index] = changed
    return ast.fix_missing_locations(tree)
