"""Stage `plan`: params.yaml, checked and expanded to the runs, conditions and measurements that it asks for."""

from collections import Counter

from stages import artifacts, tables
from stages.artifacts import CHECKPOINT, RUN, SIBLING
from stages.part import read_part
from stages.store.code_snapshot import unedited
from stages.study import nested, params
from stages.study.expansion import described, expanded

BESIDE = {CHECKPOINT: "checkpoints", SIBLING: "sibling models"}  # what is trained beside the runs, as it is printed


def main() -> None:
    """Write plan/runs.parquet, plan/cells.parquet, plan/measurements.parquet, plan/study.json, plan/data.json and
    plan/audit.json."""
    study = params.read()
    with unedited():
        runs, cells, measurements = expanded(study)
    if part := read_part():
        runs = nested.part_of(artifacts.PLANNED_RUNS.frame(runs), part.taken).to_dicts()
    artifacts.PLANNED_RUNS.write(runs)
    artifacts.PLANNED_CELLS.write(cells)
    artifacts.PLANNED_MEASUREMENTS.write(measurements)
    tables.write_json({"name": study.name}, artifacts.STUDY)
    tables.write_json({task.name: described(task) for task in study.tasks}, artifacts.PLANNED_DATA)
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
        print(f"{len(task.conditions)} conditions, {len(task.measurements)} measurements")
    print(study.audit.line)
    print(f"about {sum(row['flops'] for row in runs):.2g} FLOPs of training")
