"""How the report says a verdict: labels with their marks, effects in the measurement's own unit, a method in one
sentence.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from analysis.audit.sample_size import FAMILY
from stages.page.format import DASH, MINUS, listed, number, signed
from stages.page.verdicts import ABOVE, ANSWERS, SENTENCE_ORDER, STAR, VERDICTS

Row = Mapping[str, Any]

ALONE = "above its margin only as a single claim, not with all claims counted"


def answer(rows: Sequence[Row]) -> str:
    """Whether effects are beyond their margin, and how many verdicts are which; the placebo's apart."""
    real, placebo = ([row for row in rows if row["placebo"] is which] for which in (False, True))
    said: list[str] = []
    if real:
        labels = [row["label"] for row in real]
        answers = {word: sum(label in of for label in labels) for word, of in ANSWERS.items()}
        methods = len({row["method"] for row in real})
        found = f"{len(real)} verdict{'s' * (len(real) > 1)} on {methods} method{'s' * (methods > 1)}"
        beyond = ", ".join(f"{count} {word}" for word, count in answers.items() if count or word in ("yes", "no"))
        none = "" if "DIFFERENTIAL" in labels else "none DIFFERENTIAL, "
        stars = sum(bool(row.get("starred")) for row in real)
        said.append(f"{found}. A gain beyond its margin: {beyond}. That is {none}{counts(real)}.")
        said += [f"{STAR} {stars} of the gains {'hold' if stars > 1 else 'holds'} by the stricter test, too."] * bool(
            stars
        )
    if placebo:
        said.append(f"The placebo, which does nothing: {counts(placebo)}.")
    return " ".join(said)


def counts(rows: Sequence[Row]) -> str:
    """How many verdicts are which, as in "2 TRADE-OFF, 1 NULL"."""
    labels = [row["label"] for row in rows]
    return ", ".join(f"{labels.count(label)} {label}" for label in VERDICTS if label in labels)


def sentence(rows: Iterable[Row]) -> str:
    """What one method does, in plain words, from its verdicts in the areas of one data set."""
    by_label: dict[str, list[Row]] = {}
    for row in rows:
        by_label.setdefault(half_known(row) or row["label"], []).append(row)
    words = {label: VERDICTS[label].said for label in SENTENCE_ORDER} | {ALONE: "{}: " + ALONE}
    parts = [
        said.format(listed([_named(row) for row in by_label[label]]))
        for label, said in words.items()
        if label in by_label
    ]
    every = [row for rows in by_label.values() for row in rows]
    return f"{'; '.join(parts)}. {_capability(every[0])}{_claimed(every)}"


def _claimed(rows: Sequence[Row]) -> str:
    """Where its authors claim a gain, and where one was found."""
    claimed = [row for row in rows if row["claimed"]]
    if not claimed:
        return ""
    found = [row["area"] for row in claimed if row["label"] in (*ANSWERS["yes"], *ANSWERS[ABOVE])]
    said = f"found on {listed(found)}" if found else "found on none of them"
    if len(found) == len(claimed):
        said = "found" if len(found) == 1 else "found on all of them"
    return f" Its authors claim a gain on {listed([row['area'] for row in claimed])}: {said}."


def reason(row: Row) -> str:
    """Why a verdict is what it is; of one that is open, what is known of it already."""
    known = half_known(row)
    if not known:
        return str(row["reason"])
    return f"{known} (p {row['p_gain']:.2g}, q {row['q_gain']:.2g}); {row['reason']}"


def half_known(row: Row) -> str:
    """What is known of an UNDETERMINED verdict: that D is above its margin as a single claim but not after the
    correction for all claims. Empty where nothing is known.
    """
    alone, among = row["p_gain"], row["q_gain"]
    if row["label"] != "UNDETERMINED" or alone is None or among is None or alone > row["alpha"]:
        return ""
    return ALONE if among > row["false_discovery_rate"] else ""


