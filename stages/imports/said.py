"""What the tables of an imported study say, as lines to print."""

from collections.abc import Mapping

import polars as pl

from analysis.jumps.curve import FEWEST_POINTS
from analysis.jumps.labels import JUMP
from analysis.jumps.schema import JUMPS
from analysis.label_fragility import LINE, MOST
from analysis.pairs.items import ITEM_PAIRS
from analysis.partial import PARTIAL
from analysis.words import several
from stages.page.format import DASH, signed
from stages.page.fragility_text import hangs_on
from stages.page.verdict_text import estimate, measured
from stages.page.verdicts import VERDICTS

MOST_NAMED = 6
WIDEST = 28


def said(found: Mapping[str, pl.DataFrame]) -> list[str]:
    """Labels of the measurements, and of pairs the verdicts, the effects they rest on, and what was left out."""
    labels = found["metric_labels"]
    lines = [
        *_labels(labels),
        *_fragile(found["label_fragility"].filter(pl.col("measurement").is_in(labels["measurement"].implode()))),
    ]
    lines += _partial(found[PARTIAL.name].filter(axis="safety")) if PARTIAL.name in found else []
    lines += _over_training(found[JUMPS.name]) if JUMPS.name in found else []
    return [*lines, *(_pairs(found) if "verdicts" in found else [])]


def _over_training(judged: pl.DataFrame) -> list[str]:
    """How many curves over training have which label, and where those jump that do."""
    counts = judged["label"].value_counts().sort("label").rows()
    lines = [f"{several(len(judged), 'curve')} over training: {', '.join(f'{n} {label}' for label, n in counts)}"]
    jumping = judged.filter(label=JUMP)
    lines += [
        f"  {measurement} of {model}: {JUMP} by {by:+.3g} at step {2**at:.0f}"
        for measurement, model, by, at in jumping.select("measurement", "model", "amplitude", "change_point")
        .head(MOST_NAMED)
        .iter_rows()
    ]
    lines += [f"  and {len(jumping) - MOST_NAMED} more"] * (len(jumping) > MOST_NAMED)
    thin = judged.filter(pl.col("points") < FEWEST_POINTS)
    return lines + [f"  {len(thin)} of them with fewer than {FEWEST_POINTS} steps"] * bool(len(thin))


def _labels(labels: pl.DataFrame) -> list[str]:
    known = labels.filter(pl.col("label").is_not_null())
    if known.is_empty():
        return []
    counts = known["label"].value_counts().sort("label").rows()
    said = ", ".join(f"{count} {label}" for label, count in counts)
    return [
        f"labels of {several(len(known), 'safety measurement')}, by their correlation with {known['score'][0]}: {said}"
    ]


def _fragile(safety: pl.DataFrame) -> list[str]:
    """How many correlations cross the line without few models, and those that do without one."""
    counts = [int((safety["fewest"] <= most).sum()) for most in range(1, MOST + 1)]
    if not any(counts):
        return []
    said = ", ".join(f"{count} with {several(most, 'model')} left out" for most, count in enumerate(counts, 1))
    alone = safety.filter(fewest=1).select("measurement", "removed", "estimate", "estimate_then").iter_rows()
    named = [f"{name} (without {removed} {then:+.2f}, with it {now:+.2f})" for name, removed, now, then in alone]
    more = f", and {len(named) - MOST_NAMED} more" if len(named) > MOST_NAMED else ""
    lines = [f"correlations of safety measurements, {len(safety)} in all, that cross {LINE:g}: {said}"]
    return lines + [f"  {', '.join(named[:MOST_NAMED])}{more}"] * bool(named)


def _partial(safety: pl.DataFrame) -> list[str]:
    """The correlations that change most when release dates, labs, or both are taken out."""
    lines = []
    for (given,), rows in safety.group_by("given", maintain_order=True):
        by_change = rows.sort((pl.col("estimate") - pl.col("unadjusted")).abs(), descending=True)
        named = [
            f"{row['measurement']} {row['estimate']:+.2f}{_between(row)}, else {row['unadjusted']:+.2f}"
            for row in by_change.iter_rows(named=True)
        ]
        more = f", and {len(named) - MOST_NAMED} more" if len(named) > MOST_NAMED else ""
        lines.append(f"correlations given {given}: {'; '.join(named[:MOST_NAMED])}{more}")
    return lines


def _between(row: Mapping[str, object]) -> str:
    return "" if row["low"] is None else f" [{row['low']:+.2f}, {row['high']:+.2f}]"


