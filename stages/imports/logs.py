"""Logs of evaluation libraries gathered into one long table: whose numbers they are, and which measure the same.

Logs of one model are told apart by how it was run only where they measure the same and differ there; tasks by their
settings only where the logs of the folder differ in them. So a name never stands for two things.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from stages.imports.cells import MISSING, NOT_A_NUMBER
from stages.imports.directions import known
from stages.imports.raw import short
from stages.imports.scores import Log, Score, with_settings
from stages.imports.spec import WrongImport
from stages.imports.training import STEP, TRAINING, checkpoint_of

LONG = {"measurement": ("measurement",), "value": "value", "standard_error": "standard_error", "n": "n"}
KEY = ("model",)
COLUMNS = (*KEY, "name", "base", "adapter", "revision", STEP, TRAINING, "measurement", "value", "standard_error", "n")
ADAPTERS = ("peft", "delta", "adapter")  # what of an identity is a method, whose baseline is the model without it
MOST_NAMED = 5


@dataclass
class Gathered:
    """The rows of a long table, which way each measurement is better (None: not known), and notes."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    directions: dict[str, bool | None] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    of_items: list[pl.DataFrame] = field(default_factory=list)

    def checkpoints(self) -> dict[str, Any]:
        """The columns with the step of a checkpoint and with what was trained; nothing where no step is known."""
        return {STEP: STEP, TRAINING: (TRAINING,)} if any(row[STEP] is not None for row in self.rows) else {}

    def items(self) -> pl.DataFrame | None:
        """The items of the values that count: model, measurement, item, value; None where there are none."""
        return pl.concat(self.of_items) if self.of_items else None


def gathered(logs: Mapping[str, Log]) -> Gathered:
    """The scores of all logs, by file. Raises WrongImport where two files of the same age measure the same."""
    found, faults = Gathered(), []
    names = measurement_names(logs)
    apart = settings_apart(logs, names)
    models = model_names(logs, apart)
    bases = base_names(logs, apart, models)
    newest: dict[tuple[str, str], tuple[str, dict[str, Any], pl.DataFrame | None]] = {}
    replaced: dict[str, str] = {}
    told: dict[str, set[bool]] = defaultdict(set)
    metrics: dict[str, str] = {}
    ranges: dict[str, dict[tuple[float, float], str]] = defaultdict(dict)
    for file in sorted(logs, key=lambda file: (logs[file].date, file)):
        log = logs[file]
        for score in log.scores:
            name = names[_task_key(score), score.metric]
            row = _row(models[file], bases.get(file), log, name, score)
            earlier = newest.get((row["model"], name))
            if earlier and _is_missing(score.value) and not _is_missing(earlier[1]["value"]):
                said = f"has no value, and that in {earlier[0]} counts"
                found.notes.append(f"{file}: {name!r} of {row['model']!r} {said}")
                continue
            if earlier and _differ(earlier[1], row):
                if logs[earlier[0]].date == log.date:
                    other = f"{earlier[1]['value']} in {earlier[0]}; leave one out"
                    faults.append(f"{file}: {name!r} of {row['model']!r} is {row['value']}, and {other}")
                replaced[earlier[0]] = file
            same = earlier[2] if earlier and not _differ(earlier[1], row) else None
            newest[row["model"], name] = file, row, same if score.items is None else score.items
            metrics[name] = (score.metric or score.task).rpartition("/")[2]
            if score.range:
                ranges[name].setdefault(score.range, file)
            told[name] |= {score.higher_is_better} - {None}  # type: ignore[arg-type]
    faults += [f"{name!r}: the files disagree on its direction" for name, ways in told.items() if len(ways) > 1]
    faults += [
        f"{name!r}: the files disagree on its range: "
        + ", ".join(f"{low:g} to {high:g} in {file}" for (low, high), file in of.items())
        for name, of in ranges.items()
        if len(of) > 1
    ]
    if faults:
        raise WrongImport(faults)
    found.rows = [row for _, row, _ in newest.values()]
    for (model, name), (_, _, items) in newest.items():
        if items is not None:
            about = pl.lit(model).alias("model"), pl.lit(name).alias("measurement")
            found.of_items.append(items.select(*about, pl.all()))
    found.directions = {name: next(iter(told[name]), known(metric)) for name, metric in metrics.items()}
    found.notes += _joined(logs, models)
    found.notes += [f"{old}: measured again in {new}, which counts" for old, new in sorted(replaced.items())]
    for remark in dict.fromkeys(remark for log in logs.values() for remark in log.remarks):
        found.notes.append(f"{listed([file for file, log in logs.items() if remark in log.remarks])}: {remark}")
    return found


