"""The section `audit` of params.yaml: what is fixed before anything runs. It says which measurement stands for which
area of safety, which effects are too small to matter, and how sure a verdict must be.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from analysis.audit.preregistration import preregistration, preregistration_digest
from analysis.audit.settings import AuditSettings, Margins
from pipelines import parts
from pipelines.parts import Range
from stages import artifacts

CAPABILITY = "capability"  # the margin of the capability score
Fault = tuple[str, str]


@dataclass(frozen=True)
class Preregistered:
    """The audit as it was fixed before the run: the section's options, the defaults of those left out among them."""

    options: Mapping[str, Any]

    @property
    def areas(self) -> Mapping[str, str]:
        """The safety measurement of each area; where there are none, every one is an area of its own."""
        areas: Mapping[str, str] = self.options["areas"]
        return areas

    @property
    def equal_flops(self) -> bool:
        """Whether a differential verdict must hold at equal training FLOPs too, where they are known."""
        return bool(self.options["equal_flops"])

    @property
    def exposure(self) -> Mapping[str, float]:
        """By condition, how often deployed inputs are of that hazard, times the harm of one that passes."""
        return {name: float(share) for name, share in self.options["exposure"].items()}

    @property
    def settings(self) -> AuditSettings:
        """What the audit holds fixed beside the areas."""
        margins = {name: float(margin) for name, margin in self.options["margins"].items()}
        capability = margins.pop(CAPABILITY, None)
        return AuditSettings(
            false_discovery_rate=float(self.options["q"]),
            draws=self.options["draws"],
            margins=Margins(margins, capability),
            placebos=tuple(self.options["placebos"]),
        )

    @property
    def digest(self) -> str:
        """What a report is cited with: the same for the same audit, however it is written."""
        text = preregistration(self.settings, self.areas, equal_flops=self.equal_flops, exposure=self.exposure)
        return preregistration_digest(text)

    @property
    def line(self) -> str:
        """Its digest with what it is, as it is printed before the run."""
        return f"audit    {self.digest}, the digest of the whole section `audit`; the report shows it too"


def planned_audit() -> Preregistered:
    """The audit that was planned. Raises TableError."""
    return Preregistered(artifacts.read_planned(artifacts.AUDIT)["options"])


def audit_options(
    *,
    areas: Mapping[str, str] | None = None,
    margins: Mapping[str, float] | None = None,
    placebos: list[str] | None = None,
    q: Annotated[float, Range(0, 0.5, low_open=True)] = 0.05,
    draws: Annotated[int, Range(100)] = 2000,
    equal_flops: bool = True,
    exposure: Mapping[str, float] | None = None,
) -> dict[str, Any]:
    """What the section may hold; a null is the default: no areas, margins from the study's own ladder, and the method
    called placebo.
    """
    return {
        "areas": dict(areas or {}),
        "margins": dict(margins or {}),
        "placebos": ["placebo"] if placebos is None else placebos,
        "q": q,
        "draws": draws,
        "equal_flops": equal_flops,
        "exposure": dict(exposure or {}),
    }


def preregistered(section: Mapping[str, Any]) -> Preregistered:
    """The section, checked before, with its defaults."""
    return Preregistered(audit_options(**section))


def audit_faults(section: Mapping[str, Any], safety: Collection[str], methods: Collection[str]) -> Iterator[Fault]:
    """(where, what) of each name in the section that the study doesn't have, and of each margin or exposure that is
    none. `safety` are the study's safety measurements, `methods` its methods.
    """
    areas, margins, placebos = (section.get(name) for name in ("areas", "margins", "placebos"))
    seen: list[Any] = []  # a wrong entry may be unhashable
    for area, measurement in (areas if isinstance(areas, dict) else {}).items():
        if measurement not in safety:
            yield f"audit.areas.{area}", f"{measurement!r} is not one of the safety measurements: {', '.join(safety)}"
        elif measurement in seen:
            yield f"audit.areas.{area}", f"{measurement!r} stands for another area already"
        seen.append(measurement)
    for name, margin in (margins if isinstance(margins, dict) else {}).items():
        if name != CAPABILITY and name not in safety:
            yield f"audit.margins.{name}", f"not {CAPABILITY!r} nor one of the safety measurements: {', '.join(safety)}"
        elif not parts.accepts(parts.Positive, margin):
            yield f"audit.margins.{name}", f"{margin!r} is not {parts.expected(parts.Positive)}"
    for name in placebos if isinstance(placebos, list) else []:
        if name not in methods:
            yield "audit.placebos", f"{name!r} is not one of the methods: {', '.join(methods)}"
    exposure = section.get("exposure")
    hazards = [name.partition("/")[0] for name in safety if name.endswith("/residual_risk")]
    for name, share in (exposure if isinstance(exposure, dict) else {}).items():
        if name not in hazards:
            yield f"audit.exposure.{name}", f"not one of the conditions with residual_risk: {', '.join(hazards)}"
        elif not parts.accepts(parts.NonNegative, share):
            yield f"audit.exposure.{name}", f"{share!r} is not {parts.expected(parts.NonNegative)}"
