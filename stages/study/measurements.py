"""The section `measurements` of params.yaml: which metrics, under which conditions, and what each stands for."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from analysis.tables import PILLARS
from pipelines import measuring
from pipelines.domain import Domain
from stages.study.checks import Faults, made, named_part
from stages.study.model import Measurement, Part
from stages.study.names import stands_for

REFERENCE = "reference"  # the condition that metrics may need beside their own, of the same model,
OF_RUN = "reference of the run"  # or of the run's own model where the condition looks at a second one
BESIDE_VALUES = ("n", "standard_error")  # in MLflow what stands beside a value starts with one of these


def measurements_of(
    section: Any, conditions: tuple[Part, ...], faulty: Collection[str], task: str, domain: Domain, faults: Faults
) -> tuple[Measurement, ...]:
    """`condition: {metric: axis or pillar}`, or `{name: {use: metric, is: axis or pillar, ...options}}`; `scaled: true`
    divides the logits by the model's temperature first. `faulty` are conditions that have a fault of their own; no
    conditions at all stand for conditions that are not known.
    """
    if not isinstance(section, dict):
        faults.add(f"{task}.measurements", f"{section!r} is not a mapping of conditions to metrics")
        return ()
    has = {condition.name: domain.outcomes_have(condition.spec()) for condition in conditions}
    second = {condition.name for condition in conditions if domain.sibling_cost(condition.spec()) is not None}
    unknown = REFERENCE if faulty or not has else None  # whether there is one: then it is taken to be there
    reference = next((condition.name for condition in conditions if condition.use == REFERENCE), unknown)
    known, found = (*has, *faulty), list[Measurement]()
    for condition, metrics in section.items():
        where = f"{task}.measurements.{condition}"
        if known and condition not in known:
            faults.add(where, f"not one of the conditions: {', '.join(known)}")
        if not isinstance(metrics, dict) or not metrics:
            faults.add(where, f"{metrics!r} is not a mapping of metrics to an axis")
            continue
        folded: dict[str, str] = {}
        for name, entry in metrics.items():
            other = folded.setdefault(str(name).lower(), str(name))
            if other != str(name):
                faults.add(f"{where}.{name}", differs(str(name), other))
            measurement = _measurement(condition, name, entry, has, reference, second, where, faults)
            if measurement:
                found.append(measurement)
    entries = [entry for metrics in section.values() if isinstance(metrics, dict) for entry in metrics.values()]
    unread = any(not isinstance(metrics, dict) for metrics in section.values())
    if not unread and "capability" not in map(stands_for, entries):
        faults.add(f"{task}.measurements", "none is 'capability': there is nothing to measure safety against")
    return tuple(found)


def unfit_conditions(names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Each condition whose name means something else in MLflow or in a run's name, and why."""
    for position, name in enumerate(names):
        if name in BESIDE_VALUES:
            yield name, f"{name!r} is what MLflow holds beside a value: give it another name"
        elif name.isdecimal():
            yield name, f"{name!r} reads as a training step: give it another name"
        yield from ((name, differs(name, other)) for other in names[:position] if name.lower() == other.lower())


def differs(name: str, other: str) -> str:
    """Why two names cannot stand side by side."""
    return f"{name!r} differs from {other!r} by case alone, which some servers of MLflow don't tell apart"


def _measurement(
    condition: str,
    name: Any,
    entry: Any,
    has: Mapping[str, tuple[str, ...]],
    reference: str | None,
    second: Collection[str],
    where: str,
    faults: Faults,
) -> Measurement | None:
    options = dict(entry) if isinstance(entry, dict) else {"is": entry}
    kind, scaled = options.pop("is", None), options.pop("scaled", False)
    if not isinstance(scaled, bool):
        faults.add(f"{where}.{name}", f"'scaled' is {scaled!r}, not true or false")
    accepted = ("capability", *PILLARS)
    if kind not in accepted:
        said = "'is' is missing: one of" if kind is None else f"{kind!r} is not one of:"
        faults.add(f"{where}.{name}", f"{said} {', '.join(accepted)}")
    metric = named_part("pipelines.metrics", name, options, where, faults)
    if metric is None:
        return None
    needs = made(lambda: measuring.needs(metric.use, metric.options), where, faults)
    if made(lambda: measuring.declared(metric.use), where, faults) is None or needs is None or kind not in accepted:
        return None
    wanted = tuple(need for need in needs if need not in (REFERENCE, OF_RUN))
    if condition in has and not set(wanted) <= set(has[condition]):
        what = f"needs {', '.join(wanted)}, and {condition!r} has only {', '.join(has[condition])}"
        faults.add(f"{where}.{name}", what)
        return None
    fitted = scaled or REFERENCE in needs
    if fitted and condition in second:
        what = "is fitted on the outcomes of a condition 'reference', those of a run's own model"
        faults.add(f"{where}.{name}", f"{what}, and {condition!r} looks at a second model of each run")
        return None
    beside = reference if fitted or OF_RUN in needs else None
    if beside is None and (fitted or OF_RUN in needs):
        faults.add(f"{where}.{name}", f"needs outcomes on training and validation images: a condition {REFERENCE!r}")
        return None
    if beside and "features" in needs and "features" not in has.get(beside, ("features",)):
        faults.add(f"{where}.{name}", f"needs features of {beside!r} too: its option 'features: true'")
        return None
    axis, pillar = ("capability", None) if kind == "capability" else ("safety", kind)
    return Measurement(condition, name, metric, axis, pillar, scaled, beside)
