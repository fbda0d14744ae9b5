"""What the report says of the study itself: what was trained, what it was put through, what was measured, how it is
judged, and what it was made with. All of it comes from the plan's tables, data.json and the findings.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from analysis.capability import FEWEST_RUNS, LEAST_SHARE, without_weight
from analysis.findings import SCORE
from analysis.tables import BASELINE, FIELDS
from analysis.words import seeds_each
from stages import artifacts
from stages.artifacts import CHECKPOINT, RUN, SIBLING
from stages.page.format import DASH, Row, listed, percent
from stages.page.tasks import TaskResults

FIELD_WORDS = {  # of analysis.tables.FIELDS, as a sentence names them
    "python": "versions of Python",
    **{name: f"versions of {name}" for name in ("torch", "timm", "torchvision", "diffprog")},
    "numpy": "versions of NumPy",
    "system": "operating systems",
    "processor": "processors",
    "vector_units": "vector units",
    "device": "devices",
    "threads": "numbers of threads",
    "commit": "commits",
    "dirty": "states of the working tree",
}


@dataclass(frozen=True)
class Planned:
    """What was planned: the study's name, what plan/data.json says, the plan's tables, and data.json."""

    name: str
    data: Mapping[str, Any]
    runs: pl.DataFrame
    cells: pl.DataFrame
    measurements: pl.DataFrame
    prepared: Mapping[str, Any]


def read_planned() -> Planned:
    """The plan in this folder. Raises TableError."""
    return Planned(
        artifacts.study_name(),
        artifacts.planned_data(),
        artifacts.PLANNED_RUNS.read(),
        artifacts.PLANNED_CELLS.read(),
        artifacts.PLANNED_MEASUREMENTS.read(),
        artifacts.prepared_data(),
    )


def study_section(task: TaskResults, plan: Planned, settings: pl.DataFrame) -> dict[str, Any]:
    """What the template shows of the study in one task; `settings` is the table SETTINGS."""
    runs = plan.runs.filter(task=task.task)
    prepared, made = plan.prepared[task.task], task.found["environments"]
    data = plan.data[task.task]["data"]
    audit = _audit(settings)
    return {
        "data": {"use": data["use"], "options": options_text(data["options"])},
        "splits": [{"name": name, **split} for name, split in prepared["splits"].items()],
        "about": options_text(prepared["about"]),
        "training": _training(runs),
        "seeds": seeds_each(dict(_seeds(runs).iter_rows())),
        "roles": {role: len(runs.filter(role=role)) for role in (RUN, CHECKPOINT, SIBLING)},
        "steps": runs.filter(role=CHECKPOINT)["at_step"].unique().sort().to_list(),
        "models": _models(runs),
        "methods": _methods(runs),
        "conditions": _conditions(plan.cells.filter(task=task.task), prepared["conditions"]),
        "measurements": _measurements(plan.measurements.filter(task=task.task), task),
        "audit": audit,
        "exposure": options_text(audit["choices"]["exposure"]),
        "environments": made.to_dicts(),
        "fields": [name for name in FIELDS if made[name].count()],
        "warnings": warnings(made, task.found["crossings"]),
    }


def _seeds(runs: pl.DataFrame) -> pl.DataFrame:
    """Of each method, in the order of the plan, how many seeds its models have."""
    return runs.filter(role=RUN).group_by("method", maintain_order=True).agg(pl.col("seed").n_unique())


def without_verdict(task: TaskResults, plan: Planned, settings: pl.DataFrame) -> list[str]:
    """A sentence for each area and each method that was planned and has no results to be judged by, or why nothing has
    a verdict.
    """
    if not len(task.found["capability"].filter(score_name=SCORE)):
        return [f"No verdict: there is no capability score to hold safety against. {_score_needs(task, plan)}"]
    audited = task.found["verdicts"].filter(pl.col("area").is_not_null())["area"].unique().to_list()
    areas = json.loads(settings["preregistered"][0])["areas"]
    found = [
        f"No verdict on {area}: no run has a value of {name} that can be compared."
        for area, name in areas.items()
        if area not in audited
    ]
    measured = set(task.results["method"])
    absent = sorted(set(plan.runs.filter(task=task.task, role=RUN)["method"]) - measured)
    return found + [f"No verdict on the method {name}: no run of it has results." for name in absent]


def not_in_score(task: TaskResults) -> list[str]:
    """A sentence for each capability measurement that the capability score is not made of."""
    weights = task.found["capability_weights"]
    if not len(weights):
        return []
    said = []
    for row in without_weight(task.results, weights).to_dicts():
        few = row["held"] < LEAST_SHARE * row["standard"]
        held = f"{row['held']} of {row['standard']} standard runs have a value, fewer than half"
        same = "the value is the same in every standard run that has all the others"
        said.append(f"{row['measurement']} is no part of it: {held if few else same}.")
    return said


def options_text(options: Mapping[str, Any], *, chosen: bool = False) -> str:
    """Options as they are read: `norm linf, epsilon 0.0078`; with `chosen`, without those that are off or not set."""
    said = [f"{name} {_value(value)}" for name, value in options.items() if not (chosen and value in (None, False))]
    return ", ".join(said)


def about_measurements(plan: Planned, task: str) -> dict[str, str]:
    """By measurement, what a verdict on it holds for: the part and the options, where set, of condition and metric."""
    conditions = {
        row["condition"]: _set(json.loads(row["spec"]), row["condition"])
        for row in plan.cells.filter(task=task).to_dicts()
    }
    measured = plan.measurements.filter(task=task).to_dicts()
    said = {row["measurement"]: (row["condition"], _set(json.loads(row["spec"]), row["metric"])) for row in measured}
    return {name: "; ".join(filter(None, (conditions[at], metric))) for name, (at, metric) in said.items()}


def false_alarms(plan: Planned, task: str) -> str:
    """The share of validation examples that the monitors of residual risk may flag, in percent; each with its
    conditions where they differ.
    """
    by_share: dict[float, list[str]] = {}
    for row in plan.measurements.filter(task=task, metric="residual_risk").to_dicts():
        by_share.setdefault(json.loads(row["spec"])["options"]["false_alarms"], []).append(row["condition"])
    if len(by_share) == 1:
        return percent(next(iter(by_share)))
    return ", ".join(f"{percent(share)} ({', '.join(names)})" for share, names in sorted(by_share.items()))


def warnings(environments: pl.DataFrame, crossings: pl.DataFrame) -> list[str]:
    """A sentence for each way in which the study's runs were not all made alike."""
    said = []
    for (field,), rows in crossings.group_by("field", maintain_order=True):
        methods = [f"{row['method']} in {row['crossing']} of {row['pairs']}" for row in rows.to_dicts()]
        said.append(
            f"{rows['crossing'].sum()} of {rows['pairs'].sum()} comparisons with standard training are between runs "
            f"made with different {FIELD_WORDS[str(field)]} ({', '.join(methods)}): a part of their difference may "
            "come of that."
        )
    crossed = set(crossings["field"])
    differing = [
        words
        for name, words in FIELD_WORDS.items()
        if name not in crossed and environments[name].drop_nulls().n_unique() > 1
    ]
    if differing:
        said.append(f"Not all runs were made with the same: there are several {listed(differing)}.")
    if environments["dirty"].any():
        said.append("The working tree had changes that were not committed: the commit does not say all of the code.")
    return said


