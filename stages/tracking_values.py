"""A run's values as MLflow holds them: all of them packed in its tags, which is what is read back; the whole ones as
metrics, as many as its pages show well; and all of them again as a table for people.

A table is an artifact, and that lies at a path which a project that was moved or copied no longer has: so what is read
back lies in the database.
"""

import base64
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from stages.store.keys import digest

COLUMNS = 60  # of metrics a run: more than some hundred make MLflow's pages slow, and nobody finds one among them
LOSS = "loss"  # of training: the one metric that is no value
ERROR, N = "standard_error", "n"  # what a value has beside it, by the first part of its name
PACKED = "mlflow.values."  # of the tags with all values; pages hide tags that begin so
TAG_LENGTH = 5000  # characters that every server takes
TABLE = "values.json"  # the artifact
HEADER = ("step", "measurement", "part", "value", "standard error", "n")

AtStep = Mapping[str, float]  # by name: a value's own, `standard_error/NAME` and `n/NAME`


@dataclass(frozen=True)
class Values:
    """What was measured of a run, by its training step, the last one at its end.

    about: of each step what else is known of it, as JSON. complete: whether nothing failed or is missing that a next
    try may measure.
    """

    by_step: Mapping[int, AtStep]
    about: Mapping[int, Any] = field(default_factory=dict)
    complete: bool = True

    @property
    def digest(self) -> str:
        """Of the values alone."""
        return digest(
            {
                str(step): {name: repr(value) for name, value in _plain(values).items()}
                for step, values in self.by_step.items()
            }
        )

    @property
    def end(self) -> AtStep:
        """Those of the last step."""
        return self.by_step[max(self.by_step)] if self.by_step else {}

    def points(self) -> Iterator[tuple[str, float, int]]:
        """Name, value and step of all that MLflow shows as metrics: whole values, then their standard errors, as many
        as there are columns, in the order given; parts are in the table alone.
        """
        columns = dict(list(self._whole().items())[: COLUMNS - 1])
        for step in sorted(self.by_step):
            values = self.by_step[step]
            yield from ((column, values[name], step) for name, column in columns.items() if name in values)

    @property
    def hidden(self) -> int:
        """How many whole values and standard errors are no column."""
        return max(0, len(self._whole()) - (COLUMNS - 1))

    def _whole(self) -> dict[str, str]:
        """MLflow's name for each whole value, then for each standard error, with the loss beside them."""
        known = dict.fromkeys(name for values in self.by_step.values() for name in values)
        whole = [name for name in known if name.count("/") <= 1]
        errors = {f"{ERROR}/{name}": f"{name} standard error" for name in whole}
        return {name: name for name in whole} | {name: shown for name, shown in errors.items() if name in known}

    def columns(self) -> dict[str, float]:
        """What MLflow says is the last value of each metric."""
        return _plain({name: value for name, value, _ in self.points()})

    def packed(self) -> dict[str, str]:
        """All of it as tags."""
        values = [(step, _plain(values)) for step, values in self.by_step.items()]
        said = {"values": values, "about": list(self.about.items())}
        text = base64.b64encode(zlib.compress(json.dumps(said).encode())).decode()
        pieces = [text[start : start + TAG_LENGTH] for start in range(0, len(text), TAG_LENGTH)]
        return {f"{PACKED}{number:03d}": piece for number, piece in enumerate(pieces)}

    def table(self) -> str:
        """All of it as the JSON of a table that MLflow's pages show."""
        rows = [
            [step, *split(name), value, values.get(f"{ERROR}/{name}"), values.get(f"{N}/{name}")]
            for step, values in sorted(self.by_step.items())
            for name, value in values.items()
            if not name.startswith((f"{ERROR}/", f"{N}/"))
        ]
        return json.dumps({"columns": HEADER, "data": rows})


def split(name: str) -> tuple[str, str]:
    """The measurement of a value's name, and its part; empty of the whole."""
    condition, _, rest = name.partition("/")
    measurement, _, part = rest.partition("/")
    return "/".join(filter(None, (condition, measurement))), part


def unpacked(tags: Mapping[str, str]) -> Values:
    """The values in a run's tags; none where they are not there whole."""
    numbered = sorted((name for name in tags if name.startswith(PACKED)), key=lambda name: (len(name), name))
    pieces = [tags[name] for name in numbered]
    try:
        said = json.loads(zlib.decompress(base64.b64decode("".join(pieces), validate=True)))
    except (ValueError, zlib.error):
        return Values({})
    return Values(dict(said["values"]), dict(said["about"]))


def _plain(values: AtStep) -> dict[str, float]:
    """Floating-point numbers without the sign of a zero, which SQLite does not keep."""
    return {name: float(value) + 0.0 for name, value in values.items()}
