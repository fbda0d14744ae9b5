"""What a study is: its parts, its measurements, and what it asks for beside them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stages.study.compute import Compute
from stages.study.preregistration import Preregistered

DOMAINS = ("vision",)
UNSHIFTED, SHIFTED = "unshifted", "shifted"


@dataclass(frozen=True, eq=False)
class Part:
    """A named part: the file that makes it and its options, defaults included."""

    name: str
    use: str
    options: Mapping[str, Any]

    def spec(self) -> dict[str, Any]:
        """What identifies the part; its name in params.yaml does not."""
        return {"use": self.use, "options": dict(self.options)}


@dataclass(frozen=True)
class Measurement:
    """A metric under a condition, with the axis it lies on and, for a safety measurement, its pillar.

    scaled: whether on logits divided by the model's temperature. reference: the condition whose outcomes it needs
    beside its own, if any.
    """

    condition: str
    name: str
    metric: Part
    axis: str
    pillar: str | None
    scaled: bool
    reference: str | None


@dataclass(frozen=True)
class Checkpoints:
    """At which training steps the runs of which methods are put through which conditions, beside the end."""

    steps: tuple[int, ...] = ()
    methods: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Agreement:
    """Under which conditions the runs of a method are compared: one without a shift, and shifted ones."""

    unshifted: str | None = None
    shifted: tuple[str, ...] = ()

    def role(self, condition: str) -> str:
        """What a condition is compared under for: unshifted, shifted, or nothing, the empty string."""
        if condition == self.unshifted:
            return UNSHIFTED
        return SHIFTED if condition in self.shifted else ""


@dataclass(frozen=True)
class DomainStudy:
    """What a study trains in one domain, what it puts it through and what it measures."""

    domain: str
    data: Part
    shape: Any
    training: Mapping[str, Any]
    models: tuple[Part, ...]
    seeds: tuple[int, ...]
    methods: tuple[Part, ...]
    conditions: tuple[Part, ...]
    measurements: tuple[Measurement, ...]
    checkpoints: Checkpoints
    agreement: Agreement


@dataclass(frozen=True)
class Study:
    """A named study over one or more domains, how it is judged, and what its work needs, which is in no key."""

    name: str
    domains: tuple[DomainStudy, ...]
    audit: Preregistered
    compute: Compute
