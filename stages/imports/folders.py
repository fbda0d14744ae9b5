"""Files of an evaluation library, one or a folder of them: one that cannot be read is named, the others go in."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from analysis.words import several
from stages.imports import archives
from stages.imports.formats import ITEMS, READERS, helm, inspect, robustbench
from stages.imports.json_tables import frame_of, json_of, table
from stages.imports.logs import COLUMNS, KEY, LONG, gathered, listed
from stages.imports.raw import Raw, named
from stages.imports.scores import Log, NotALog
from stages.imports.sound import sound
from stages.imports.spec import Spec, WrongImport

SUFFIXES = (".json", ".eval", ".jsonl")
ONLY_ITEMS = "is a list of items, not of scores"
BESIDE = {**dict.fromkeys(inspect.BESIDE, "Inspect"), **dict.fromkeys(helm.BESIDE, "HELM")}


def from_files(path: Path, spec: Spec, strict: bool) -> Raw:
    """What the .json and .eval files below a folder say, or one such file. Raises WrongImport."""
    files = _files(path) if path.is_dir() else {path.name: path}
    contents, reasons = _contents(files)
    formats = {file: spec.format or _format(files[file], content) for file, content in contents.items()}
    whole = {file for file, kind in formats.items() if kind == "table"}
    if len(files) == 1 and whole:
        return table(path.name, contents[next(iter(files))], spec)
    if "robustbench" in formats.values():
        reasons |= {file: "is not of RobustBench's form" for file, kind in formats.items() if kind != "robustbench"}
        rows = _rows({file: contents[file] for file in formats if file not in reasons}, files, reasons)
        return _told(path, _wide(path.name, rows, reasons), reasons, strict, {"robustbench": len(rows)})
    reasons |= dict.fromkeys(whole, f"is no log of a format that is known: {', '.join(READERS)}")
    logs: dict[str, Log] = {}
    for file, kind in formats.items():
        if file not in reasons:
            _read(kind, files[file], contents[file], file, spec, logs, reasons)
    _refuse(path, logs, reasons)
    for file, log in logs.items():
        reasons = _beside(Path(file).parent, log, reasons)
    found = gathered(logs)
    kinds = Counter(formats[file] for file in logs)
    raw = named(path.name, frame_of(path.name, found.rows, COLUMNS), found.notes, found.directions, KEY, LONG)
    raw = replace(raw, items=found.items(), **found.checkpoints())
    return _told(path, raw, reasons, strict, kinds)


def _files(path: Path) -> dict[str, Path]:
    """The files below a folder, without hidden ones, by their path in it."""
    below = sorted(file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES and file.is_file())
    found = {str(file.relative_to(path)): file for file in below}
    shown = {name: file for name, file in found.items() if not any(part.startswith(".") for part in Path(name).parts)}
    if not shown:
        raise WrongImport([f"{path.name}: no .json or .eval file in this folder"])
    return shown


def _contents(files: Mapping[str, Path]) -> tuple[dict[str, Any], dict[str, str]]:
    """The JSON of each file, and why there is none. What libraries write beside their results is not opened."""
    contents, reasons = {}, {}
    for name, file in files.items():
        if file.name in BESIDE and len(files) > 1:
            reasons[name] = f"is no log: {BESIDE[file.name]} writes it beside its results"
            continue
        if file.suffix.lower() == ".jsonl":
            reasons[name] = ONLY_ITEMS
            continue
        try:
            contents[name] = archives.header(file) if file.suffix.lower() == ".eval" else json_of(file)
        except OSError as error:
            reasons[name] = error.strerror or str(error)
        except NotALog as error:
            reasons[name] = str(error)
        except (ValueError, RecursionError) as error:
            reasons[name] = f"not JSON: {error}"
    return contents, reasons


def _format(file: Path, content: Any) -> str:
    if robustbench.recognises(file, content):
        return "robustbench"
    return next((name for name, module in READERS.items() if module.recognises(file, content)), "table")


def _read(
    kind: str, file: Path, content: Any, name: str, spec: Spec, logs: dict[str, Log], reasons: dict[str, str]
) -> None:
    try:
        log, wrong = sound(READERS[kind].read(file, content), spec.missing)
        reasons |= {f"{name}: {score!r}": reason for score, reason in wrong.items()}
        log = ITEMS[kind](file, content, log) if kind in ITEMS else log
        if not isinstance(log.model, str) or not log.model.strip():
            raise NotALog("names no model")
        if not log.scores:
            raise NotALog("holds no other score" if wrong else "holds no score")
    except NotALog as error:
        reasons[name] = str(error)
    except (LookupError, TypeError, AttributeError, ValueError, RecursionError) as error:
        reasons[name] = f"not in the form of {kind}: {type(error).__name__}: {error}"
    else:
        logs[name] = log


def _beside(folder: Path, log: Log, reasons: Mapping[str, str]) -> dict[str, str]:
    """The reasons without those of files that were read beside a log, and with those of files that could not be."""
    read = {str(folder / name) for name in log.beside}
    unread = {str(folder / name): reason for name, reason in log.unread.items()}
    return {file: reason for file, reason in reasons.items() if file not in read} | unread


def _rows(contents: Mapping[str, Any], files: Mapping[str, Path], reasons: dict[str, str]) -> list[dict[str, Any]]:
    rows = []
    for name, content in contents.items():
        if isinstance(content, dict):
            rows.append(robustbench.read(files[name], content))
        else:
            reasons[name] = "not in the form of robustbench: not a mapping"
    return rows


def _wide(source: str, rows: list[dict[str, Any]], reasons: Mapping[str, str]) -> Raw:
    _refuse(Path(source), rows, reasons)
    columns = tuple(dict.fromkeys(name for row in rows for name in row))
    directions = dict.fromkeys((name for name in robustbench.LOWER if name in columns), False)
    return named(source, frame_of(source, rows, columns), [], directions, robustbench.KEY)


def _refuse(path: Path, found: Any, reasons: Mapping[str, str]) -> None:
    """Raise WrongImport where nothing was found."""
    if not found:
        raise WrongImport([f"{file}: {reason}" for file, reason in reasons.items()] or [f"{path.name}: no rows"])


def _told(path: Path, raw: Raw, reasons: Mapping[str, str], strict: bool, kinds: Mapping[str, int]) -> Raw:
    """The table with what was read and left out among its notes. Raises WrongImport where nothing may be left out."""
    refused = {
        file: reason for file, reason in reasons.items() if Path(file).name not in BESIDE and reason != ONLY_ITEMS
    }
    if refused and (strict or not path.is_dir()):
        raise WrongImport([f"{file}: {reason}" for file, reason in refused.items()])
    raw.notes[:0] = [*(several(count, f"{kind} file") for kind, count in kinds.items()), *left_out(reasons)]
    return raw


def left_out(reasons: Mapping[str, str]) -> list[str]:
    """A line for each reason for which files are left out, with the first few of them."""
    by_reason = defaultdict(list)
    for file, reason in reasons.items():
        by_reason[reason].append(file)
    return [f"left out: {listed(names)}: {reason}" for reason, names in by_reason.items()]
