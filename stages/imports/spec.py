"""The spec of an import: which columns of a published table are the key, capability, safety, scale; checked whole."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from unicodedata import normalize

from stages import documents
from stages.documents import NotYaml
from stages.imports.pairing_fields import Pairing, margins_field, pairs_field
from stages.study.checks import NAME, Faults

FORMATS = ("table", "lm-eval", "inspect", "lighteval", "helm", "every-eval-ever", "robustbench")
LONG = ("measurement", "value", "standard_error", "n")
LONGEST = 500  # characters of a name
SCALES = ("flops", "parameters")
MOST_HEADER_ROWS = 5
FIELDS = (
    *("study", "key", "family", "scale", "capability", "safety", "lower_is_better", "higher_is_better", "against"),
    *("percent", "ignore", "missing", "standard_error", "n", "long", "join", "decimal", "header", "format"),
    *("method", "baseline", "pairs", "within", "seed", "step", "released", "lab", "placebos", "margins"),
)
NAMED = ("method", "baseline", "seed", "step", "released", "lab")  # fields that name a column each


class WrongImport(ValueError):
    """Everything that is wrong with a spec and its table: one line each, in `faults`."""

    def __init__(self, faults: Sequence[str]):
        self.faults = [printable(fault) for fault in faults]
        super().__init__("\n".join(self.faults))


@dataclass(frozen=True)
class Spec:
    """What a table is to be read as. `scale` holds (column, factor) by name; `family` a column, {"regex": pattern} or
    globs on the key; `missing` the texts that stand for a missing cell; `standard_error` and `n` the columns with those
    of a measured one, by its name; `long` the columns of a long table (measurement: several); `join` further tables by
    prefix, each with how many rows of header it has; `decimal` the decimal mark; `header` how many rows the table's
    has. `method` and `baseline`, or `pairs`, say which rows are paired with which; `within` and `seed` are columns that
    tell rows of one key apart; `step` is that with the training step of a checkpoint, and `training` (of a log, or the
    rest of the key) those that name what was trained; `released` and `lab` say when and by whom a model was made;
    `margins` are on the audit's scales, `placebos` methods that do nothing.
    """

    source: str
    folder: Path
    study: str
    key: tuple[str, ...] = ()
    family: str | Mapping[str, str] | None = None
    scale: Mapping[str, tuple[str, float]] = field(default_factory=dict)
    capability: tuple[str, ...] = ()
    safety: tuple[str, ...] = ("*",)
    lower_is_better: tuple[str, ...] = ()
    higher_is_better: tuple[str, ...] = ()
    against: Mapping[str, str] = field(default_factory=dict)
    percent: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    standard_error: Mapping[str, str] = field(default_factory=dict)
    n: Mapping[str, str] = field(default_factory=dict)
    long: Mapping[str, Any] | None = None
    join: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    decimal: str | None = None
    header: int = 1
    format: str | None = None
    method: str | None = None
    baseline: str | None = None
    pairs: Pairing | None = None
    within: tuple[str, ...] = ()
    seed: str | None = None
    step: str | None = None
    training: tuple[str, ...] = ()
    released: str | None = None
    lab: str | None = None
    placebos: tuple[str, ...] = ()
    margins: Mapping[str, float] = field(default_factory=dict)

    @property
    def paired(self) -> bool:
        """Whether it says that rows are paired."""
        return bool(self.baseline or self.pairs)


def read_spec(path: Path) -> Spec:
    """The spec in a YAML file. Raises WrongImport with every fault in it."""
    try:
        document = documents.read(path)
    except OSError as error:
        raise WrongImport([f"{path.name}: {error.strerror}"]) from error
    except NotYaml as error:
        raise WrongImport([f"{path.name}: {error}"]) from error
    content = document.content
    if not isinstance(content, dict):
        raise WrongImport([f"{path.name}: not a mapping with 'study' and the columns of the table"])
    faults = Faults(path.name)
    for name in content:
        if name not in FIELDS:
            faults.add("", f"{name!r} is not one of: {', '.join(FIELDS)}")
    for duplicate in document.duplicates:
        faults.add("", duplicate)
    found = {name: content[name] for name in FIELDS if content.get(name) is not None}
    values: dict[str, Any] = {}
    for name, value in found.items():
        try:
            values[name] = _READ[name](value)
        except ValueError as error:
            faults.add(name, str(error))
    if "study" not in found:
        faults.add("", "'study' is missing")
    if faults:
        raise WrongImport(faults)
    return Spec(path.name, path.parent, **values)


def chosen(wanted: Sequence[str], columns: Sequence[str]) -> tuple[list[str], list[str]]:
    """The columns that names and globs choose, in order and each once, and the names that choose none."""
    found: dict[str, None] = {}
    unknown = []
    for name in wanted:
        matches = [name] if name in columns else [column for column in columns if fnmatchcase(column, name)]
        found |= dict.fromkeys(matches)
        if not matches and name != "*":
            unknown.append(name)
    return list(found), unknown


def not_a_column(name: str, columns: Sequence[str]) -> str:
    """That a name is no column, with the nearest one there is."""
    near = get_close_matches(name, columns, n=1)
    return f"{name!r} is not a column of the table" + (f" (nearest: {near[0]!r})" if near else "")


def printable(line: str) -> str:
    """A line with what can't be shown escaped."""
    return line if line.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in line)