def measurement_names(logs: Mapping[str, Log]) -> dict[tuple[tuple[str, tuple[Any, ...]], str], str]:
    """The name of each metric of each task: `task/metric`, with the settings of the task that differ in the folder."""
    settings: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    scores = [score for log in logs.values() for score in log.scores]
    every: dict[str, set[str]] = defaultdict(set)
    for score in scores:
        every[score.task] |= set(score.settings)
    for score in scores:
        for key in every[score.task]:
            settings[score.task][key].add(score.settings.get(key, "none"))
    names = {}
    for score in scores:
        differing = {key: score.settings.get(key, "none") for key, of in settings[score.task].items() if len(of) > 1}
        shown = f"{score.task} ({with_settings('', differing)[2:]})" if differing else score.task
        names[_task_key(score), score.metric] = f"{shown}/{score.metric}" if score.metric else shown
    return names


def settings_apart(logs: Mapping[str, Log], names: Mapping[Any, str]) -> dict[str, list[str]]:
    """The settings of a run that tell the logs of each model apart, by its name with its identity."""
    groups: dict[str, list[Log]] = defaultdict(list)
    for log in logs.values():
        groups[log.name].append(log)
    return {name: _telling(group, names) if len(group) > 1 else [] for name, group in groups.items()}


def model_names(logs: Mapping[str, Log], apart: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """The key of each file's model: its name and identity, and how it was run where that tells two files apart."""
    return {file: with_settings(log.name, _run(log, apart[log.name])) for file, log in logs.items()}


def base_names(
    logs: Mapping[str, Log], apart: Mapping[str, Sequence[str]], models: Mapping[str, str]
) -> dict[str, str]:
    """The key of the model that each file's adapter was put on: of its revision and quantisation, and run as it was
    where that tells either of them apart.
    """
    files: dict[str, list[str]] = defaultdict(list)
    for file, log in logs.items():
        files[log.name].append(file)
    found = {}
    for file, log in logs.items():
        if log.identity.keys() & set(ADAPTERS):
            base = with_settings(log.model, {key: log.identity[key] for key in log.identity if key not in ADAPTERS})
            told = _run(log, [*apart[log.name], *apart.get(base, ())])
            same = (models[other] for other in files[base] if _run(logs[other], list(told)) == told)
            found[file] = next(same, with_settings(base, _run(log, apart[log.name])))
    return found


def _joined(logs: Mapping[str, Log], models: Mapping[str, str]) -> list[str]:
    """A line on the models whose logs were run in different ways, and are one as they measure nothing in common."""
    groups: dict[str, list[Mapping[str, str]]] = defaultdict(list)
    for file, log in logs.items():
        groups[models[file]].append(log.run)
    ways = {
        model: {key for run in runs for key in run if len({other.get(key) for other in runs}) > 1}
        for model, runs in groups.items()
    }
    joined = [model for model, keys in ways.items() if keys]
    shown = ", ".join(map(short, joined[:MOST_NAMED])) + (", ..." if len(joined) > MOST_NAMED else "")
    keys = ", ".join(sorted(set().union(*ways.values())))
    said = f"of one model, as they measure nothing in common, are logs that were run differently ({keys}): {shown}"
    return [said] if joined else []


def _run(log: Log, keys: Sequence[str]) -> dict[str, str]:
    return {key: log.run.get(key, "none") for key in keys}


def _telling(logs: Sequence[Log], names: Mapping[Any, str]) -> list[str]:
    """The settings in which logs differ that measure the same."""
    by_name: dict[str, list[Log]] = defaultdict(list)
    for log in logs:
        for name in {names[_task_key(score), score.metric] for score in log.scores}:
            by_name[name].append(log)
    telling: dict[str, None] = {}
    for same in by_name.values():
        for key in dict.fromkeys(key for log in same for key in log.run) if len(same) > 1 else ():
            if len({log.run.get(key) for log in same}) > 1:
                telling[key] = None
    return list(telling)


def _task_key(score: Score) -> tuple[str, tuple[Any, ...]]:
    return score.task, tuple(sorted(score.settings.items()))


def _row(model: str, base: str | None, log: Log, name: str, score: Score) -> dict[str, Any]:
    revision = log.identity.get("revision", "")
    step, name_of_training, rest = checkpoint_of(log.model, revision)
    left = {key: rest if key == "revision" else value for key, value in log.identity.items()}
    trained = with_settings(name_of_training, {key: value for key, value in left.items() if value})
    return {
        "model": model,
        "name": log.model,
        "base": base,
        "adapter": next((log.identity[name] for name in ADAPTERS if name in log.identity), None),
        "revision": revision or None,
        STEP: step,
        TRAINING: trained + model.removeprefix(log.name),
        "measurement": name,
        "value": score.value,
        "standard_error": score.standard_error,
        "n": score.n,
    }


def _is_missing(value: object) -> bool:
    return value is None or str(value).strip().lower() in (*MISSING, *NOT_A_NUMBER)


def _differ(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return any(str(one[column]) != str(other[column]) for column in ("value", "standard_error", "n"))


def listed(files: Sequence[str]) -> str:
    """The first few of several files, and how many they are."""
    shown = ", ".join(files[:MOST_NAMED]) + (", ..." if len(files) > MOST_NAMED else "")
    return shown if len(files) == 1 else f"{len(files)} files ({shown})"
