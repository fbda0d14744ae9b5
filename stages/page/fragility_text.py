"""How the report says what a verdict hangs on."""

from collections.abc import Iterable, Mapping
from typing import Any

from stages.page.format import listed

Row = Mapping[str, Any]
SEVERAL = {"model": "models", "family": "families", "seed": "seeds"}


def hangs_on(fragility: Iterable[Row]) -> dict[tuple[str, str, str], str]:
    """By dataset, method and measurement, without how few models, families and seeds a verdict is another. `fragility`
    has rows of the table of that name.
    """
    of: dict[tuple[str, str, str], list[Row]] = {}
    for row in sorted(fragility, key=lambda row: list(SEVERAL).index(row["of"])):
        of.setdefault((row["dataset"], row["method"], row["measurement"]), []).append(row)
    return {key: _fewest(rows) for key, rows in of.items()}


def _fewest(rows: list[Row]) -> str:
    said = []
    for row in rows:
        if row["fewest"] is not None:
            count = row["of"] if row["fewest"] == 1 else f"{row['fewest']} {SEVERAL[row['of']]}:"
            said.append(f"{row['label_then']} without {count} {row['removed']}")
    safe = [SEVERAL[row["of"]] for row in rows if row["fewest"] is None]
    return "; ".join([*said, *([f"not changed by leaving out a few {listed(safe)}"] if safe else [])])
