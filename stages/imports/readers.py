"""Published results as one frame: CSV, TSV, Parquet and JSON tables, and the result files of evaluation libraries."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from stages.imports import logs
from stages.imports.raw import Raw, named, records
from stages.imports.spec import Spec, WrongImport
from stages.imports.text import SEPARATORS, text_table


def read_table(path: Path, spec: Spec) -> Raw:
    """The table in a file, or in the JSON files below a folder. Raises WrongImport."""
    if path.is_dir() or path.suffix == ".json":
        return _from_json(path, spec)
    if not path.is_file():
        raise WrongImport([f"{path.name}: no such file"])
    if path.suffix in SEPARATORS:
        frame, notes = text_table(path, SEPARATORS[path.suffix])
    elif path.suffix == ".parquet":
        frame, notes = _parquet(path), []
    else:
        remark = "; `inspect log convert --to json` makes JSON of it" if path.suffix == ".eval" else ""
        raise WrongImport([f"{path.name}: not one of: .csv, .tsv, .parquet, .json, or a folder of .json{remark}"])
    if spec.format == "inspect" or (spec.format is None and logs.is_inspect_frame(frame.columns)):
        return named(path.name, frame, notes, key=("model",), long=logs.INSPECT_FRAME)
    return named(path.name, frame, notes)


def _parquet(path: Path) -> pl.DataFrame:
    try:
        return pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise WrongImport([f"{path.name}: not a Parquet file: {str(error).splitlines()[0]}"]) from error


def _from_json(path: Path, spec: Spec) -> Raw:
    files = sorted(path.rglob("*.json")) if path.is_dir() else [path]
    if not files:
        raise WrongImport([f"{path.name}: no .json file in this folder"])
    faults: list[str] = []
    contents: dict[Path, Any] = {}
    for file in files:
        try:
            contents[file] = json.loads(file.read_text(encoding="utf-8"), object_pairs_hook=_once)
        except OSError as error:
            faults.append(f"{file.name}: {error.strerror}")
        except (ValueError, RecursionError) as error:
            faults.append(f"{file.name}: not JSON: {error}")
    if faults:
        raise WrongImport(faults)
    chosen = spec.format or logs.format_of(next(iter(contents.values())))
    if chosen == "table":
        if len(files) > 1:
            raise WrongImport([f"{path.name}: {len(files)} .json files of no format that is known; say 'format'"])
        return named(path.name, records(path.name, contents[path if path in contents else files[0]]), [])
    rows, lower = _logs(chosen, contents)
    frame = records(path.name, rows)
    key, long = logs.SHAPES[chosen]
    return named(path.name, frame, [f"{len(files)} {chosen} files"], frozenset(lower), key, long)


def _logs(chosen: str, contents: Mapping[Path, Any]) -> tuple[list[dict[str, Any]], set[str]]:
    rows: list[dict[str, Any]] = []
    lower: set[str] = set()
    faults: list[str] = []
    for file, content in contents.items():
        try:
            found, falling = logs.READERS[chosen](file, content)
        except logs.NotThatFormat as error:
            faults.append(f"{file.name}: {error}")
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            faults.append(f"{file.name}: not in the form of {chosen}: {type(error).__name__}: {error}")
        else:
            rows += found
            lower |= falling
    if faults:
        raise WrongImport(faults)
    return rows, lower


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"duplicate key {next(name for name in names if names.count(name) > 1)!r} in one object")
    return found
