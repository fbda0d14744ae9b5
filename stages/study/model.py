"""What a study is: its parts, its measurements, and what it asks for beside them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from analysis.words import seeds_each
from stages.study.compute import Compute
from stages.study.preregistration import Preregistered

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
class Task:
    """A domain and its data set, a section of params.yaml: what is trained, what it is put through, what is measured.

    name: of the section. domain: the package below pipelines/ that has its parts. seeds: of each method. cohort: how
    many runs of a method and model are trained at once, at most, at several seeds and options.
    """

    name: str
    domain: str
    data: Part
    shape: Any
    training: Mapping[str, Any]
    models: tuple[Part, ...]
    seeds: Mapping[str, tuple[int, ...]]
    methods: tuple[Part, ...]
    conditions: tuple[Part, ...]
    measurements: tuple[Measurement, ...]
    checkpoints: Checkpoints
    agreement: Agreement
    cohort: int = 1

    @property
    def seed_counts(self) -> str:
        """How many seeds a model has, as in "1 seed" or "1 seed (standard 2)"."""
        return seeds_each({name: len(seeds) for name, seeds in self.seeds.items()})

    @property
    def runs(self) -> int:
        """How many runs it has, without their checkpoints and sibling models."""
        return len(self.models) * sum(map(len, self.seeds.values()))


@dataclass(frozen=True)
class Study:
    """A named study of one or more tasks, how it is judged, and what its work needs, which is in no key."""

    name: str
    tasks: tuple[Task, ...]
    audit: Preregistered
    compute: Compute
