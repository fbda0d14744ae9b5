"""What each measured column of a table is there for: its axis, its direction, what it is held against."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from analysis.words import several
from stages.imports.directions import is_no_measurement, known
from stages.imports.raw import Raw, short
from stages.imports.spec import Spec, chosen, not_a_column

MODEL = ("model", "family")  # names that the analysis has for something else
COMPONENTS = ("pc1", "mean", "safetywashing")
MOST_NAMED = 20
WAY = "name them under 'lower_is_better' or 'higher_is_better'"


@dataclass(frozen=True)
class Measured:
    """A measured column: its name, its axis, whether higher is better, and the column it is held against, if any."""

    name: str
    axis: str
    higher_is_better: bool
    against: str | None


@dataclass(frozen=True)
class Roles:
    """The measured columns, capability first and in the spec's order; those that the spec itself names; those that `*`
    took; those that it did not, as their names say that they are no measurements; those of which nobody says which way
    they are better.
    """

    measured: list[Measured]
    explicit: list[str]
    by_star: list[str] = field(default_factory=list)
    set_aside: list[str] = field(default_factory=list)
    undirected: list[str] = field(default_factory=list)

    def notes(self, left: Sequence[str]) -> Iterator[str]:
        """What `*` did, for the columns that are left."""
        took = [name for name in self.by_star if name in left]
        if took:
            yield f"'*' took {several(len(took), 'column')}: {listed(took)}"
        if self.set_aside:
            named = listed(self.set_aside)
            aside = several(len(self.set_aside), "column")
            yield f"'*' did not take {aside}, by their names no measurements: {named}"
        if self.undirected:
            left_out = several(len(self.undirected), "measurement")
            yield f"{left_out} left out, as nothing says which way is better: {listed(self.undirected)}; {WAY}"


def listed(names: Sequence[str], most: int = MOST_NAMED) -> str:
    """Names in quotation marks, the first few of them."""
    return ", ".join(map(short, names[:most])) + (f", and {len(names) - most:,} more" if len(names) > most else "")


def taken(source: str, names: Sequence[str], spec: Spec) -> list[str]:
    """A line for each measurement whose name the analysis has for something else."""
    return [
        f"{source}: {short(name)} cannot be measured: the analysis has this name for "
        f"{'the score' if name in COMPONENTS else 'what a model is'}; rename it, or name it under 'ignore'"
        for name in names
        if name in (*MODEL, *COMPONENTS, *spec.scale)
    ]


def roles(spec: Spec, raw: Raw, names: list[str], faults: list[str]) -> Roles:
    """What each of the columns is there for: by its name, else by a glob, else by `*`."""
    for role in ("ignore", "capability", "safety", "lower_is_better", "higher_is_better", "percent"):
        unknown = chosen(getattr(spec, role), names)[1]
        faults += [f"{spec.source}: {role}: {not_a_column(name, names)}" for name in unknown]
    axis = _named(spec, names, faults)
    ignored = {name for name in names if name not in axis and _fits(name, spec.ignore)}
    names = [name for name in names if name not in ignored]
    _by_glob(spec, names, axis, faults)
    star, aside = _by_star(spec, names, axis)
    picked = chosen(spec.capability, [name for name in names if axis.get(name) == "capability"])[0]
    picked += chosen(spec.safety, [name for name in names if axis.get(name) == "safety"])[0]
    unknown = _undirected(spec, raw, picked, faults)
    picked, star = ([name for name in some if name not in unknown] for some in (picked, star))
    for name in [*spec.against, *spec.against.values()]:
        if name not in names:
            faults.append(f"{spec.source}: against: {not_a_column(name, names)}")
        elif name not in picked:
            faults.append(f"{spec.source}: against: {name!r} is under neither capability nor safety")
    faults += _without_effect(spec, picked, names)
    lower = {name: _is_lower(name, spec, raw.directions, faults) for name in picked}
    measured = [Measured(name, axis[name], not lower[name], spec.against.get(name)) for name in picked]
    explicit = [name for name in picked if name not in star]
    return Roles(measured, [*explicit, *spec.against, *spec.against.values()], star, aside, unknown)


def _undirected(spec: Spec, raw: Raw, picked: Sequence[str], faults: list[str]) -> list[str]:
    """The columns of which neither the spec, nor the format, nor a known name says which way they are better. One that
    the spec itself names is a fault.
    """
    said = (*spec.lower_is_better, *spec.higher_is_better)
    unknown = [name for name in picked if raw.directions.get(name, True) is None and not _fits(name, said)]
    wanted = [(role, name) for role in ("capability", "safety") for name in getattr(spec, role) if name in unknown]
    faults += [f"{spec.source}: {role}: nothing says which way {name!r} is better; {WAY}" for role, name in wanted]
    return unknown


def directions_in_doubt(spec: Spec, raw: Raw, measured: Sequence[Measured]) -> Iterator[str]:
    """Lines on columns that are taken as better when higher and of which neither the spec nor the format says so: those
    whose names tell otherwise, and the safety columns whose names tell nothing.
    """
    said = {*raw.directions, *chosen(spec.higher_is_better, [one.name for one in measured])[0]}
    assumed = [one for one in measured if one.higher_is_better and one.name not in said]
    told = {one.name: known(one.name.rpartition("/")[2]) for one in assumed}
    falling = [name for name, higher in told.items() if higher is False]
    if falling:
        yield f"taken as better when higher, though their names speak of errors or losses: {listed(falling)}; {WAY}"
    unsaid = [one.name for one in assumed if one.axis == "safety" and told[one.name] is None]
    if unsaid:
        yield f"taken as better when higher, as nothing says otherwise: {listed(unsaid)}; {WAY}"


def _named(spec: Spec, names: Sequence[str], faults: list[str]) -> dict[str, str]:
    """The axis of each column that the spec names."""
    axis = {name: role for role in ("capability", "safety") for name in getattr(spec, role) if name in names}
    for name in axis:
        under = [role for role in ("capability", "safety", "ignore") if name in getattr(spec, role)]
        if len(under) > 1:
            faults.append(f"{spec.source}: {name!r} is listed under {' and under '.join(under)}")
    return axis


def _by_glob(spec: Spec, names: Sequence[str], axis: dict[str, str], faults: list[str]) -> None:
    """Give an axis to each column that a glob fits and no name has."""
    globs = {role: [glob for glob in getattr(spec, role) if glob != "*"] for role in ("capability", "safety")}
    for name in [name for name in names if name not in axis]:
        fitting = {role: glob for role, several in globs.items() for glob in several if fnmatchcase(name, glob)}
        if len(fitting) > 1:
            shown = " and ".join(f"{glob!r} ({role})" for role, glob in fitting.items())
            faults.append(f"{spec.source}: {name!r} is fitted by {shown}: name it under one of them")
        if fitting:
            axis[name] = next(iter(fitting))


def _by_star(spec: Spec, names: Sequence[str], axis: dict[str, str]) -> tuple[list[str], list[str]]:
    """Give an axis to each column that is left, where one takes them all: those taken, and those set aside."""
    role = next((role for role in ("capability", "safety") if "*" in getattr(spec, role)), None)
    left = [name for name in names if name not in axis] if role else []
    aside = [name for name in left if is_no_measurement(name.rpartition("/")[2])]
    took = [name for name in left if name not in aside]
    axis |= dict.fromkeys(took, role or "")
    return took, aside


def _without_effect(spec: Spec, picked: Sequence[str], names: Sequence[str]) -> Iterator[str]:
    """A line for each entry that decides nothing."""
    for role in ("capability", "safety"):
        for glob in getattr(spec, role):
            fits = [name for name in names if fnmatchcase(name, glob)]
            others = [name for name in fits if name in picked and name not in _of(spec, role, picked)]
            if glob not in names and glob != "*" and fits and len(others) == len(fits):
                yield f"{spec.source}: {role}: {glob!r} has no effect: what it fits is named elsewhere"
    for role in ("lower_is_better", "higher_is_better", "percent"):
        for entry in getattr(spec, role):
            known_as = chosen([entry], names)[0]
            if known_as and not any(name in picked for name in known_as):
                yield f"{spec.source}: {role}: {entry!r} has no effect: it is under neither capability nor safety"


def _of(spec: Spec, role: str, picked: Sequence[str]) -> list[str]:
    """The picked columns of a role that are not named under the other."""
    other = spec.safety if role == "capability" else spec.capability
    return [name for name in picked if name not in other]


def _is_lower(name: str, spec: Spec, directions: Mapping[str, bool | None], faults: list[str]) -> bool:
    """Whether a column is better when lower: by its name in the spec, else by a glob there, else by `*`, else by its
    format.
    """
    listed = (spec.lower_is_better, spec.higher_is_better)
    globs = [[glob for glob in wanted if glob != "*"] for wanted in listed]
    for lower, higher in (
        [name in wanted for wanted in listed],
        [_fits(name, wanted) for wanted in globs],
        ["*" in wanted for wanted in listed],
    ):
        if lower and higher:
            faults.append(f"{spec.source}: {name!r} is listed under lower_is_better and under higher_is_better")
        if lower or higher:
            return lower
    return directions.get(name) is False


def _fits(name: str, wanted: Sequence[str]) -> bool:
    return name in wanted or any(fnmatchcase(name, glob) for glob in wanted)
