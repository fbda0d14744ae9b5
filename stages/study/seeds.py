"""The section `seeds` of a task: a list for all methods, or lists by method, `"*"` for those that are not named."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipelines import parts
from stages.study.checks import Faults

OTHERS = "*"


def seeds_of(
    section: Any, methods: Sequence[str], baseline: str, where: str, faults: Faults
) -> dict[str, tuple[int, ...]]:
    """The seeds of each method. The baseline has every seed that another method has: runs are paired by seed. No
    methods stand for methods that are not known: then only the lists are checked.
    """
    if not isinstance(section, Mapping):
        seeds = _listed(section, where, faults)
        return dict.fromkeys(methods, seeds)
    for name in section:
        if methods and name not in (OTHERS, baseline, *methods):
            faults.add(f"{where}.{name}", f"not one of the methods: {', '.join(methods)}; or {OTHERS!r} for all others")
    given = {name: _listed(seeds, f"{where}.{name}", faults) for name, seeds in section.items()}
    if missing := [name for name in methods if name not in given and OTHERS not in given]:
        faults.add(where, f"none for {', '.join(missing)}: name each method, or {OTHERS!r} for all others")
    found = {name: given.get(name, given.get(OTHERS, ())) for name in methods}
    others = (OTHERS,) if set(methods) - set(given) else ()
    for name in (name for name in given if found.get(baseline) and name in (*others, *methods)):
        if unpaired := [seed for seed in given[name] if seed not in found[baseline]]:
            faults.add(where, f"{name} has the seed {unpaired[0]}, and {baseline} has not: runs are paired by seed")
    return found


def _listed(seeds: Any, where: str, faults: Faults) -> tuple[int, ...]:
    if not isinstance(seeds, list) or not seeds or not all(parts.accepts(parts.Whole, seed) for seed in seeds):
        faults.add(where, f"{seeds!r} is not a list of whole numbers of at least 0")
        return ()
    if len(set(seeds)) < len(seeds):
        faults.add(where, f"{seeds!r} has duplicate seeds")
    return tuple(seeds)
