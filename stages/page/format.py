"""How the report names and prints things: labels of measurements, and numbers with their units."""

import re
from dataclasses import dataclass
from typing import Any

import polars as pl

from analysis.tables import FACTS, PILLARS

CAPABILITY_SCORES = {"pc1": "capability score", "clean_accuracy": "capability score (clean accuracy alone)"}

DASH, MINUS = "\N{EN DASH}", "\N{MINUS SIGN}"

Row = dict[str, Any]


@dataclass(frozen=True)
class Measure:
    """How one measurement, or capability score, is shown."""

    label: str
    percent: bool
    falling: bool  # lower is better
    group: str  # its pillar, or "capability"

    @property
    def title(self) -> str:
        """The label as an axis title, with the direction where it isn't the usual one."""
        return (
            f"{self.label}{' (%)' if self.percent else ''}{' (axis turned: lower is better)' if self.falling else ''}"
        )


def measures(rows: pl.DataFrame) -> dict[str, Measure]:
    """Every measurement of the results by name, in the order they are shown: capability, then safety by PILLARS; the
    scores last.
    """
    columns = ["axis", "pillar", "measurement", *FACTS]
    about = rows.with_columns(pl.col("pillar").cast(pl.Enum(PILLARS))).select(columns).unique().sort(columns)
    shown = {
        row["measurement"]: Measure(
            label=label_of(row["measurement"], row["target"]),
            percent=(row["lower"], row["upper"]) == (0, 1),
            falling=not row["higher_is_better"],
            group="capability" if row["axis"] == "capability" else (row["pillar"] or "safety"),
        )
        for row in about.iter_rows(named=True)
    }
    return shown | {name: Measure(label, False, False, "capability") for name, label in CAPABILITY_SCORES.items()}


def label_of(measurement: str, target: float | None) -> str:
    """The measurement's name as it is printed; where the metric has a target, as the distance from it."""
    label = measurement.replace("/", ": ").replace("_", " ")
    return label if target is None else f"{label}, distance from {target:g}"


def effect_rows(effects: pl.DataFrame, shown: dict[str, Measure]) -> list[Row]:
    """The effects as they are printed, in the order of `shown`, then by method; `beyond` is 1 above zero, -1 below, 0
    neither.
    """
    order = {name: position for position, name in enumerate(shown)}
    rows = []
    for row in sorted(effects.to_dicts(), key=lambda row: (order[row["measurement"]], row["method"])):
        measure = shown[row["measurement"]]
        bounded = row["low"] is not None
        rows.append(
            {
                **row,
                "name": row["measurement"],
                "measurement": measure.label,
                "group": measure.group,
                "effect": difference(row["effect"], measure),
                "interval": interval(row["low"], row["high"], measure),
                "standardised_interval": interval(row["standardised_low"], row["standardised_high"]),
                "beyond": (row["low"] > 0) - (row["high"] < 0) if bounded else 0,
            }
        )
    return rows


def difference(value: float | None, measure: Measure | None = None) -> str:
    """A difference with its sign: in percentage points, or in the measurement's unit; in standard deviations or as a
    correlation (two decimals) where no measurement is given; a dash where there is none.
    """
    if value is None:
        return DASH
    text = f"{value:+.2f}"
    if measure is not None:
        text = f"{100 * value:+.1f} points" if measure.percent else f"{value:+.3g}"
    return re.sub(r"^[-+](?=0(\.0+)?( points)?$)", "", text).replace("-", MINUS)


def interval(low: float | None, high: float | None, measure: Measure | None = None) -> str:
    """Both ends with their sign, from lower to higher; a dash where there is none."""
    if low is None or high is None:
        return DASH
    return f"{difference(low, measure).removesuffix(' points')} to {difference(high, measure)}"


def number(value: float | str | None) -> str:
    """A number to four figures, with k, M, G, T, P or E from 10,000 on; text as it is; a dash where there is none."""
    if value is None:
        return DASH
    if isinstance(value, str):
        return value
    size, prefixes = float(value), ["", " k", " M", " G", " T", " P", " E"]
    while abs(size) >= (10_000 if prefixes[0] == "" else 1000) and len(prefixes) > 1:
        size, prefixes = size / 1000, prefixes[1:]
    return f"{size:.4g}{prefixes[0]}".replace("-", MINUS)


def signed(value: float, digits: int = 2) -> str:
    """A number with its sign, none before zero."""
    text = f"{value:+.{digits}f}"
    return text[1:].replace("-", "") if float(text) == 0 else text.replace("-", MINUS)


def percent(share: float) -> str:
    """A share in percent, as in "5 %": no more digits than it has."""
    return f"{100 * share:.4g}\N{NO-BREAK SPACE}%"


def listed(names: list[str]) -> str:
    """Names as a sentence has them."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
