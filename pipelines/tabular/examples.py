"""What the report shows of single rows, and of streams of them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.special import softmax

from pipelines.metrics.alarm_in_time import metric
from pipelines.outcomes import Outcomes
from pipelines.parts import defaults
from pipelines.showing import FLAGGED, Judged, Picture, Rows, Side, answers, class_name, judged, places
from pipelines.sketches import bars, drawing, letter, line, path, series
from pipelines.tabular.data import Examples
from pipelines.tabular.datasets.series import CLASSES, HOURS, SEEN

__all__ = ["done", "given", "judge", "note"]

Spec = Mapping[str, Any]
WIDE = 160  # of a stream's line


def note(condition: Spec) -> str:
    """What is to be said of the rows that are shown."""
    if condition["use"] == "alarm":
        return (
            "A stream of rows, from left to right: the stroke is where attacks begin, A where the monitor gave alarm."
        )
    said = "The line is a row's numbers in their order; a bar is the probability of a class, a dot marks the true one."
    if condition["use"] == "unseen":
        return f"{said} {FLAGGED}"
    if condition["use"] == "evasion":
        return (
            f"{said} Attacks were moved to evade each model by itself, and the moved rows are not stored: shown is the "
            "row before, with the answers after it."
        )
    return said


def judge(condition: Spec, outcomes: Outcomes) -> Judged | None:
    """Whether each row was answered right, each attack of an unseen family flagged; whether an alarm came in time."""
    values = outcomes.values
    if "alarm_at" not in values:
        return judged(outcomes)
    delay, within = values["alarm_at"] - values["change_at"], defaults(metric)["within"]
    in_time = ((delay >= 0) & (delay < within)).astype(np.float64)
    return Judged(in_time, worse=f"without alarm in the first {within} rows", better="with one")


def given(
    condition: Spec, examples: Examples, outcomes: Outcomes, rows: Rows, about: Mapping[str, Any]
) -> Sequence[Picture]:
    """The rows, each with its class and its part, such as a family of attacks."""
    split, names = examples.split, about["classes"]
    found = places(outcomes, examples.rows, split.labels, split.groups)
    pictures = []
    for row in rows:
        part = outcomes.parts[row]
        family = outcomes.part_names[part] if part >= 0 and outcomes.part_names else ""
        if "alarm_at" in outcomes.values:
            pictures.append(Picture(f"attacks: {family}"))
            continue
        label = class_name(int(outcomes.labels[row]), outcomes.logits.shape[1], names)
        said = f"outlier: {family}" if outcomes.labels[row] < 0 and family else label
        pictures.append(_row(said, None if found is None else split.rows[found[row]], tuple(names)))
    return pictures


def done(condition: Spec, examples: Examples, side: Side, rows: Rows, about: Mapping[str, Any]) -> Sequence[Picture]:
    """A model's probabilities of the classes, or when its monitor raised an alarm."""
    outcomes = side.outcomes
    if "alarm_at" in outcomes.values:
        at, change = (outcomes.values[name][rows].tolist() for name in ("alarm_at", "change_at"))
        length = examples.streams.shape[1]
        return [
            _stream(int(when) if when >= 0 else length, int(begun), length)
            for when, begun in zip(at, change, strict=True)
        ]
    chances = softmax(outcomes.logits[rows].astype(np.float64), axis=1)
    said = answers(outcomes, rows, about["classes"])
    truths = outcomes.labels[rows].tolist()
    return [
        Picture(words, drawing=bars(chance.tolist(), {"true": truth} if truth >= 0 else {}, words))
        for words, chance, truth in zip(said, chances, truths, strict=True)
    ]


def _row(said: str, row: np.ndarray | None, names: tuple[str, ...]) -> Picture:
    if row is None:
        return Picture(said)
    if names == CLASSES and len(row) == SEEN + 2:  # a series: values seen, then the hour
        hour = round(float(np.arctan2(row[SEEN], row[SEEN + 1])) * HOURS / (2 * np.pi)) % HOURS
        seen = row[:SEEN].tolist()
        words = f"next: {said}; hour {hour}"
        return Picture(words, drawing=series(seen, f"{words}, after {_numbers(seen)}", marks=[(SEEN - 1, seen[-1])]))
    values = row.tolist()
    return Picture(said, drawing=series(values, f"{said}: {_numbers(values)}", step=5))


def _numbers(values: Sequence[float]) -> str:
    return ", ".join(f"{value:.2g}" for value in values)


def _stream(alarm: int, change: int, length: int) -> Picture:
    late = "no alarm" if alarm >= length else f"alarm {change - alarm} too early" if alarm < change else ""
    words = late or f"alarm {alarm - change} rows after attacks begin"
    x = [WIDE * place / length for place in (change, alarm)]
    body = line([(0, 14), (WIDE, 14)], "soft") + path(f"M{x[0]:.0f} 6v16", "false")
    return Picture(words, drawing=drawing(WIDE, 24, body + (letter(x[1], 12, "A") if alarm < length else ""), words))
