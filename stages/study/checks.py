"""The entries of params.yaml: read from the file, and checked one by one, with every error kept."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pipelines import parts
from pipelines.parts import WrongOptions
from stages import documents, domains
from stages.documents import NotYaml
from stages.study.model import Part

LONGEST_LINE = 1000  # of a fault: a name may be anything
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
Made = TypeVar("Made")


class WrongParams(ValueError):
    """Everything that is wrong with a params.yaml: one line each, in `faults`."""

    def __init__(self, faults: list[str]):
        super().__init__("\n".join(faults))
        self.faults = faults


class Faults(list[str]):
    """What is wrong with the file `source`, a line each."""

    def __init__(self, source: str):
        self.source = source

    def add(self, where: str, what: str) -> None:
        """Keep an error, with what can't be printed escaped and what is too long cut."""
        line = f"{self.source}: {where}: {what}" if where else f"{self.source}: {what}"
        shown = "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in line)
        self.append(shown if len(shown) <= LONGEST_LINE else f"{shown[: LONGEST_LINE // 2]} ... {shown[-80:]}")


def content_of(path: Path, faults: Faults) -> Mapping[str, Any]:
    """The mapping in a YAML file. Raises WrongParams where there is none; duplicate keys are errors."""
    try:
        document = documents.read(path)
    except OSError as error:
        raise WrongParams([f"{path}: {error.strerror}"]) from error
    except NotYaml as error:
        faults.add("", str(error))
        raise WrongParams(list(faults)) from error
    for duplicate in document.duplicates:
        faults.add("", duplicate)
    if not isinstance(document.content, dict):
        faults.add("", f"not a mapping with 'study' and a task, named like its domain ({', '.join(domains.names())})")
        raise WrongParams(list(faults))
    return document.content


def check_options(make: Callable[..., Any], options: Any, where: str, faults: Faults) -> None:
    """Keep what is wrong with the options that `make` is to take."""
    if not isinstance(options, dict):
        faults.add(where, f"{options!r} is not a mapping of options")
        return
    made(lambda: parts.check_options(make, options), where, faults)


def asked(make: Callable[..., Made], section: Any, where: str, faults: Faults) -> Made | None:
    """What `make` returns of an optional section's options; None where it is absent, or wrong."""
    before = len(faults)
    if section is not None:
        check_options(make, section, where, faults)
    return None if section is None or len(faults) > before else make(**section)


def made(make: Callable[[], Any], where: str, faults: Faults) -> Any:
    """What `make` returns, or None and an error for each thing that was wrong with it."""
    try:
        return make()
    except WrongOptions as error:
        for fault in error.faults:
            faults.add(where, fault)
    except ValueError as error:
        faults.add(where, str(error))
    return None


def named_parts(package: str, section: Any, where: str, faults: Faults) -> tuple[Part, ...]:
    """The parts of a mapping of names to options that have no error."""
    if not isinstance(section, dict):
        faults.add(where, f"{section!r} is not a mapping of names to options")
        return ()
    found = [named_part(package, name, options, where, faults) for name, options in section.items()]
    return tuple(part for part in found if part)


def named_part(
    package: str, name: Any, entry: Any, where: str, faults: Faults, label_is_use: bool = True
) -> Part | None:
    """A part from its entry: options, with `use` for the file where it is not the name. Made once, to check it."""
    where = f"{where}.{name}"
    if not isinstance(name, str) or not NAME.fullmatch(name):
        faults.add(where, "not a name of letters, digits, '_', '.' and '-', at most 64 long")
        return None
    if entry is not None and not isinstance(entry, dict):
        faults.add(where, f"{entry!r} is not a mapping of options")
        return None
    options = dict(entry or {})
    use = options.pop("use", name if label_is_use else None)
    if not isinstance(use, str):
        faults.add(where, f"'use' is missing: one of {', '.join(parts.names(package))}")
        return None
    if label_is_use and use != name and name in parts.names(package):
        faults.add(where, f"{name!r} is a part of its own, and this uses {use!r}: give it another name")
        return None
    before = len(faults)
    made(lambda: parts.load(package, use, options), where, faults)
    return Part(name, use, parts.full_options(package, use, options)) if len(faults) == before else None
