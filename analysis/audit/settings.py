"""What the audit holds fixed before it looks: levels, margins, gates, transforms."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from analysis.scales import SCALES

COUPLINGS = ("accuracy", "error", "risk-coverage")


@dataclass(frozen=True)
class Margins:
    """The smallest effects that matter: one per safety measurement on its oriented scale, one in units of the
    capability score.

    A measurement that is not named, or a capability left None, gets its margin from the study's own ladder.
    """

    safety: Mapping[str, float] = field(default_factory=dict)
    capability: float | None = None

    def __post_init__(self) -> None:
        given = {**self.safety, **({} if self.capability is None else {"capability": self.capability})}
        wrong = [f"{name}: {value}" for name, value in given.items() if not 0 < value < float("inf")]
        if wrong:
            raise ValueError(f"a margin is above 0 and finite, not {'; '.join(wrong)}")


@dataclass(frozen=True)
class AuditSettings:
    """The audit's fixed choices. Raises ValueError naming every choice out of its range.

    `example_share`: the share is 0.004 for a method that only adds half a logit to every example, 0.05 for one whose
    effect varies over examples with an SD of one logit, 0.15 for two (closed form for accuracy, difficulties with an
    SD of two logits).
    """

    baseline: str = "standard"
    alpha: float = 0.05  # one-sided level of each test; intervals are two-sided at 1 - alpha
    false_discovery_rate: float = 0.05
    draws: int = 2000
    looks: tuple[float, ...] = (1.0,)  # each look's share of alpha and of the false discovery rate, in turn
    margins: Margins = field(default_factory=Margins)
    placebos: tuple[str, ...] = ()
    example_share: float = 0.05  # share of the test-example variance that all of a method's runs have in common
    equal_flops: bool = True  # whether a gain must hold at equal training FLOPs too, where they are known
    reliability: float | None = None  # of one run's capability score; None: from the spread over seeds
    curve_level: float = 0.1  # of the F test for a curved ladder: at 0 all are lines, at 1 splines
    min_pairs: int = 3
    min_rungs: int = 5
    min_models: int = 6  # from here on models, not pairs, are the unit that is resampled
    blocking_flags: tuple[str, ...] = ("gradient-masking", "masked", "leak")
    max_flagged: float = 0.1  # share of a method's runs that may carry a blocking flag
    clean_accuracy: str = "clean/accuracy"  # what mechanical coupling is measured against
    transforms: Mapping[str, str] = field(
        default_factory=dict
    )  # metric -> logit, log or identity, where the default is wrong
    couplings: Mapping[str, str] = field(default_factory=dict)  # measurement -> accuracy, error or risk-coverage
    claims: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # method -> where its authors claim a gain
    weigh_claims: bool = False  # the claimed measurements get half of the weight in the families of gains

    def __post_init__(self) -> None:
        wrong = [
            f"{name}: {getattr(self, name)} is not between 0 and 1"
            for name in _shares()
            if not 0 <= getattr(self, name) <= 1
        ]
        wrong += [
            f"{name}: {getattr(self, name)} is below {low}" for name, low in _LEAST.items() if getattr(self, name) < low
        ]
        if self.reliability is not None and not 0 < self.reliability <= 1:
            wrong.append(f"reliability: {self.reliability} is not in (0, 1]")
        wrong += [
            f"transforms.{m}: {k!r} is not one of: {', '.join(SCALES)}"
            for m, k in self.transforms.items()
            if k not in SCALES
        ]
        wrong += [
            f"couplings.{m}: {k!r} is not one of: {', '.join(COUPLINGS)}"
            for m, k in self.couplings.items()
            if k not in COUPLINGS
        ]
        if fault := shares_fault(self.looks):
            wrong.append(f"looks: {fault}")
        if wrong:
            raise ValueError("audit settings: " + "; ".join(wrong))


_LEAST = {"draws": 100, "min_pairs": 3, "min_rungs": 4, "min_models": 4}


def shares_fault(looks: Sequence[float]) -> str:
    """What is wrong with the shares of a study's looks; empty where nothing is."""
    if looks and all(0 < share <= 1 for share in looks) and abs(sum(looks) - 1) < 1e-9:
        return ""
    return f"{list(looks)} are not shares above 0 whose sum is 1"


def _shares() -> tuple[str, ...]:
    return "alpha", "false_discovery_rate", "example_share", "curve_level", "max_flagged"
