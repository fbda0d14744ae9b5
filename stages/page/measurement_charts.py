"""The charts of one measurement: safety against capability, effects, and the curve over scale."""

from typing import Any

import numpy as np
import polars as pl

from analysis.capability import CLEAN_ACCURACY, at_last_step
from analysis.findings import SCORE
from analysis.jumps.labels import JUMP
from analysis.scales import Floats, from_scale, on_scale
from analysis.tables import BASELINE
from stages.page import charts, verdict_charts
from stages.page.format import Row
from stages.page.plane_charts import capability_plane
from stages.page.tasks import Specs, TaskResults


def measurement_charts(task: TaskResults, verdicts: pl.DataFrame, specs: Specs) -> list[dict[str, Any]]:
    """The measurements that have charts of their own, those of areas first, with the names of their charts."""
    jumps = _jump_charts(task, specs)
    first = verdicts.filter(pl.col("area").is_not_null()).sort("order")["measurement"].unique(maintain_order=True)
    others = [name for name in task.results["measurement"].unique() if name in task.shown]
    order = list(dict.fromkeys([*first, *(name for name in task.shown if name in others)]))
    picks = []
    for name in order:
        kinds = dict(jumps.get(name, {}))
        rows = verdicts.filter(pl.col("measurement") == name)
        if len(rows) or task.results.filter(measurement=name, axis="safety").height:
            kinds |= _safety_charts(task, name, rows, specs)
        if kinds:
            picks.append({"label": task.label(name), "measurement": name, "kinds": kinds})
    return picks


def _safety_charts(task: TaskResults, name: str, rows: pl.DataFrame, specs: Specs) -> dict[str, str]:
    end = f"{task.slug}_{task.slugs[name]}"
    kinds = {}
    points = safety_points(task, name)
    if len(points):
        kinds["safety"] = f"safety{end}"
        specs[kinds["safety"]] = charts.safety_against_capability(
            points,
            _ladder(task, name, rows),
            methods=task.methods,
            titles=(task.shown[SCORE].title, task.shown[name].title),
            percent=task.shown[name].percent,
            falling=task.shown[name].falling,
        )
    against_accuracy = accuracy_points(task, name)
    if len(against_accuracy):
        kinds["accuracy"] = f"accuracy{end}"
        specs[kinds["accuracy"]] = charts.safety_against_capability(
            against_accuracy,
            baseline_trend(against_accuracy, percent=task.shown[name].percent),
            methods=task.methods,
            titles=("clean: accuracy (%)", task.shown[name].title),
            percent=task.shown[name].percent,
            falling=task.shown[name].falling,
            shares=True,
        )
    unit = verdict_charts.UNITS[rows["scale"][0]] if len(rows) else ""
    known, paired = (rows.filter(pl.col(column).is_not_null()) for column in ("beyond", "total"))
    if len(known):
        kinds["plane"] = f"plane{end}"
        specs[kinds["plane"]] = capability_plane(known, methods=task.others, unit=unit)
    if len(paired):
        kinds["forest"] = f"forest{end}"
        specs[kinds["forest"]] = verdict_charts.forest(_forest_rows(paired), methods=task.others, unit=unit)
    return kinds


def safety_points(task: TaskResults, name: str) -> pl.DataFrame:
    """A row per run with a capability score: the score as x, the measurement's value as y."""
    run = ["method", "model", "seed"]
    score = at_last_step(task.found["capability"]).filter(pl.col("score_name") == SCORE).select(*run, x="score")
    return (
        task.results.filter(pl.col("measurement") == name)
        .join(score, on=run)
        .sort(run)
        .select("measurement", "method", "model", "family", "parameters", "flops", "seed", "x", y="value")
    )


def accuracy_points(task: TaskResults, name: str) -> pl.DataFrame:
    """A row per run with a clean accuracy: it as x, the measurement's value as y."""
    run = ["method", "model", "seed"]
    accuracy = task.results.filter(pl.col("measurement") == CLEAN_ACCURACY).select(*run, x="value")
    points = task.results.filter(pl.col("measurement") == name).join(accuracy, on=run).sort(run)
    return points.select("measurement", *run, "family", "parameters", "flops", "x", y="value")


