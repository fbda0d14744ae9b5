"""The parts of a measurement in words."""

import re
from collections.abc import Mapping

LEVEL = re.compile(r"(.+) (\d+)")  # a part that is a level of something: `blur 3`


def parts_text(values: Mapping[str, str]) -> str:
    """Each part with its value; the levels of one thing together, in their order."""
    levels: dict[str, dict[int, str]] = {}
    for part, value in values.items():
        if level := LEVEL.fullmatch(part):
            levels.setdefault(level[1], {})[int(level[2])] = value
    said = []
    for part, value in values.items():
        name = level[1] if (level := LEVEL.fullmatch(part)) else part
        if level is None or len(levels.get(name, {})) == 1:
            said.append(f"{part}: {value}")
        elif of := levels.pop(name, {}):
            said.append(f"{name} {_range(sorted(of))}: {', '.join(of[each] for each in sorted(of))}")
    return "; ".join(said)


def _range(levels: list[int]) -> str:
    whole = levels == list(range(levels[0], levels[-1] + 1))
    return f"{levels[0]} to {levels[-1]}" if whole else ", ".join(map(str, levels))