def spaced(name: str) -> str:
    """A name composed (NFC), with each run of white space, newlines too, as one space."""
    return re.sub(r"\s+", " ", normalize("NFC", name)).strip()


def _study(value: Any) -> str:
    if not isinstance(value, str) or not NAME.fullmatch(value):
        raise ValueError(f"{value!r} is not a name of letters, digits, '_', '.' and '-', at most 64 long")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, (str, int, float)) or isinstance(value, bool):
        raise ValueError(f"{value!r} is not the name of a column")
    if len(str(value)) > LONGEST:
        raise ValueError(f"{str(value)[:40]!r}... has {len(str(value)):,} characters, at most {LONGEST}")
    return spaced(str(value))


def _names(value: Any) -> tuple[str, ...]:
    names = [_text(name) for name in (value if isinstance(value, list) else [value])]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f"{', '.join(map(repr, repeated))} is given more than once")
    return tuple(names)


def _mapping(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        raise ValueError(f"{value!r} is not a mapping")
    return {_text(name): _text(other) for name, other in value.items()}


def _family(value: Any) -> str | dict[str, str]:
    if not isinstance(value, dict):
        return _text(value)
    if list(value) == ["regex"]:
        if not isinstance(value["regex"], str):
            raise ValueError(f"{value['regex']!r} is not a regular expression")
        return {"regex": value["regex"]}
    return _mapping(value)


def _scale(value: Any) -> dict[str, tuple[str, float]]:
    if not isinstance(value, dict) or not set(value) <= set(SCALES):
        raise ValueError(f"{value!r} is not a mapping of {' and '.join(SCALES)} to columns")
    found = {}
    for name, entry in value.items():
        if not isinstance(entry, dict):
            found[name] = (_text(entry), 1.0)
        elif set(entry) <= {"column", "times"} and "column" in entry and _positive(entry.get("times", 1)):
            found[name] = (_text(entry["column"]), float(entry.get("times", 1)))
        else:
            raise ValueError(f"{name}: {entry!r} is not a column, nor a mapping of 'column' and 'times', above 0")
    return found


def _positive(value: Any) -> bool:
    try:
        return not isinstance(value, bool) and 0 < float(value) < float("inf")
    except (TypeError, ValueError):
        return False


def _long(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict) or not set(value) <= set(LONG) or not {"measurement", "value"} <= set(value):
        raise ValueError(f"{value!r} is not a mapping of measurement and value (and standard_error, n) to columns")
    return {name: _names(entry) if name == "measurement" else _text(entry) for name, entry in value.items()}


def _join(value: Any) -> dict[str, tuple[str, int]]:
    if not isinstance(value, dict):
        raise ValueError(f"{value!r} is not a mapping")
    found = {}
    for prefix, entry in value.items():
        if not isinstance(entry, dict):
            found[_text(prefix)] = (_text(entry), 1)
        elif set(entry) <= {"file", "header"} and "file" in entry:
            found[_text(prefix)] = (_text(entry["file"]), _header(entry.get("header", 1)))
        else:
            raise ValueError(f"{prefix}: {entry!r} is not a file, nor a mapping of 'file' and 'header'")
    return found


def _decimal(value: Any) -> str:
    if value not in (".", ","):
        raise ValueError(f"{value!r} is not one of: '.', ','")
    return str(value)


def _header(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MOST_HEADER_ROWS:
        raise ValueError(f"{value!r} is not a number of rows from 1 to {MOST_HEADER_ROWS}")
    return value


def _format(value: Any) -> str:
    if value not in FORMATS:
        raise ValueError(f"{value!r} is not one of: {', '.join(FORMATS)}")
    return str(value)


_READ = {
    "study": _study,
    "key": _names,
    "family": _family,
    "scale": _scale,
    **dict.fromkeys(("capability", "safety", "lower_is_better", "higher_is_better", "percent"), _names),
    **dict.fromkeys(("ignore", "missing"), _names),
    **dict.fromkeys(("against", "standard_error", "n"), _mapping),
    "join": _join,
    "decimal": _decimal,
    "header": _header,
    "long": _long,
    "format": _format,
    **dict.fromkeys(NAMED, _text),
    **dict.fromkeys(("within", "placebos"), _names),
    "pairs": pairs_field,
    "margins": margins_field,
}