def baseline_trend(points: pl.DataFrame, *, percent: bool) -> pl.DataFrame:
    """The standard runs' least-squares line over the logit of accuracy, shares on the logit scale too; without a band.

    Columns x, y, lower, upper; empty where fewer than three standard runs differ in accuracy.
    """
    standard = points.filter(pl.col("method") == BASELINE)
    x = _logit(standard["x"])
    if len(standard) < 3 or np.ptp(x) == 0:
        return pl.DataFrame(schema=dict.fromkeys(("x", "y", "lower", "upper"), pl.Float64))
    y = _logit(standard["y"]) if percent else standard["y"].to_numpy()
    along = np.linspace(x.min(), x.max(), 40)
    line = np.asarray(np.polyval(np.polyfit(x, y, 1), along), dtype=np.float64)
    fitted = from_scale(line, "logit", True) if percent else line
    return pl.DataFrame({"x": from_scale(along, "logit", True), "y": fitted, "lower": fitted, "upper": fitted})


def _logit(shares: pl.Series) -> Floats:
    inside = np.clip(shares.to_numpy(), 1e-3, 1 - 1e-3)  # a line is to be drawn: no end may pull it
    return on_scale(inside, np.full(len(inside), 1e12), "logit", True)


def _ladder(task: TaskResults, name: str, rows: pl.DataFrame) -> pl.DataFrame:
    ladder = task.found["ladder"].filter(pl.col("measurement") == name).sort("capability")
    if not len(rows) or not len(ladder):
        return pl.DataFrame(schema=dict.fromkeys(("x", "y", "lower", "upper"), pl.Float64))
    scale, higher = rows["scale"][0], rows["higher_is_better"][0]
    columns = {
        new: pl.Series(from_scale(ladder[old].to_numpy(), scale, higher))
        for new, old in (("y", "safety"), ("lower", "lower"), ("upper", "upper"))
    }
    return ladder.select(x="capability", **columns)


def _forest_rows(rows: pl.DataFrame) -> pl.DataFrame:
    kinds = {"beyond": "beyond capability (D)", "total": "in all (T)"}
    frames = [
        rows.select(
            *("method", "label", "margin", "pairs", "models"),
            kind=pl.lit(said),
            value=kind,
            low=f"{kind}_lower",
            high=f"{kind}_upper",
        )
        for kind, said in kinds.items()
    ]
    return pl.concat(frames).filter(pl.col("value").is_not_null())


CURVE = ["family", "model", "measurement"]


def _jump_charts(task: TaskResults, specs: Specs) -> dict[str, dict[str, str]]:
    """The names of each measurement's charts of jumps, over scale (`jumps`) and over training steps (`steps`): of its
    curves the one with most positions, a jump before others, a larger model before a smaller one.
    """
    made: dict[str, dict[str, str]] = {}
    sizes = task.results.group_by("model").agg(pl.col("parameters").max())
    jumps = task.found["jumps"].join(sizes, on="model", how="left")
    order = [pl.col("points"), pl.col("label") == JUMP, pl.col("parameters").fill_null(0), *map(pl.col, CURVE)]
    jumps = jumps.sort(order, descending=[True, True, True, False, False, False])
    drawn = task.found["jump_fits"].select(CURVE).unique()
    for row in jumps.join(drawn, on=CURVE, how="semi", maintain_order="left").iter_rows(named=True):
        kind = "steps" if row["axis"] == "step" else "jumps"
        kinds = made.setdefault(row["measurement"], {})
        if kind not in kinds:
            kinds[kind] = f"{kind}{task.slug}_{task.slugs[row['measurement']]}"
            specs[kinds[kind]] = _jump_chart(row, task)
    return made


def _jump_chart(row: Row, task: TaskResults) -> charts.Spec:
    """One curve with both fits, and its companion's beside it."""
    fits = task.found["jump_fits"].filter(family=row["family"], model=row["model"])
    panels = [
        (task.label(each), rows)
        for each in (row["measurement"], row["companion"])
        if each in task.shown and len(rows := fits.filter(measurement=each))
    ]
    curve = row["model"] or ("all families pooled" if row["family"] == "pooled" else row["family"])
    said = f"{curve}: {row['label']}{' (confirmed)' if row['confirmed'] else ''}"
    return verdict_charts.jump_curves(panels, axis=row["axis"], title=said)
