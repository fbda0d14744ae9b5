"""A study expanded to the runs, conditions and measurements that it asks for: the rows of the plan's tables."""

import importlib
import itertools
import json
from dataclasses import dataclass
from typing import Any

from pipelines import measuring
from pipelines.measuring import declared
from stages.artifacts import CHECKPOINT, COMPANION, RUN
from stages.store.code_path import CodePath
from stages.study.model import DomainStudy, Measurement, Part, Study


def expanded(study: Study) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]]]:
    """The rows of the tables PLANNED_RUNS, PLANNED_CELLS and PLANNED_MEASUREMENTS."""
    code = CodePath()
    return (
        [row for domain in study.domains for row in planned_runs(domain, code)],
        [row for domain in study.domains for row in planned_cells(domain, code)],
        [planned_measurement(domain, item, code) for domain in study.domains for item in domain.measurements],
    )


def planned_runs(study: DomainStudy, code: CodePath) -> list[dict[str, Any]]:
    """A row for every method, model and seed."""
    work = importlib.import_module(f"pipelines.{study.domain}.domain")
    costs = {model.name: work.cost(model.spec(), study.shape) for model in study.models}
    images = study.shape.train * study.training["epochs"]
    rows = []
    for method in study.methods:
        multiple = work.training_cost(method.spec())
        own = work.own_model(method.spec())
        for model in study.models:
            parameters = (
                work.parameters(model.spec(), method.spec(), study.shape) if own else costs[model.name].parameters
            )
            digests = {
                companion: code.digest(work.training_modules(run_spec(study, method, model, 0, companion)))
                for companion in (None, *companions(study, work))
            }
            for seed, role in itertools.product(study.seeds, roles(study, method, work)):
                spec = run_spec(study, method, model, seed, role.companion)
                rows.append(
                    {
                        "run": f"{method.name}/{model.name}/{seed}{role.suffix}",
                        "domain": study.domain,
                        "dataset": study.data.use,
                        "method": method.name,
                        "model": model.name,
                        "family": model.use,
                        "seed": seed,
                        "role": role.role,
                        "at_step": role.at_step,
                        "companion": role.companion.name if role.companion else None,
                        "parameters": parameters,
                        "flops": costs[model.name].flops_an_image * images * multiple * role.cost,
                        "spec": json.dumps(spec, sort_keys=True),
                        "splits": ",".join(("train", *work.splits_needed("methods", method.spec()))),
                        "code": digests[role.companion],
                    }
                )
    return rows


@dataclass(frozen=True)
class Role:
    """What is trained of a method, model and seed, and its cost as a multiple of the run's own."""

    role: str
    at_step: int | None = None
    companion: Part | None = None
    cost: float = 1.0

    @property
    def suffix(self) -> str:
        """What its name has after the run's."""
        beside = self.companion.name if self.companion else self.at_step
        return "" if beside is None else f"@{beside}"


def roles(study: DomainStudy, method: Part, work: Any) -> list[Role]:
    """The run, its checkpoints, and its companions: second models that conditions have trained for them."""
    steps = study.checkpoints.steps if method.name in study.checkpoints.methods else ()
    return [
        Role(RUN),
        *(Role(CHECKPOINT, at_step=step) for step in steps),
        *(Role(COMPANION, companion=part, cost=cost) for part, cost in companions(study, work).items()),
    ]


def companions(study: DomainStudy, work: Any) -> dict[Part, float]:
    """The conditions that have a second model of each run trained for them, with what it costs."""
    costs = {condition: work.companion_cost(condition.spec()) for condition in study.conditions}
    return {condition: cost for condition, cost in costs.items() if cost is not None}


def run_spec(study: DomainStudy, method: Part, model: Part, seed: int, companion: Part | None) -> dict[str, Any]:
    """All that a training run is made from, but for its data and its code."""
    return {
        "domain": study.domain,
        "method": method.spec(),
        "model": model.spec(),
        "training": dict(study.training),
        "classes": study.shape.classes,
        "companion": companion.spec() if companion else None,
        "seed": seed,
    }


def planned_cells(study: DomainStudy, code: CodePath) -> list[dict[str, Any]]:
    """A row for every condition: each run meets them all."""
    work = importlib.import_module(f"pipelines.{study.domain}.domain")
    return [
        {
            "condition": condition.name,
            "domain": study.domain,
            "spec": json.dumps(condition.spec(), sort_keys=True),
            "code": code.digest(work.condition_modules(condition.spec())),
            "splits": ",".join(work.splits_needed("conditions", condition.spec())),
            "companion": work.companion_cost(condition.spec()) is not None,
            "checkpoints": condition.name in study.checkpoints.conditions,
            "agreement": study.agreement.role(condition.name),
        }
        for condition in study.conditions
    ]


def planned_measurement(study: DomainStudy, item: Measurement, code: CodePath) -> dict[str, Any]:
    """A row for a metric under a condition."""
    return {
        "domain": study.domain,
        "measurement": f"{item.condition}/{item.name}",
        "condition": item.condition,
        "metric": item.name,
        "axis": item.axis,
        "pillar": item.pillar,
        **declared(item.metric.use)._asdict(),
        "reference": item.reference,
        "spec": json.dumps({**item.metric.spec(), "scaled": item.scaled}, sort_keys=True),
        "code": code.digest(measuring.modules(item.metric.use)),
    }