def estimate(row: Row, name: str) -> str:
    """An effect with its interval on its scale; a dash where it is not known."""
    if row[name] is None:
        return DASH
    if row[f"{name}_lower"] is None:
        return f"{signed(row[name])} (no interval)"
    return f"{signed(row[name])} [{signed(row[f'{name}_lower'])}, {signed(row[f'{name}_upper'])}]"


def natural(effect: float | None, row: Row) -> str:
    """An effect on its scale as what it does to the baseline's mean value: in percentage points for shares, in percent
    of an error, else as it is.
    """
    if effect is None or row["baseline"] is None:
        return DASH
    if row["scale"] == "identity":
        return signed(effect)
    if row["scale"] == "log":
        return f"{signed(100 * (math.exp(-effect) - 1), 0)} % error" if not row["higher_is_better"] else DASH
    start = min(max(row["baseline"], 1e-4), 1 - 1e-4)
    sign = 1 if row["higher_is_better"] else -1
    moved = 1 / (1 + math.exp(-(math.log(start / (1 - start)) + sign * effect)))
    return f"{signed(100 * (moved - start), 1)} points"


def measured(row: Row) -> str:
    """The mean paired difference in the measurement's own unit: points, or percent of the baseline's error."""
    difference = row.get("difference")
    if difference is None or row["baseline"] is None:
        return DASH
    if row["scale"] == "identity":
        return signed(difference)
    if row["scale"] == "log":
        return f"{signed(-100 * difference / row['baseline'], 0)} % error" if row["baseline"] else DASH
    sign = 1 if row["higher_is_better"] else -1
    return f"{signed(100 * sign * difference, 1)} points"


def hover(row: Row) -> str:
    """Everything a verdict rests on, for the pointer that rests on it."""
    lines = [
        f"{row['method']}, {row['measurement']}: {row['label']}"
        + (f" {STAR}" if row.get("starred") else "")
        + (f" ({row['qualifier']})" if row["qualifier"] else ""),
        *([row["about"]] if row.get("about") else []),
        *(["its authors claim a gain here"] if row["claimed"] else []),
        f"D, beyond capability: {estimate(row, 'beyond')}, about {natural(row['beyond'], row)}",
        f"T, in all: {estimate(row, 'total')}; as measured {measured(row)}",
        f"E, on capability: {estimate(row, 'capability')}",
        f"margins: {row['margin']:.2f} of safety, {row['capability_margin']:.2f} of capability",
        _of_pairs(row),
    ]
    if row["beyond"] is not None:
        lines.append(f"D rests on {rests_on(row)}")
    if row["q_gain"] is not None:
        lines.append(f"p {row['p_gain']:.2g}, q {row['q_gain']:.2g} that D is no more than the margin")
    if row.get("label_by_accuracy"):
        lines.append(f"held against clean accuracy alone: {row['label_by_accuracy']}")
    if row["flagged_runs"]:
        lines.append(f"without {row['flagged_runs']} flagged runs: {row['label_without_flagged']}")
    lines += [f"fragility: {row['hangs_on']}"] if row.get("hangs_on") else []
    return "\n".join([*lines, *([reason(row)] if row["reason"] else [])])


def _of_pairs(row: Row) -> str:
    if row["unit"] == FAMILY:
        families = f"{row['units']} {'family' if row['units'] == 1 else 'families'}"
        return f"{row['pairs']} pairs in {families}; baseline models' mean {number(row['baseline'])}"
    match = "equal training FLOPs" if row["match"] == "flops" else "equal epochs"
    return f"{row['pairs']} pairs of {row['models']} models, at {match}; standard runs' mean {number(row['baseline'])}"


def beside(row: Row) -> str:
    """What stands beside a verdict in its cell: its qualifier, why it is blocked, or what is known of it though it is
    open; what a gain costs of capability; and the verdict without flagged runs where that is another.
    """
    qualifier = re.sub(r"-(?=\d)", MINUS, row["qualifier"])
    said = [row["reason"] if row["label"] == "BLOCKED" else half_known(row) or qualifier]
    if row["label"] in ("TRADE-OFF", "GAIN, PRICE OPEN", "GAIN, SIZE OPEN") and row["capability"] is not None:
        said.append(f"capability {signed(row['capability'])}{_when(row)} ({_price(row)})")
    if row["flagged_runs"] and row["label_without_flagged"] != row["label"]:
        said.append(f"{row['label_without_flagged'] or 'not known'} without {row['flagged_runs']} flagged runs")
    return "; ".join(text for text in said if text)


