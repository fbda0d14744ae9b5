"""`diffprog jumps`: the curves that jump, and the runs inside their brackets that would show how abrupt they are."""

import argparse
import io
import os
import secrets
import shutil
from collections.abc import Mapping
from math import log2
from pathlib import Path
from typing import Any

import polars as pl
from ruamel.yaml import YAML

from analysis.jumps.curves import POOLED
from analysis.jumps.labels import JUMP, NONE
from analysis.jumps.schema import JUMPS, KEY
from stages import artifacts, domains
from stages.study import params
from stages.study.checks import WrongParams
from stages.study.model import Part, Task
from stages.terminal import say

EXAMPLES = {
    "diffprog jumps": "the curves that jump",
    "diffprog jumps --refine": "and add the runs that would show how abruptly to params.yaml",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`[FILE] [--refine]`."""
    parser.add_argument("file", nargs="?", type=Path, default=Path("params.yaml"), help="default: params.yaml")
    parser.add_argument("--refine", action="store_true", help="add runs inside the brackets to params.yaml")


def run(chosen: argparse.Namespace) -> int:
    """Print every curve that is no flat or smooth one; with --refine, add what its bracket lacks to params.yaml."""
    found = artifacts.finding(JUMPS)
    counts = found.group_by("axis", "label").len().sort("axis", "len", descending=[False, True])
    for (axis,), rows in counts.group_by("axis", maintain_order=True):
        say(f"over {axis}: " + ", ".join(f"{count} {label}" for _, label, count in rows.iter_rows()))
    shown = found.filter(~pl.col("label").is_in([NONE, "SMOOTH", "UNDETERMINED"]))
    for row in shown.iter_rows(named=True):
        state = " (confirmed)" if row["confirmed"] else " (candidate)" if row["label"] == JUMP else ""
        say(f"  {named(row)}: {row['label']}{state}, {row['reason']}")
    candidates = found.filter(pl.col("label") == JUMP, ~pl.col("confirmed")).to_dicts()
    study = params.read(chosen.file)
    wanted = [(row, additions(row, task)) for row in candidates for task in study.tasks if task.name == row["task"]]
    for row, added in wanted:
        say(f"  {named(row)}: {described(added) or 'nothing lies between its neighbours'}")
    if chosen.refine and any(added for _, added in wanted):
        schedule(wanted, chosen.file)
        say(f"added to {chosen.file}; `dvc repro` runs them, and a jump that stays as abrupt is confirmed")
    elif chosen.refine:
        say("nothing to refine")
    return 0


def named(row: Mapping[str, Any]) -> str:
    """Which curve it is."""
    return f"{row['measurement']} of {row['model'] or row['family']}, over {row['axis']}"


def additions(row: Mapping[str, Any], task: Task) -> dict[str, list[int]]:
    """What the study would need for the proposed positions of a jump: widths by family, or `steps`."""
    if row["axis"] == "step":
        there = {*task.checkpoints.steps}
        return {"steps": sorted({round(2**x) for x in row["proposed"]} - there)}
    found = {}
    for label, models in ladders(task).items():
        if row["family"] in (POOLED, models[0].use) and (widths := new_widths(models, row, task)):
            found[label] = widths
    return found


def ladders(task: Task) -> dict[str, list[Part]]:
    """The models of each entry of params.yaml's `models`."""
    found: dict[str, list[Part]] = {}
    for model in task.models:
        found.setdefault(model.name.rpartition("-")[0], []).append(model)
    return found


def new_widths(models: list[Part], row: Mapping[str, Any], task: Task) -> list[int]:
    """The widths of a ladder that lie nearest to a jump's proposed positions, without those that are there."""
    there = {int(model.options["width"]): size(model, row["axis"], task) for model in models}
    every = dict(there)
    for width in range(min(there) + 1, max(there)):
        model = Part(f"{models[0].use}-{width}", models[0].use, {**models[0].options, "width": width})
        try:
            every[width] = size(model, row["axis"], task)
        except ValueError:
            continue  # a width that the architecture does not take
    inside = [x for x in row["proposed"] if there[min(there)] < x < there[max(there)]]
    nearest = {min(every, key=lambda width: abs(every[width] - x)) for x in inside}
    return sorted(nearest - {*there})


def size(model: Part, axis: str, task: Task) -> float:
    """Where a standard run of the model lies on the axis: log2 of its parameters, or of its training FLOPs. Raises
    ValueError for options that the model does not take.
    """
    domain = domains.domain(task.domain)
    cost = domain.cost(model.spec(), task.shape)
    if axis == "log2_parameters":
        return log2(cost.parameters)
    return log2(cost.flops_an_example * domain.training_examples(task.shape, task.training))


def described(added: Mapping[str, list[int]]) -> str:
    """The additions in words."""
    said = [
        f"{'steps' if name == 'steps' else f'{name} of width'} {', '.join(map(str, values))}"
        for name, values in added.items()
        if values
    ]
    return "run " + " and ".join(said) if said else ""


def replace(path: Path, text: str) -> None:
    """Write a file of the user's aside, then put it in the place of the old one, with its mode: a reader, or a later
    run, finds the one or the other whole. Raises WrongParams where it can't be written.
    """
    path = path.resolve()  # a link stays one
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with aside.open("x", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        shutil.copymode(path, aside)
        os.replace(aside, path)
    except OSError as error:
        raise WrongParams([f"{path.name}: cannot be written, and is as it was: {error.strerror}"]) from error
    finally:
        aside.unlink(missing_ok=True)


def schedule(wanted: list[tuple[dict[str, Any], dict[str, list[int]]]], path: Path) -> None:
    """Add the widths and steps to params.yaml, comments kept, and the jumps as they are now to plan/refined.parquet."""
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 120
    content = yaml.load(path.read_text(encoding="utf-8"))
    for row, added in wanted:
        section = content[row["task"]]
        for name, values in added.items():
            if name == "steps":
                task = next(task for task in params.read(path).tasks if task.name == row["task"])
                section["evaluate_at"]["steps"] = sorted({*task.checkpoints.steps, *values})
            else:
                widths = section["models"][name]["widths"]
                widths += sorted(set(values) - set(widths))
    kept = artifacts.REFINED.read()
    new = pl.DataFrame([row for row, added in wanted if any(added.values())], schema=artifacts.REFINED.table.columns)
    artifacts.REFINED.write(pl.concat([kept.join(new, on=["task", *KEY], how="anti"), new]))
    text = io.StringIO()
    yaml.dump(content, text)
    replace(path, text.getvalue())
