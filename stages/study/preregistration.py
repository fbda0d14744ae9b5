"""The section `audit` of params.yaml: what is fixed before anything runs. It says which measurement stands for which
area of safety, which effects are too small to matter, and how sure a verdict must be.

    audit:
      q: 0.05                       # of the whole study, as placebos, draws and equal_flops are
      vision:                       # of one task; in a study of one task these may stand in `audit` itself
        areas: {attacks: attacks/accuracy}
        margins: {capability: 0.33, attacks/accuracy: 0.2}
        exposure: {attacks: 0.01}
        claims: {adversarial: [attacks]}  # where a method's authors claim a gain: shown beside what was found
"""

import inspect
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from analysis.audit.preregistration import preregistration, preregistration_digest
from analysis.audit.settings import AuditSettings, Margins, shares_fault
from analysis.tables import BASELINE
from pipelines import parts
from pipelines.parts import Range, WrongOptions
from stages import artifacts

CAPABILITY = "capability"  # the margin of the capability score
OF_A_TASK = ("areas", "margins", "exposure", "claims")
Fault = tuple[str, str]


@dataclass(frozen=True)
class TaskAudit:
    """How one task is judged.

    areas        the safety measurement of each area; where there are none, every one is an area of its own
    settings     what the audit holds fixed beside the areas
    exposure     by condition, how often deployed inputs are of that hazard, times the harm of one that passes
    """

    areas: Mapping[str, str]
    settings: AuditSettings
    exposure: Mapping[str, float]

    @property
    def text(self) -> str:
        """All of it, canonical."""
        return preregistration(self.settings, self.areas, exposure=self.exposure)


@dataclass(frozen=True)
class Preregistered:
    """The audit as it was fixed before the run: the section's options, the defaults of those left out among them, and
    those of each task in `tasks`.
    """

    options: Mapping[str, Any]

    def of(self, task: str) -> TaskAudit:
        """How a task is judged."""
        own = self.options["tasks"][task]
        margins = {name: float(margin) for name, margin in own["margins"].items()}
        capability = margins.pop(CAPABILITY, None)
        claims = {
            method: tuple(sorted(own["areas"].get(name, name) for name in named))
            for method, named in own["claims"].items()
        }
        settings = AuditSettings(
            false_discovery_rate=float(self.options["q"]),
            draws=self.options["draws"],
            looks=tuple(map(float, self.options["looks"])),
            margins=Margins(margins, capability),
            placebos=tuple(self.options["placebos"]),
            equal_flops=bool(self.options["equal_flops"]),
            claims=claims,
            weigh_claims=bool(self.options["weigh_claims"]),
        )
        exposure = {name: float(share) for name, share in own["exposure"].items()}
        return TaskAudit(own["areas"], settings, exposure)

    @property
    def digest(self) -> str:
        """What a report is cited with: the same for the same audit of the same tasks, however it is written."""
        texts = {task: self.of(task).text for task in self.options["tasks"]}
        return preregistration_digest(json.dumps(texts, sort_keys=True, ensure_ascii=False))

    @property
    def line(self) -> str:
        """Its digest with what it is, as it is printed before the run."""
        return f"audit    {self.digest}, the digest of the whole section `audit`; the report shows it too"


def planned_audit() -> Preregistered:
    """The audit that was planned. Raises TableError."""
    return Preregistered(artifacts.read_planned(artifacts.AUDIT)["options"])


def audit_options(
    *,
    placebos: list[str] | None = None,
    q: Annotated[float, Range(0, 0.5, low_open=True)] = 0.05,
    draws: Annotated[int, Range(100)] = 2000,
    equal_flops: bool = True,
    weigh_claims: bool = False,
    looks: list[Annotated[float, Range(0, 1, low_open=True)]] | None = None,
) -> dict[str, Any]:
    """What the section may hold of the whole study; a null is the default: the method called placebo, and one look.
    looks: the share of every level that each look at the growing study has (`diffprog decide`); their sum is 1.
    """
    return {
        "placebos": ["placebo"] if placebos is None else placebos,
        "q": q,
        "draws": draws,
        "equal_flops": equal_flops,
        "weigh_claims": weigh_claims,
        "looks": [1.0] if looks is None else looks,
    }


def task_options(
    *,
    areas: Mapping[str, str] | None = None,
    margins: Mapping[str, float] | None = None,
    exposure: Mapping[str, float] | None = None,
    claims: Mapping[str, list[str]] | None = None,
) -> dict[str, Any]:
    """What the section may hold of a task; a null is the default: no areas, and margins from the study's own ladder."""
    given = {"areas": areas, "margins": margins, "exposure": exposure, "claims": claims}
    return {name: dict(section or {}) for name, section in given.items()}


def preregistered(section: Mapping[str, Any], tasks: Sequence[str]) -> Preregistered:
    """The section, checked before, with its defaults."""
    common, own = _split(section, tasks)
    return Preregistered({**audit_options(**common), "tasks": {task: task_options(**own[task]) for task in tasks}})


