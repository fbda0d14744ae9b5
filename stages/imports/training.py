"""Checkpoints of one training: their steps, and what was trained."""

import re
from dataclasses import replace

import polars as pl

from stages.imports.cells import Reading
from stages.imports.raw import Raw
from stages.imports.spec import Spec
from stages.imports.wide import Wide, bad_cells, lines_of

STEP, TRAINING = "step", "training"  # columns of what is known of a model
REVISION = re.compile(r"(?:(.*\D)?)step[-_]?(\d+)")
FOLDER = re.compile(r"(.+)/(?:checkpoint|global[-_]?step|step|iter)[-_]?(\d+)")


def checkpoint_of(name: str, revision: str) -> tuple[int | None, str, str]:
    """The training step that a revision such as `step1000` or a folder such as `checkpoint-500` names, None where there
    is none; and the name and the revision without it.
    """
    if found := REVISION.fullmatch(revision):
        return int(found[2]), name, (found[1] or "").rstrip("-_/. ")
    if not revision and (found := FOLDER.fullmatch(name.rstrip("/"))):
        return int(found[2]), found[1], ""
    return None, name, revision


def with_training(raw: Raw, spec: Spec, faults: list[str]) -> Spec:
    """The spec with the columns of the step and of what was trained: as it says, else as the format does."""
    step = spec.step or raw.step
    if step is None:
        return spec
    training = raw.training if step == raw.step else tuple(name for name in spec.key if name != step)
    if not training or (spec.step and not raw.training and spec.step not in spec.key):
        faults.append(f"{spec.source}: step: {step!r} is not one of several columns of the key: key: [model, {step}]")
        return replace(spec, step=None)
    return replace(spec, step=step, training=training)


def training_of(source: str, wide: Wide, spec: Spec, reading: Reading, faults: list[str]) -> dict[str, pl.Series]:
    """The step of each row, and what was trained; empty where no step is known of any."""
    if spec.step is None:
        return {}
    cells = wide.about[spec.step]
    found = reading.numbers(cells)
    faults += bad_cells(source, spec.step, wide.rows, cells, found.bad, "a training step")
    odd = ((found.value < 0) | (found.value != found.value.round()) | (found.value >= 2.0**53)).fill_null(False)
    faults += lines_of(source, spec.step, wide.rows, found.value, odd, "is no training step: those are whole")
    parts = [pl.col(name).cast(pl.String).str.strip_chars().fill_null("") for name in spec.training]
    training = wide.about.select(pl.concat_str(parts, separator=", ").alias(TRAINING))[TRAINING]
    whole = found.value.set(odd, None) if odd.any() else found.value
    return {STEP: whole.cast(pl.Int64), TRAINING: training}
