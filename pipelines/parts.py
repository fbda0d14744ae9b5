"""Parts by name: a name in params.yaml is the name of a file, and that file's one factory makes the part.

A kind of part is a package (`pipelines.vision.methods`) and the factory that each of its files defines
(`method`). Options are checked against the factory's signature before it is called.
"""

import importlib
import inspect
import math
import pkgutil
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Annotated, Any, Union


@dataclass(frozen=True)
class Range:
    """The accepted values of a number: from `low` to `high`, the ends included unless marked open."""

    low: float = -math.inf
    high: float = math.inf
    low_open: bool = False

    def __contains__(self, value: float) -> bool:
        return (self.low < value if self.low_open else self.low <= value) and value <= self.high

    def __str__(self) -> str:
        if self.high == math.inf:
            return f"a number {'above' if self.low_open else 'of at least'} {self.low:g}"
        if self.low_open:
            return f"a number above {self.low:g} and at most {self.high:g}"
        return f"a number from {self.low:g} to {self.high:g}"


Share = Annotated[float, Range(0, 1)]
Positive = Annotated[float, Range(0, low_open=True)]
NonNegative = Annotated[float, Range(0)]
Count = Annotated[int, Range(1)]
Whole = Annotated[int, Range(0)]


class UnknownPart(ValueError):
    """A name without a file; the message lists the names that have one, the nearest first."""


class BrokenPart(ValueError):
    """A part's file that can't be used; the message says which, and what is wrong with it."""


class WrongOptions(ValueError):
    """Options that a factory does not take; `faults` has one sentence for each."""

    def __init__(self, faults: list[str]):
        super().__init__("; ".join(faults))
        self.faults = faults


def names(package: str) -> list[str]:
    """The parts of a package, sorted: its modules, without those that start with an underscore."""
    path = importlib.import_module(package).__path__
    return sorted(module.name for module in pkgutil.iter_modules(path) if not module.name.startswith("_"))


def module(package: str, name: str) -> types.ModuleType:
    """The module of one part. Raises UnknownPart and BrokenPart."""
    if name not in names(package):
        kind, near = package.rpartition(".")[2], get_close_matches(name.lower(), names(package), n=1)
        nearest = f" (nearest: {near[0]})" if near else ""
        raise UnknownPart(f"{name!r} is not one of the {kind}{nearest}: {', '.join(names(package))}")
    try:
        return importlib.import_module(f"{package}.{name}")
    except Exception as error:
        raise BrokenPart(f"{file(package, name)}: {_said(error)}") from error


def file(package: str, name: str) -> str:
    """The file of one part, as it is named in messages."""
    return f"{package.replace('.', '/')}/{name}.py"


def factory(package: str, name: str) -> Callable[..., Any]:
    """The function that makes the part: the module's attribute named like the package's singular, whose options are all
    named and have types. Raises UnknownPart and BrokenPart.
    """
    called, place = package.rpartition(".")[2].removesuffix("s"), file(package, name)
    make = getattr(module(package, name), called, None)
    if not callable(make):
        raise BrokenPart(f"{place}: has no function {called}()")
    for parameter in inspect.signature(make).parameters.values():
        if parameter.kind is not inspect.Parameter.KEYWORD_ONLY:
            raise BrokenPart(
                f"{place}: {called}() takes {parameter.name!r} by its place; accepted: options after a '*'"
            )
        if parameter.annotation is inspect.Parameter.empty:
            raise BrokenPart(f"{place}: {called}()'s option {parameter.name!r} has no type")
    return typing.cast(Callable[..., Any], make)


def defaults(make: Callable[..., Any]) -> dict[str, Any]:
    """The default options of a factory."""
    parameters = inspect.signature(make).parameters.values()
    return {parameter.name: parameter.default for parameter in parameters if parameter.default is not parameter.empty}


def full_options(package: str, name: str, options: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The options together with the defaults of those left out."""
    return defaults(factory(package, name)) | dict(options or {})


def load(package: str, name: str, options: Mapping[str, Any] | None = None) -> Any:
    """The part made with these options. Raises UnknownPart, BrokenPart, WrongOptions, the factory's own ValueError."""
    make = factory(package, name)
    check_options(make, options or {})
    try:
        made = make(**(options or {}))
    except (TypeError, AttributeError, LookupError, NameError) as error:
        raise BrokenPart(f"{file(package, name)}: {make.__name__}(): {_said(error)}") from error
    if made is None:
        raise BrokenPart(f"{file(package, name)}: {make.__name__}() returns nothing")
    return made


def _said(error: Exception) -> str:
    lines = str(error).splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def check_options(make: Callable[..., Any], options: Mapping[str, Any]) -> None:
    """Raise WrongOptions unless every option is one of the factory's parameters, of its type and within its range."""
    parameters = {
        name: parameter
        for name, parameter in inspect.signature(make).parameters.items()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    }
    hints = typing.get_type_hints(make, include_extras=True)
    faults = [
        f"{name!r} is not one of: {', '.join(parameters) or '(it takes no options)'}"
        for name in options
        if name not in parameters
    ]
    faults += [
        f"{name!r} is missing"
        for name, parameter in parameters.items()
        if parameter.default is inspect.Parameter.empty and name not in options
    ]
    for name, value in options.items():
        if name in parameters and not accepts(hints[name], value):
            faults.append(f"{name!r} is {value!r}, not {expected(hints[name])}")
    if faults:
        raise WrongOptions(faults)


def accepts(hint: Any, value: Any) -> bool:
    """Whether a value read from YAML fits a type hint made of numbers, strings, lists, mappings and Range."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        return accepts(arguments[0], value) and all(value in mark for mark in arguments[1:] if isinstance(mark, Range))
    if origin is typing.Literal:
        return value in arguments
    if origin in (Union, types.UnionType):
        return any(accepts(choice, value) for choice in arguments)
    if origin in (list, tuple):
        return isinstance(value, (list, tuple)) and all(accepts(arguments[0], item) for item in value)
    if origin in (dict, Mapping):
        return isinstance(value, Mapping)
    if hint is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if hint is None or hint is type(None):
        return value is None
    return hint is Any or isinstance(value, hint)


def expected(hint: Any) -> str:
    """A type hint in words, for a message."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        ranges = [mark for mark in arguments[1:] if isinstance(mark, Range)]
        words = str(ranges[0]) if ranges else expected(arguments[0])
        return words.replace("a number", "a whole number") if arguments[0] is int else words
    if origin is typing.Literal:
        return "one of: " + ", ".join(map(str, arguments))
    if origin in (Union, types.UnionType):
        return " or ".join(expected(choice) for choice in arguments)
    if origin in (list, tuple):
        return f"a list, each item {expected(arguments[0])}"
    if origin in (dict, Mapping):
        return "a mapping"
    plain = {float: "a number", int: "a whole number", str: "a text", bool: "true or false", type(None): "null"}
    return plain.get(hint, str(hint))
