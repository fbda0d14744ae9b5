"""Stage `plan`: params.yaml, checked and expanded to the runs, conditions and measurements that it asks for."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from cluster import session
from cluster.connection import ClusterError
from stages import artifacts, tables
from stages.artifacts import CHECKPOINT, PARAMS, RUN, SIBLING
from stages.part import read_part
from stages.store.code_snapshot import copied
from stages.store.unedited import unedited
from stages.study import nested, params
from stages.study.edited import params_digest
from stages.study.expansion import described, expanded
from stages.study.watched import WATCHED

BESIDE = {CHECKPOINT: "checkpoints", SIBLING: "sibling models"}  # what is trained beside the runs, as it is printed


def main() -> None:
    """Write plan/runs.parquet, plan/cells.parquet, plan/measurements.parquet, plan/study.json, plan/data.json,
    plan/params.json and plan/audit.json."""
    begin_ray()
    with unedited(PARAMS, WATCHED):
        study = params.read()
        runs, cells, measurements = expanded(study)
        asked = params_digest()
    if part := read_part():
        runs = nested.part_of(artifacts.PLANNED_RUNS.frame(runs), part.taken).to_dicts()
    artifacts.PLANNED_RUNS.write(runs)
    artifacts.PLANNED_CELLS.write(cells)
    artifacts.PLANNED_MEASUREMENTS.write(measurements)
    tables.write_json({"name": study.name}, artifacts.STUDY)
    tables.write_json({task.name: described(task) for task in study.tasks}, artifacts.PLANNED_DATA)
    tables.write_json({"digest": asked}, artifacts.PLANNED_PARAMS)
    tables.write_json({"digest": study.audit.digest, "options": study.audit.options}, artifacts.AUDIT)
    if not artifacts.RETRY.exists():
        tables.write_json({}, artifacts.RETRY)
    if not artifacts.REFINED.path.exists():
        artifacts.REFINED.write([])
    for task in study.tasks:
        counts = f"{len(task.methods)} methods x {len(task.models)} models x {task.seed_counts}"
        counts += ", in part" * bool(part)
        roles = Counter(row["role"] for row in runs if row["task"] == task.name)
        beside = "".join(f", {roles[role]} {called}" for role, called in BESIDE.items() if roles[role])
        print(f"{study.name}: {task.name}: {counts} = {roles[RUN]} runs{beside}")
        if task.cohort > 1:
            print(f"{task.cohort} runs of a model are trained at once; {alone(task.name, runs)}")
        print(f"{len(task.conditions)} conditions, {len(task.measurements)} measurements")
    print(study.audit.line)
    print(f"about {sum(row['flops'] for row in runs):.2g} FLOPs of training")


def begin_ray() -> None:
    """Have Ray start meanwhile, as most plans need it. What is in its way, the stage that needs it says."""
    with suppress(ClusterError), copied() as code:
        session.begin(code)


def alone(task: str, runs: Iterable[Mapping[str, Any]]) -> str:
    """Which methods of a task have runs that are trained one at a time, in words."""
    every = [row for row in runs if row["task"] == task and row["role"] == RUN]
    names = dict.fromkeys(row["method"] for row in every if "cohort" not in json.loads(row["spec"]))
    return f"one at a time, some or all runs of {', '.join(names)}" if names else "no method's one at a time"