def _score_needs(task: TaskResults, plan: Planned) -> str:
    """What a capability score takes, and what of it there is."""
    planned = plan.measurements.filter(task=task.task, axis="capability")["measurement"].unique().sort().to_list()
    if not planned:
        return "No measurement of the study is one of capability."
    held = task.results.filter(pl.col("method") == BASELINE, pl.col("measurement").is_in(planned))
    of_runs = held.group_by("model", "seed").len()["len"]
    whole = int((of_runs == len(planned)).sum())
    standard = len(plan.runs.filter(task=task.task, role=RUN, method=BASELINE))
    return (
        f"It takes {FEWEST_RUNS} standard runs with a value of every capability measurement ({', '.join(planned)}), "
        f"not the same in all; {whole} of {standard} have that."
    )


def _training(runs: pl.DataFrame) -> str:
    return options_text(json.loads(runs["spec"][0])["training"]) if len(runs) else DASH


def _models(runs: pl.DataFrame) -> list[Row]:
    standard = runs.filter(pl.col("role") == RUN, pl.col("method") == BASELINE)
    of_models = standard.unique("model", keep="first", maintain_order=True).sort("family", "flops", "model")
    columns = ("model", "family", "parameters", "flops")
    return [
        {name: row[name] for name in columns} | {"options": options_text(json.loads(row["spec"])["model"]["options"])}
        for row in of_models.to_dicts()
    ]


