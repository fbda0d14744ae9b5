"""Scores of items of the lm-evaluation-harness: what `--log_samples` writes beside the results.

A file for each task, `samples_TASK_DATE.jsonl` beside `results_DATE.json` (until 0.4.2 `MODEL_ARGS_TASK.jsonl` beside
`results.json`), with a line for each document and filter. An item is its `doc_id` with its document's hash, so that the
third question of two versions of a task is not one item. Older files do not say which filter a line is of: they have
the lines of one filter after those of another, in the order of the results. A group that is the mean over the documents
of its tasks has their items.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from stages.imports.items import Scores, with_items
from stages.imports.scores import Log, NotALog, Score, mapping_of

DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d(?:\.\d+)?")
ABOUT = (
    *("doc_id", "doc", "target", "arguments", "resps", "filtered_resps", "filter", "metrics", "doc_hash"),
    *("prompt_hash", "target_hash", "prompt_0", "logit_0"),
)
UNFILTERED = "none"
HASH = 8  # digits of a document's hash


def beside(file: Path, content: Any, log: Log) -> Log:
    """The log with the items that stand in files beside the results."""
    files = _files(file, content)
    samples: dict[str, dict[str, Scores]] = {}
    unread = {}
    for task, path in files.items():
        try:
            samples[task] = dict(_metrics(path, _filters(content["results"][task])))
        except (OSError, NotALog) as error:
            unread[path.name] = (isinstance(error, OSError) and error.strerror) or str(error)
    groups = mapping_of(content.get("group_subtasks"))
    found = with_items(log, lambda score: _of_score(score, samples, groups))
    return replace(found, beside=tuple(path.name for path in files.values()), unread=unread)


def _files(file: Path, content: Any) -> dict[str, Path]:
    """The file with the items of each task that has one."""
    date = DATE.search(file.name)
    arguments = mapping_of(content.get("config")).get("model_args")
    older = re.sub("/|=", "__", arguments) if isinstance(arguments, str) else ""
    found: dict[str, Path] = {}
    for task in mapping_of(content.get("results")):
        names = [f"samples_{task}_{date.group()}.jsonl"] if date else [f"samples_{task}.jsonl", f"{older}_{task}.jsonl"]
        there = [file.parent / name for name in names if "/" not in name and (file.parent / name).is_file()]
        found |= {task: there[0]} if there else {}
    return found


def _filters(scores: object) -> dict[str, list[str]]:
    """The filters of each metric of a task, in the order of its results."""
    found: dict[str, list[str]] = {}
    for name in mapping_of(scores):
        metric, _, kind = name.partition(",")
        found.setdefault(metric, []).append(kind or UNFILTERED)
    return found


def _metrics(path: Path, filters: Mapping[str, list[str]]) -> Iterator[tuple[str, Scores]]:
    """Each metric, as the results name it, with the items. Raises OSError and NotALog."""
    found: dict[str, list[tuple[str, Any]]] = {}
    copies: Counter[str] = Counter()
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
                item = _item(row)
            except (ValueError, KeyError, TypeError, RecursionError) as error:
                raise NotALog(f"line {number} is no item: {type(error).__name__}: {error}") from error
            for metric in row.get("metrics") or (name for name in row if name not in ABOUT):
                known = filters.get(metric) or [UNFILTERED]
                kind = str(row.get("filter") or known[min(copies[item], len(known) - 1)])
                shown = metric if kind == UNFILTERED else f"{metric},{kind}"
                found.setdefault(shown, []).append((item, row.get(metric)))
            copies[item] += 1
    yield from found.items()


def _item(row: Mapping[str, Any]) -> str:
    shown = str(row["doc_id"])
    return f"{shown} {str(row['doc_hash'])[:HASH]}" if row.get("doc_hash") else shown


def _of_score(score: Score, samples: Mapping[str, Mapping[str, Scores]], groups: Mapping[str, Any]) -> Scores | None:
    """The items of a score: those of its task, or, where it is a group, of all its tasks."""
    if score.task in samples:
        return samples[score.task].get(score.metric)
    tasks = _tasks(score.task, groups)
    if not tasks or not all(score.metric in samples.get(task, {}) for task in tasks):
        return None
    return [(f"{task} {item}", value) for task in tasks for item, value in samples[task][score.metric]]


def _tasks(group: str, groups: Mapping[str, Any], inside: tuple[str, ...] = ()) -> list[str]:
    """The tasks of a group, in it or in groups of it."""
    if group in inside or not isinstance(groups.get(group), list):
        return []
    below = [(name, _tasks(name, groups, (*inside, group))) for name in groups[group]]
    return list(dict.fromkeys(task for name, tasks in below for task in (tasks or [name])))