def _pairs(found: Mapping[str, pl.DataFrame]) -> list[str]:
    pairs, verdicts = found["pairs"], found["verdicts"]
    lines = [
        f"{several(len(pairs), 'pair')} of {several(pairs['method'].n_unique(), 'method')} "
        f"in {several(pairs['family'].n_unique(), 'family')}",
        *_notes(pairs),
        *_floors(found["margins"]),
        *_left_out(found["left_out"]),
    ]
    lines += _by_item(found[ITEM_PAIRS.name]) if ITEM_PAIRS.name in found else []
    few = hangs_on(found["fragility"].filter(pl.col("fewest").is_not_null()).to_dicts())
    for (method,), own in found["effects"].group_by("method", maintain_order=True):
        rows = verdicts.filter(method=method)
        if rows.is_empty():
            lines.append(f"{method}: no pairs, and so no verdict")
            continue
        name = f"{method} (placebo)" if rows["placebo"][0] else str(method)
        lines.append(f"{name}: {_counts(own)}, capability {_of_capability(rows)}")
        lines += [
            _verdict(row, few.get((row["dataset"], row["method"], row["measurement"]), ""))
            for row in rows.iter_rows(named=True)
        ]
    return lines


def _floors(margins: pl.DataFrame) -> list[str]:
    """Which measurements have the least margin there is, for want of any other."""
    names = margins.filter(source="floor")["measurement"].sort().to_list()
    named = ", ".join(names[:MOST_NAMED]) + f", and {len(names) - MOST_NAMED} more" * (len(names) > MOST_NAMED)
    said = (
        "margins that are not given, and are the least there can be (a point of a share, 5 % of an error), within which"
    )
    return [f"{said} little can be shown: {named}"] * bool(names)


def _by_item(pairs: pl.DataFrame) -> list[str]:
    """How many pairs are matched by item, and those whose sides have different items."""
    if pairs.is_empty():
        return []
    matched = pairs.filter(pl.col("items") > 0)["items"].unique().sort()
    sizes = " to ".join(f"{size:,}" for size in dict.fromkeys([*matched.head(1), *matched.tail(1)])) or "no"
    lines = [
        f"{several(len(pairs), 'pair')} of {several(pairs['measurement'].n_unique(), 'measurement')} matched by item, "
        f"with {sizes} items each"
    ]
    apart = pairs.filter((pl.col("only_model") > 0) | (pl.col("only_baseline") > 0))
    named = [
        f"{row['measurement']} of {row['model']} ({row['items']} in common, {row['only_model']} of its own alone, "
        f"{row['only_baseline']} of its baseline's)"
        for row in apart.head(MOST_NAMED).iter_rows(named=True)
    ]
    more = f", and {len(apart) - MOST_NAMED} more" if len(apart) > MOST_NAMED else ""
    return lines + [f"  {len(apart)} with items that one side lacks: {', '.join(named)}{more}"] * bool(named)


def _notes(pairs: pl.DataFrame) -> list[str]:
    chains, apart = int(pairs["chain"].sum()), int((~pairs["within"]).sum())
    lines = [f"{chains} of them in a chain: their baseline is itself a method's model, and no rung of the ladder"]
    beside = [f"{apart} of them differ from their baseline, the only row of its name, in what tells rows apart"]
    return lines * bool(chains) + beside * bool(apart)


def _left_out(left_out: pl.DataFrame) -> list[str]:
    lines = [f"{len(left_out)} row{'s take' if len(left_out) > 1 else ' takes'} no part in pairs:"] * bool(
        len(left_out)
    )
    for (reason,), rows in left_out.group_by("reason", maintain_order=True):
        each = rows.select("name", "detail").unique(maintain_order=True).iter_rows()
        names = [f"{name} ({detail})" if detail else name for name, detail in each]
        more = f", and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
        lines.append(f"  {reason}: {len(rows)}: {', '.join(names[:MOST_NAMED])}{more}")
    return lines


def _counts(effects: pl.DataFrame) -> str:
    pairs, families = effects.select("pairs", "families").row(0)
    return f"{several(pairs, 'pair')} in {several(families, 'family')}"


def _of_capability(verdicts: pl.DataFrame) -> str:
    row = verdicts.row(0, named=True)
    return "not known" if row["capability"] is None else _effect(row, "capability")


def _effect(row: Mapping[str, object], name: str) -> str:
    if row[f"{name}_lower"] is None and row[name] is not None:
        return f"{signed(float(row[name]))} (one family: no interval)"  # type: ignore[arg-type]
    return estimate(row, name)


def _verdict(row: Mapping[str, object], hangs: str) -> str:
    label = f"{VERDICTS[str(row['label'])].mark} {row['label']}"
    beyond = f"D {_effect(row, 'beyond')}" if row["beyond"] is not None else ""
    total = "not measured" if row["total"] is None else f"T {_effect(row, 'total')}"
    told = row["total"] is not None and row["scale"] != "identity" and measured(row) != DASH
    total += f", {measured(row)} as measured" * told
    beside = "; ".join(text for text in (beyond, total, str(row["qualifier"]), str(row["reason"]), hangs) if text)
    return f"  {row['measurement']!s:<{WIDEST}} {label}: {beside}"
