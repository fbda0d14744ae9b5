"""Scores of items in Inspect's logs: each sample's score, over its epochs as the log's own reducer has it.

A log holds them reduced (`reductions`; in an .eval file `reductions.json`), and as they were, a score for each sample
and epoch (`samples`; `summaries.json`), which are read where the former are not there: their mean over epochs then.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from stages.imports import archives
from stages.imports.formats.inspect import MEANS, shown
from stages.imports.items import Scores, with_items
from stages.imports.scores import Log, NotALog, Score, mapping_of

GRADES = {"C": 1.0, "I": 0.0, "P": 0.5, "N": 0.0, "yes": 1.0, "true": 1.0, "no": 0.0, "false": 0.0}  # as Inspect's
ARCHIVE = ".eval"


def beside(file: Path, content: Any, log: Log) -> Log:
    """The log with the items that stand in it."""
    try:
        reductions = _part(file, content, "reductions", "reductions.json")
        samples = [] if reductions else _part(file, content, "samples", "summaries.json")
    except (OSError, NotALog) as error:
        return replace(log, remarks=(*log.remarks, f"its samples cannot be read: {error}"))
    scores = mapping_of(content.get("results")).get("scores") or []
    told = {shown(score, scores): score for score in scores}
    return with_items(log, lambda score: _of_score(score, told, reductions, samples))


def _part(file: Path, content: Any, name: str, member: str) -> Sequence[Mapping[str, Any]]:
    found = archives.member(file, member) if file.suffix.lower() == ARCHIVE else content.get(name)
    return [mapping_of(each) for each in found] if isinstance(found, list) else []


def _of_score(
    score: Score,
    told: Mapping[str, Mapping[str, Any]],
    reductions: Sequence[Mapping[str, Any]],
    samples: Sequence[Mapping[str, Any]],
) -> Scores | None:
    name, _, metric = score.metric.rpartition("/")
    about = told.get(name)
    if about is None or metric not in MEANS:
        return None
    scorer = about.get("scorer") or about["name"]
    for one in reductions:
        if one.get("scorer") == scorer and one.get("reducer") == about.get("reducer"):
            rows = [mapping_of(row) for row in one.get("samples") or ()]
            return _known((str(row.get("sample_id")), _value(row.get("value"), about)) for row in rows)
    of_item: dict[str, list[Any]] = {}
    for sample in samples:
        found = mapping_of(mapping_of(sample.get("scores")).get(scorer))
        of_item.setdefault(str(sample.get("id")), []).append(_value(found.get("value"), about))
    return _known((item, _mean(values)) for item, values in of_item.items())


def _known(scores: Iterable[tuple[str, Any]]) -> Scores:
    """Without the samples that were not scored."""
    return [(item, value) for item, value in scores if value is not None and value == value]


def _value(value: Any, about: Mapping[str, Any]) -> Any:
    """A score as a number, as Inspect takes it; of a scorer with several values the one of this name."""
    if isinstance(value, dict):
        value = value.get(about["name"])
    if isinstance(value, bool):
        return float(value)
    if isinstance(value, str):
        grade = GRADES.get(value, GRADES.get(value.lower()))
        return grade if grade is not None else _number(value)
    return value


def _number(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text


def _mean(values: Sequence[Any]) -> Any:
    known = [value for value in values if value is not None]
    odd = [value for value in known if not isinstance(value, (int, float))]
    return odd[0] if odd else sum(known) / len(known) if known else None
