"""A study expanded to the runs, conditions and measurements that it asks for: the rows of the plan's tables."""

import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipelines import measuring
from pipelines.domain import Domain
from pipelines.measuring import declared
from stages import domains
from stages.artifacts import CHECKPOINT, RUN, SIBLING
from stages.store.code_path import CodePath
from stages.study.cohorts import cohorts_of, fits_of
from stages.study.leaks import leaking
from stages.study.model import Measurement, Part, Study, Task


def expanded(study: Study) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]]]:
    """The rows of the tables PLANNED_RUNS, PLANNED_CELLS and PLANNED_MEASUREMENTS."""
    code = CodePath()
    return (
        [row for task in study.tasks for row in planned_runs(task, code)],
        [row for task in study.tasks for row in planned_cells(task, code)],
        [row for task in study.tasks for row in planned_measurements(task, code)],
    )


def described(task: Task) -> dict[str, Any]:
    """What the data and the examples of a task are made from, as plan/data.json has it."""
    conditions = {condition.name: condition.spec() for condition in task.conditions}
    return {"domain": task.domain, "data": task.data.spec(), "conditions": conditions}


def planned_runs(task: Task, code: CodePath) -> list[dict[str, Any]]:
    """A row for every method, model and seed."""
    domain = domains.domain(task.domain)
    costs = {model.name: domain.cost(model.spec(), task.shape) for model in task.models}
    examples = domain.training_examples(task.shape, task.training)
    steps = domain.training_steps(task.shape, task.training)
    beside = siblings(task, domain)
    of_family = {model.use: model for model in task.models}
    cohorts = {family: cohorts_of(task, fits_of(task, model)) for family, model in of_family.items()}
    rows = []
    for method in task.methods:
        each = roles(task, method, beside)
        splits = ",".join(("train", *domain.splits_needed("methods", method.spec())))
        multiple = domain.training_cost(method.spec())
        own = domain.own_model(method.spec())
        for model in task.models:
            parameters = (
                domain.parameters(model.spec(), method.spec(), task.shape) if own else costs[model.name].parameters
            )
            digests: dict[tuple[str, ...], str] = {}
            for seed, role in itertools.product(task.seeds[method.name], each):
                spec = run_spec(task, method, model, seed, role.sibling)
                if cohort := cohorts[model.use].get((method.name, seed)):
                    spec["cohort"] = cohort
                modules = tuple(domains.training_modules(spec))
                digests[modules] = digests.get(modules) or code.digest(modules)
                rows.append(
                    {
                        "run": f"{task.name}/{method.name}/{model.name}/{seed}{role.suffix}",
                        "task": task.name,
                        "domain": task.domain,
                        "dataset": task.data.use,
                        "method": method.name,
                        "model": model.name,
                        "family": model.use,
                        "seed": seed,
                        "role": role.role,
                        "at_step": role.at_step,
                        "sibling": role.sibling.name if role.sibling else None,
                        "steps": steps,
                        "parameters": parameters,
                        "flops": costs[model.name].flops_an_example * examples * multiple * role.cost,
                        "spec": json.dumps(spec, sort_keys=True),
                        "splits": splits,
                        "code": digests[modules],
                    }
                )
    return rows


@dataclass(frozen=True)
class Role:
    """What is trained of a method, model and seed, and its cost as a multiple of the run's own."""

    role: str
    at_step: int | None = None
    sibling: Part | None = None
    cost: float = 1.0

    @property
    def suffix(self) -> str:
        """What its name has after the run's."""
        beside = self.sibling.name if self.sibling else self.at_step
        return "" if beside is None else f"@{beside}"


def roles(task: Task, method: Part, beside: Mapping[Part, float]) -> list[Role]:
    """The run, its checkpoints, and its sibling models with what they cost."""
    steps = task.checkpoints.steps if method.name in task.checkpoints.methods else ()
    return [
        Role(RUN),
        *(Role(CHECKPOINT, at_step=step) for step in steps),
        *(Role(SIBLING, sibling=part, cost=cost) for part, cost in beside.items()),
    ]


def siblings(task: Task, domain: Domain) -> dict[Part, float]:
    """The conditions that have a second model of each run trained for them, with what it costs."""
    costs = {condition: domain.sibling_cost(condition.spec()) for condition in task.conditions}
    return {condition: cost for condition, cost in costs.items() if cost is not None}


def run_spec(task: Task, method: Part, model: Part, seed: int, sibling: Part | None) -> dict[str, Any]:
    """All that a training run is made from, but for its data and its code."""
    return {
        "domain": task.domain,
        "method": method.spec(),
        "model": model.spec(),
        "training": dict(task.training),
        "data": dict(task.shape.about),
        "sibling": sibling.spec() if sibling else None,
        "seed": seed,
    }


def planned_cells(task: Task, code: CodePath) -> list[dict[str, Any]]:
    """A row for every condition: each run meets them all."""
    domain = domains.domain(task.domain)
    return [
        {
            "condition": condition.name,
            "task": task.name,
            "domain": task.domain,
            "spec": json.dumps(condition.spec(), sort_keys=True),
            "code": code.digest(domains.condition_modules(task.domain, condition.spec())),
            "splits": ",".join(domain.splits_needed("conditions", condition.spec())),
            "sibling": domain.sibling_cost(condition.spec()) is not None,
            "checkpoints": condition.name in task.checkpoints.conditions,
            "agreement": task.agreement.role(condition.name),
        }
        for condition in task.conditions
    ]


def planned_measurements(task: Task, code: CodePath) -> list[dict[str, Any]]:
    """A row for every metric under a condition, with the methods that may have seen what it is measured on."""
    methods = {
        method.name: domains.training_modules(run_spec(task, method, task.models[0], 0, None))
        for method in task.methods
    }
    leaks = {
        each.name: leaking(methods, domains.condition_modules(task.domain, each.spec()), code)
        for each in task.conditions
    }
    rows = [planned_measurement(task, item, code) for item in task.measurements]
    return [{**row, "leaks": ",".join(leaks[row["condition"]])} for row in rows]


def planned_measurement(task: Task, item: Measurement, code: CodePath) -> dict[str, Any]:
    """The row of one, but for who may have seen what it is measured on."""
    return {
        "task": task.name,
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
