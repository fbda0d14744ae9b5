"""What each measured column of a table is there for: its axis, its direction, what it is held against."""

from collections.abc import Sequence
from dataclasses import dataclass

from stages.imports.raw import Raw, short
from stages.imports.spec import Spec, chosen, not_a_column

MODEL = ("model", "family")  # names that the analysis has for something else
COMPONENTS = ("pc1", "mean", "safetywashing")


@dataclass(frozen=True)
class Measured:
    """A measured column: its name, its axis, whether higher is better, and the column it is held against, if any."""

    name: str
    axis: str
    higher_is_better: bool
    against: str | None


def taken(source: str, names: Sequence[str], spec: Spec) -> list[str]:
    """A line for each measurement whose name the analysis has for something else."""
    return [
        f"{source}: {short(name)} cannot be measured: the analysis has this name for "
        f"{'the score' if name in COMPONENTS else 'what a model is'}; rename it, or name it under 'ignore'"
        for name in names
        if name in (*MODEL, *COMPONENTS, *spec.scale)
    ]


def roles(spec: Spec, raw: Raw, names: list[str], faults: list[str]) -> tuple[list[Measured], list[str]]:
    """The measured columns, capability first and in the spec's order, and those that the spec itself names."""
    ignored, unknown = chosen(spec.ignore, names)
    faults += [f"{spec.source}: ignore: {not_a_column(name, names)}" for name in unknown]
    names = [name for name in names if name not in ignored]
    explicit: dict[str, None] = {}
    picked = {}
    for role in ("capability", "safety", "lower_is_better", "percent"):
        wanted = getattr(spec, role)
        picked[role], unknown = chosen(wanted, names)
        faults += [f"{spec.source}: {role}: {not_a_column(name, names)}" for name in unknown]
        explicit |= dict.fromkeys(chosen([name for name in wanted if name != "*"], names)[0])
    for name in (*spec.against, *spec.against.values()):
        if name not in names:
            faults.append(f"{spec.source}: against: {not_a_column(name, names)}")
    capability = picked["capability"]
    twice = [name for name in spec.capability if name in spec.safety]
    faults += [f"{spec.source}: {name!r} is listed under capability and under safety" for name in twice]
    safety = [name for name in picked["safety"] if name not in capability]
    lower = {*picked["lower_is_better"], *(name for name, higher in raw.directions.items() if higher is False)}
    axes = [*((name, "capability") for name in capability), *((name, "safety") for name in safety)]
    measured = [Measured(name, axis, name not in lower, spec.against.get(name)) for name, axis in axes]
    absent = [name for name in {**spec.against, **{v: v for v in spec.against.values()}} if name not in dict(axes)]
    faults += [
        f"{spec.source}: against: {name!r} is under neither capability nor safety" for name in absent if name in names
    ]
    return measured, [*explicit, *spec.against, *spec.against.values()]
