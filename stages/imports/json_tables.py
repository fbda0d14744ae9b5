"""Tables in JSON: a list of rows, rows as JSON lines, a mapping of models, or of columns."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from stages.imports.archives import unpacked
from stages.imports.raw import Raw, check_header, named, short
from stages.imports.spec import Spec, WrongImport, spaced

SHAPES = "a list of objects, one for each row; a mapping of models to their values; a mapping of columns to lists"


def json_of(file: Path) -> Any:
    """The JSON in a file, in UTF-8, -16 or -32. Raises OSError, ValueError and RecursionError."""
    return json.loads(unpacked(file), object_pairs_hook=_once)


def json_lines_of(file: Path) -> list[Any]:
    """The JSON in each line of a file. Raises OSError, ValueError and RecursionError."""
    lines = enumerate(re.split("\r\n?|\n", unpacked(file).decode("utf-8-sig")), start=1)
    return [_line(number, text) for number, text in lines if text.strip()]


def table(source: str, content: Any, spec: Spec) -> Raw:
    """The table that is in JSON of some shape. Raises WrongImport."""
    rows, key = _rows(source, content, spec)
    if not rows or not all(isinstance(row, dict) for row in rows):
        raise WrongImport([f"{source}: not one of: {SHAPES}"])
    flat = [_flat_once(source, number, row) for number, row in enumerate(rows, start=1)]
    columns = tuple(dict.fromkeys(name for row in flat for name in row))
    return named(source, frame_of(source, flat, columns), [], key=key)


def frame_of(source: str, rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> pl.DataFrame:
    """Rows as a table of text; what is no text as JSON writes it. Raises WrongImport."""
    check_header(source, list(columns))
    try:
        return pl.DataFrame({name: [cell(row.get(name)) for row in rows] for name in columns}).cast(pl.String)
    except UnicodeEncodeError as error:
        raise WrongImport([f"{source}: text that is not Unicode: {error.object[error.start]!r}"]) from error


def _rows(source: str, content: Any, spec: Spec) -> tuple[list[Any], tuple[str, ...]]:
    """The rows of JSON of some shape, and the key that it gives them."""
    if isinstance(content, list):
        return content, ()
    if not isinstance(content, dict) or not content:
        return [], ()
    values = list(content.values())
    if all(isinstance(value, list) for value in values):
        lengths = {name: len(value) for name, value in content.items()}
        if len(set(lengths.values())) > 1:
            raise WrongImport([f"{source}: its columns have different lengths: {str(lengths)[:200]}"])
        return [dict(zip(content, row, strict=True)) for row in zip(*values, strict=True)], ()
    if not all(isinstance(value, dict) for value in values):
        return [], ()
    wanted = {*spec.capability, *spec.safety, *spec.lower_is_better}
    if wanted & {spaced(name) for name in content}:  # a mapping of columns to models, as pandas writes it
        models = dict.fromkeys(name for value in values for name in value)
        content = {model: {column: value.get(model) for column, value in content.items()} for model in models}
    key = spec.key[0] if len(spec.key) == 1 else "model"
    if any(key in row for row in content.values()):
        return list(content.values()), ()
    return [{key: model, **row} for model, row in content.items()], (key,)


def _flat_once(source: str, number: int, row: Mapping[str, Any]) -> dict[str, Any]:
    """A row without mappings inside it. Raises WrongImport where two of its values have one name then."""
    pairs = list(_flat(row))
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise WrongImport(
            [f"{source}: row {number}: two values of the name {short(twice)}, one of them inside another"]
        )
    return dict(pairs)


def _flat(row: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The values of a row, those of a mapping inside it as `outer/inner`."""
    for name, value in row.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{prefix}{name}/")
        else:
            yield f"{prefix}{name}", value


def cell(value: Any) -> str | None:
    """A value as text: as it is, or as JSON writes it."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value)


def _line(number: int, text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_once)
    except ValueError as error:
        raise ValueError(f"line {number}: {error}") from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"duplicate key {next(name for name in names if names.count(name) > 1)!r} in one object")
    return found
