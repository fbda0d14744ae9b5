"""Stage `plan`: params.yaml, checked and expanded to the runs, conditions and measurements that it asks for."""

from collections import Counter

from analysis.jumps.schema import JUMPS
from stages import artifacts, tables
from stages.artifacts import CHECKPOINT, COMPANION, RUN
from stages.store.code_snapshot import unedited
from stages.study import params
from stages.study.expansion import expanded


def main() -> None:
    """Write plan/runs.parquet, plan/cells.parquet, plan/measurements.parquet, plan/study.json and plan/audit.json."""
    study = params.read()
    with unedited():
        runs, cells, measurements = expanded(study)
    artifacts.PLANNED_RUNS.write(runs)
    artifacts.PLANNED_CELLS.write(cells)
    artifacts.PLANNED_MEASUREMENTS.write(measurements)
    data = {domain.domain: domain.data.spec() for domain in study.domains}
    tables.write_json({"name": study.name, "data": data}, artifacts.STUDY)
    tables.write_json({"digest": study.audit.digest, "options": study.audit.options}, artifacts.AUDIT)
    if not artifacts.RETRY.exists():
        tables.write_json({}, artifacts.RETRY)
    if not artifacts.REFINED.path.exists():
        artifacts.REFINED.write(JUMPS.empty())
    for domain in study.domains:
        counts = f"{len(domain.methods)} methods x {len(domain.models)} models x {len(domain.seeds)} seeds"
        roles = Counter(row["role"] for row in runs if row["domain"] == domain.domain)
        beside = "".join(f", {roles[role]} {role}s" for role in (CHECKPOINT, COMPANION) if roles[role])
        print(f"{study.name}: {counts} = {roles[RUN]} runs{beside}")
        print(f"{len(domain.conditions)} conditions, {len(domain.measurements)} measurements")
    print(study.audit.line)
    print(f"about {sum(row['flops'] for row in runs):.2g} FLOPs of training")
