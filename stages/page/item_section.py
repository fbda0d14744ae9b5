"""The section "Pairs matched by item" of an imported study's page: what the scores of single items say of pairs."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import polars as pl

from analysis.pairs.item_variances import ITEM_VARIANCES
from analysis.pairs.items import ITEM_PAIRS
from stages.page.format import DASH, Measure, difference, interval, percent
from stages.page.tasks import TaskResults

Row = dict[str, Any]


def item_section(task: TaskResults, found: Mapping[str, pl.DataFrame]) -> dict[str, list[Row]]:
    """`methods`: a row for each method and measurement; `pairs`: one for each of its pairs. Both are empty where no
    pair has scores of items. Differences are as measured, whichever way is better.
    """
    shown = _measures(task)
    places = pl.col("measurement").replace_strict(list(task.shown), range(len(task.shown)), default=len(task.shown))
    pairs = found.get(ITEM_PAIRS.name, ITEM_PAIRS.empty()).sort("method", places, "model")
    of_items = _shares(found)
    groups = pairs.group_by("method", "measurement", maintain_order=True)
    return {
        "methods": [_of_method(shown, rows, of_items.get((str(key[0]), str(key[1])))) for key, rows in groups],
        "pairs": [_of_pair(shown, row) for row in pairs.iter_rows(named=True)],
    }


def _measures(task: TaskResults) -> dict[str, Measure]:
    """How each measurement is shown: in points where all its values lie in [0, 1], as the verdicts have it."""
    ranges = task.results.group_by("measurement").agg(low=pl.col("value").min(), high=pl.col("value").max())
    shares = ranges.filter(pl.col("low") >= 0, pl.col("high") <= 1)["measurement"].to_list()
    return {name: replace(measure, percent=name in shares) for name, measure in task.shown.items()}


def _shares(found: Mapping[str, pl.DataFrame]) -> dict[tuple[str, str], float]:
    """By method and safety measurement, the part of T's variance that the choice of items adds."""
    if ITEM_VARIANCES.name not in found:
        return {}
    added = found[ITEM_VARIANCES.name].filter(effect="total").select("method", "measurement", "added")
    known = found["verdicts"].join(added, on=["method", "measurement"]).filter(pl.col("total_se") > 0)
    rows = known.select("method", "measurement", pl.col("added") / pl.col("total_se") ** 2).iter_rows()
    return {(method, measurement): share for method, measurement, share in rows}


def _of_method(shown: Mapping[str, Measure], rows: pl.DataFrame, share: float | None) -> Row:
    first = rows.row(0, named=True)
    measure = shown[first["measurement"]]
    sizes = rows["items"].unique().sort()
    return {
        "method": first["method"],
        "measurement": measure.label,
        "pairs": len(rows),
        "items": f"{sizes[0]:,}" if len(sizes) == 1 else f"{sizes[0]:,} to {sizes[-1]:,}",
        "difference": difference(rows["difference"].mean(), measure),  # type: ignore[arg-type]
        "above": int((rows["low"] > 0).sum()),
        "below": int((rows["high"] < 0).sum()),
        "share": DASH if share is None else percent(round(share, 2)),
    }


def _of_pair(shown: Mapping[str, Measure], row: Row) -> Row:
    measure = shown[row["measurement"]]
    lacking = {"its baseline": row["only_model"], "the model": row["only_baseline"]}
    return {
        "method": row["method"],
        "model": row["model"],
        "baseline": row["baseline"],
        "measurement": measure.label,
        "items": row["items"],
        "difference": difference(row["difference"], measure),
        "interval": interval(row["low"], row["high"], measure),
        "remark": "; ".join(f"{side} lacks {count:,}" for side, count in lacking.items() if count),
    }