def _split(section: Mapping[str, Any], tasks: Sequence[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The options of the whole study, and those of each task; of a single task, those in the section itself, too."""
    own: dict[str, Any] = {task: section.get(task) or {} for task in tasks}
    if len(tasks) == 1 and isinstance(own[tasks[0]], Mapping):
        own[tasks[0]] = {**{name: section[name] for name in OF_A_TASK if name in section}, **own[tasks[0]]}
    beside = {*tasks, *OF_A_TASK}
    return {name: value for name, value in section.items() if name not in beside}, own


def audit_faults(
    section: Mapping[str, Any],
    tasks: Sequence[str],
    safety: Mapping[str, Collection[str]],
    methods: Collection[str],
) -> Iterator[Fault]:
    """(where, what) of each option that is wrong, of each name in the section that the study doesn't have, and of each
    margin or exposure that is none. `safety` are the safety measurements of each task, `methods` the methods of all;
    none stand for such that are not known.
    """
    common, own = _split(section, tasks)
    known = (*(OF_A_TASK if len(tasks) == 1 else ()), *inspect.signature(audit_options).parameters, *tasks)
    for name in [name for name in common if name not in known]:
        yield "audit", f"{name!r} is not one of: {', '.join(known)}"
        del common[name]
    faults = [*_option_faults(audit_options, common, "audit")]
    yield from faults
    looks = common.get("looks")
    if isinstance(looks, list) and not any(what.startswith("'looks'") for _, what in faults) and shares_fault(looks):
        yield "audit.looks", shares_fault(looks)
    for name in [name for name in OF_A_TASK if name in section]:
        if len(tasks) > 1:
            yield f"audit.{name}", f"belongs to a task: write it below one of {', '.join(f'audit.{t}' for t in tasks)}"
            continue
        for task in tasks:
            if isinstance(section.get(task), Mapping) and name in section[task]:
                yield f"audit.{name}", f"is given in audit.{task} too"
    for task in tasks:
        where = f"audit.{task}" if task in section else "audit"
        if not isinstance(own[task], Mapping):
            yield where, f"{own[task]!r} is not a mapping of options"
            continue
        yield from _option_faults(task_options, own[task], where)
        yield from _task_faults(own[task], safety[task], methods, where)
    placebos = section.get("placebos")
    for name in placebos if isinstance(placebos, list) else []:
        if name == BASELINE:
            yield "audit.placebos", f"{name!r} is what every method is compared with, and no placebo"
        elif methods and name not in methods:
            yield "audit.placebos", f"{name!r} is not one of the methods: {', '.join(methods)}"


def _option_faults(make: Any, options: Mapping[str, Any], where: str) -> Iterator[Fault]:
    try:
        parts.check_options(make, options)
    except WrongOptions as error:
        yield from ((where, fault) for fault in error.faults)


def _task_faults(
    section: Mapping[str, Any], safety: Collection[str], methods: Collection[str], where: str
) -> Iterator[Fault]:
    areas, margins, exposure, claims = (section.get(name) for name in OF_A_TASK)
    seen: list[Any] = []  # a wrong entry may be unhashable
    for area, measurement in (areas if isinstance(areas, dict) else {}).items():
        if safety and measurement not in safety:
            yield f"{where}.areas.{area}", f"{measurement!r} is not one of the safety measurements: {', '.join(safety)}"
        elif measurement in seen:
            yield f"{where}.areas.{area}", f"{measurement!r} is already the measurement of another area"
        seen.append(measurement)
    for name, margin in (margins if isinstance(margins, dict) else {}).items():
        if safety and name not in (CAPABILITY, *safety):
            yield (
                f"{where}.margins.{name}",
                f"not {CAPABILITY!r} nor one of the safety measurements: {', '.join(safety)}",
            )
        elif not parts.accepts(parts.Positive, margin):
            yield f"{where}.margins.{name}", f"{margin!r} is not {parts.expected(parts.Positive)}"
    hazards = [name.partition("/")[0] for name in safety if name.endswith("/residual_risk")]
    for name, share in (exposure if isinstance(exposure, dict) else {}).items():
        if safety and name not in hazards:
            those = ", ".join(hazards) or "(there are none)"
            yield f"{where}.exposure.{name}", f"not one of the conditions with residual_risk: {those}"
        elif not parts.accepts(parts.NonNegative, share):
            yield f"{where}.exposure.{name}", f"{share!r} is not {parts.expected(parts.NonNegative)}"
    known = list(areas) if isinstance(areas, dict) and areas else list(safety)
    for method, named in (claims if isinstance(claims, dict) else {}).items():
        if method == BASELINE:
            yield f"{where}.claims.{method}", "is what every method is compared with: nothing is claimed of it"
        elif methods and method not in methods:
            yield f"{where}.claims.{method}", f"not one of the methods: {', '.join(methods)}"
        for name in named if isinstance(named, list) else ():
            if known and name not in known:
                yield f"{where}.claims.{method}", f"{name!r} is not one of the areas: {', '.join(known)}"
        if not isinstance(named, list):
            yield f"{where}.claims.{method}", f"{named!r} is not a list of areas"