def _named(row: Row) -> str:
    """The area, with the size of the effect where the verdict claims one."""
    if half_known(row):
        return f"{row['area']} ({measured(row)} in all)"
    if row["label"] == "BLOCKED":
        return f"{row['area']} ({row['reason']})"
    shown = VERDICTS[row["label"]].size
    if shown == "total":
        return f"{row['area']} ({measured(row)})"
    if shown == "bound":
        return f"{row['area']} ({_bound(row)})"
    return f"{row['area']} ({natural(row[shown], row)})" if shown else str(row["area"])


def _price(row: Row) -> str:
    low, high, margin = row["capability_lower"], row["capability_upper"], row["capability_margin"]
    if high < -margin:
        return "falls by more than its margin"
    if low > -margin and row["label"] == "GAIN, PRICE OPEN" and row["capability_least"] <= -margin:
        return f"open at equal {'epochs' if row['match'] == 'flops' else 'FLOPs'}"
    if low > -margin:
        return (
            "falls by no more than its margin" if high < 0 else "does not fall" if low > 0 else "no fall that matters"
        )
    return "falls" if high < 0 else "open"


def rests_on(row: Row) -> str:
    """How much D rests on, as in "9 of 12 models"; of T, where D is not known."""
    if row["unit"] == FAMILY:
        return f"{row['pairs']} pairs" if row["beyond"] is None else f"{row['in_range']} of {row['pairs']} pairs"
    if row["beyond"] is None or row["in_range"] is None:
        return f"{row['models']} models"
    return f"{row['in_range']} of {row['units']} {row['unit']}s"


def _bound(row: Row) -> str:
    """The bound of an effect as what it does to the baseline's mean value, which an effect on an error lowers."""
    least = row["label"] == "GAIN, SIZE OPEN"
    lowers = row["scale"] != "identity" and not row["higher_is_better"]
    said = natural(row["beyond_least" if least else "beyond_most"], row)
    alone = ", taken alone" * (least and row["beyond_least"] > row["margin"])
    return f"at {'least' if least != lowers else 'most'} {said}{alone}"


def prices(estimates: Iterable[Row]) -> dict[tuple[str, str], dict[str, Row]]:
    """By method and measurement, the effect on capability at every match. `estimates` has rows of the table of that
    name.
    """
    found: dict[tuple[str, str], dict[str, Row]] = {}
    for row in estimates:
        of = found.setdefault((row["method"], row["measurement"]), {})
        of[row["match"]] = {name: row[name] for name in ("match", "capability", "capability_lower", "capability_upper")}
    return found


def _capability(row: Row) -> str:
    """E as trained and, where the method costs other FLOPs, at equal ones; `row` has both in `prices`, by match."""
    prices: Mapping[str, Row] = row["prices"]
    known = {match: {**row, **price} for match, price in prices.items() if price["capability_lower"] is not None}
    if not known:
        return "Its effect on capability is not known."
    said = [f"{_moves(each)} (E {estimate(each, 'capability')}){_when(each)}" for each in known.values()]
    return f"Capability {'; '.join(said)}."


def _moves(row: Row) -> str:
    low, high, margin = row["capability_lower"], row["capability_upper"], row["capability_margin"]
    said = "falls" if high < 0 else "rises" if low > 0 else "does not change beyond noise"
    return said + (", by less than the margin" if -margin < low and high < margin and (high < 0 or low > 0) else "")


def _when(row: Row) -> str:
    """At which match an effect on capability is; models measured elsewhere have one alone."""
    if row["unit"] == FAMILY:
        return ""
    return " at equal FLOPs" if row["match"] == "flops" else " as trained"