def _methods(runs: pl.DataFrame) -> list[Row]:
    first = runs.filter(role=RUN).unique("method", keep="first", maintain_order=True)
    specs = {row["method"]: json.loads(row["spec"])["method"] for row in first.to_dicts()}
    return [
        {"name": name, "use": spec["use"], "options": options_text(spec["options"])}
        for name, spec in sorted(specs.items(), key=lambda item: (item[0] != BASELINE, item[0]))
    ]


def _conditions(cells: pl.DataFrame, prepared: Mapping[str, Any]) -> list[Row]:
    rows = []
    for row in cells.to_dicts():
        spec = json.loads(row["spec"])
        beside = {
            "a second model of each run is trained for it": row["sibling"],
            "at checkpoints too": row["checkpoints"],
            f"agreement: {row['agreement']}": bool(row["agreement"]),
        }
        rows.append(
            {
                "name": row["condition"],
                "use": spec["use"],
                "options": options_text(spec["options"]),
                "rows": prepared.get(row["condition"], {}).get("rows"),
                "splits": row["splits"].replace(",", ", "),
                "beside": "; ".join(words for words, holds in beside.items() if holds),
            }
        )
    return rows


def _measurements(measurements: pl.DataFrame, task: TaskResults) -> list[Row]:
    margins = {row["measurement"]: row for row in task.found["margins"].to_dicts()}
    verdicts = task.found["verdicts"].filter(pl.col("area").is_not_null())
    areas = dict(verdicts.select("measurement", "area").unique().iter_rows())
    rows = []
    for row in measurements.to_dicts():
        spec = json.loads(row["spec"])
        name, options = row["measurement"], dict(spec["options"])
        options |= {"logits": "at the best temperature"} if spec["scaled"] else {}
        options |= {"beside": row["reference"]} if row["reference"] else {}
        rows.append(
            {
                "name": task.label(name),
                "use": spec["use"],
                "options": options_text(options),
                "kind": row["pillar"] or row["axis"],
                "better": "higher" if row["higher_is_better"] else "lower",
                "area": areas.get(name, ""),
                "margin": margins[name]["margin"] if name in margins else None,
                "source": margins[name]["source"] if name in margins else "",
            }
        )
    return rows


def _audit(settings: pl.DataFrame) -> dict[str, Any]:
    row = settings.row(0, named=True)
    return {**row, "choices": json.loads(row["preregistered"])}


def _set(spec: Mapping[str, Any], name: str) -> str:
    use = "" if spec["use"] == name else str(spec["use"]).replace("_", " ")
    return ", ".join(filter(None, (use, options_text(spec["options"], chosen=True))))


def _value(value: Any) -> str:
    if value is None:
        return DASH
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, Mapping):
        return "(" + options_text(value) + ")"
    return " ".join(map(_value, value)) if isinstance(value, (list, tuple)) else str(value)
