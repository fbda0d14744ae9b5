"""Names that mean something inside: each is refused by name, or does no harm."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from ruamel.yaml import YAML

from analysis.observational import OBSERVATIONAL, observational
from analysis.schema import checked
from analysis.tables import CAPABILITY, CORRELATIONS, EFFECTS, RESULTS
from pipelines import measuring, parts
from stages import artifacts, collect
from stages.imports.check import Checked, check
from stages.imports.readers import read_table
from stages.imports.spec import WrongImport, read_spec
from stages.imports.tracked import metric_keys, rows_of, runs
from stages.study import params
from stages.study.checks import WrongParams
from tests.slow import fast_are

Write = Callable[[Mapping[str, Any]], Path]
TABLES = (
    RESULTS,
    CAPABILITY,
    CORRELATIONS,
    EFFECTS,
    artifacts.PLANNED_RUNS.table,
    artifacts.LOGGED.table,
    *OBSERVATIONAL.values(),
)
INSIDE = sorted(
    {column for table in TABLES for column in table.columns}
    | {measuring.ALL, "pooled", "within families", "pc1", "safetywashing", "clean_accuracy", "standard", "row", "x"}
    | {"run", "checkpoint", "sibling", "reference", "all", "imported", "params", "metrics", "tags", "data", "report"}
)


def faults(study: Write, content: dict[str, Any]) -> list[str]:
    study(content)
    with pytest.raises(WrongParams) as caught:
        params.read()
    return caught.value.faults


def test_a_condition_is_not_named_as_something_else(study: Write, tiny: dict[str, Any]) -> None:
    vision = tiny["vision"]
    for name in ("n", "standard_error", "10", "Clean", "N"):
        vision["conditions"][name] = {"use": "clean"}
        vision["measurements"][name] = {"accuracy": "robustness"}
    vision["measurements"]["near"]["ENERGY"] = {"use": "auroc", "is": "monitoring"}
    by_case = "by case alone, which some servers of MLflow don't tell apart"
    assert faults(study, tiny) == [
        "params.yaml: vision.conditions.n: 'n' is what MLflow holds beside a value: give it another name",
        "params.yaml: vision.conditions.standard_error: 'standard_error' is what MLflow holds beside a value: give it "
        "another name",
        "params.yaml: vision.conditions.10: '10' reads as a training step: give it another name",
        f"params.yaml: vision.conditions.Clean: 'Clean' differs from 'clean' {by_case}",
        f"params.yaml: vision.conditions.N: 'N' differs from 'n' {by_case}",
        f"params.yaml: vision.measurements.near.ENERGY: 'ENERGY' differs from 'energy' {by_case}",
    ]


@pytest.mark.parametrize("kind", ["methods", "conditions", "models"])
def test_a_parts_own_name_is_for_that_part(study: Write, tiny: dict[str, Any], kind: str) -> None:
    """Baseline, placebo and the condition of the score are known by name."""
    section = tiny["vision"][kind]
    known = [name for name in parts.names(f"pipelines.vision.{kind}") if name not in section]
    use = next(iter(section))
    section |= {name: {"use": use, "widths": [2]} if kind == "models" else {"use": use} for name in known}
    assert faults(study, tiny) == [
        f"params.yaml: vision.{kind}.{name}: {name!r} is a part of its own, and this uses {use!r}: give it another name"
        for name in known
    ]


def test_a_metrics_own_name_is_for_that_metric(study: Write, tiny: dict[str, Any]) -> None:
    """Scale, coupling and hazard of a measurement are known by the metric's name."""
    metrics = [name for name in parts.names("pipelines.metrics") if name != "accuracy"]
    own = {name: {"use": "accuracy", "is": "robustness"} for name in metrics}
    tiny["vision"]["measurements"]["spurious"] = own
    assert faults(study, tiny) == [
        f"params.yaml: vision.measurements.spurious.{name}: {name!r} is a part of its own, and this uses 'accuracy': "
        "give it another name"
        for name in metrics
    ]


def test_a_family_is_not_named_as_a_model(study: Write, tiny: dict[str, Any]) -> None:
    tiny["vision"]["models"]["resnet-4"] = {"use": "resnet", "widths": [8]}
    assert faults(study, tiny) == [
        "params.yaml: vision.models.resnet-4: is a model of another family too: give the family another name"
    ]


def test_other_names_from_inside_keep_their_values(study: Write, tiny: dict[str, Any]) -> None:
    known = {*parts.names("pipelines.vision.conditions"), *parts.names("pipelines.metrics"), "n", "standard_error"}
    names = [name for name in INSIDE if name not in known and name.isidentifier()]
    vision = tiny["vision"]
    vision["conditions"] |= {name: {"use": "clean"} for name in names}
    entry = {"use": "accuracy", "is": "robustness"}
    vision["measurements"] |= {name: dict.fromkeys((name, "n", "standard_error"), entry) for name in names}
    study(tiny)
    (task,) = params.read().tasks
    about = dict.fromkeys(("task", "domain", "dataset", "method", "model", "family"), "x")
    run = about | dict.fromkeys(("parameters", "seed", "steps"), 1) | {"flops": 1.0}
    planned = {f"{item.condition}/{item.name}": item for item in task.measurements}
    columns = ("condition", "axis", "pillar")
    rows = {
        name: {column: getattr(item, column) for column in columns}
        | {"measurement": name, "metric": item.name, **FACTS}
        for name, item in planned.items()
    }
    metrics = {
        whole: value
        for name in rows
        for whole, value in ((name, 0.5), (f"n/{name}", 7.0), (f"standard_error/{name}", 0.1))
    }
    found = [*collect.results(run, metrics, {("x", name): row for name, row in rows.items()}, {})]
    assert [row["measurement"] for row in found] == list(rows)
    assert {(row["value"], row["n"], row["standard_error"], row["part"]) for row in found} == {(0.5, 7, 0.1, "all")}


FACTS = {"higher_is_better": True, "lower": 0.0, "upper": 1.0, "chance": None, "target": None, "leaks": ""}


def imported(folder: Path, name: str, **fields: Any) -> Checked:
    text = f"key,mmlu,{name},fam,FLOP\n" + "".join(f"m{i},{i % 7},{i * i % 5},f{i % 3},{i + 1}\n" for i in range(12))
    (folder / "table.csv").write_text(text, encoding="utf-8")
    spec = {"study": "s", "key": "key", "capability": "mmlu", "family": "fam", "scale": {"flops": "FLOP"}, **fields}
    YAML().dump(spec, folder / "spec.yaml")
    read = read_spec(folder / "spec.yaml")
    return check(read_table(folder / "table.csv", read), read)


REFUSED = {"model": "what a model is", "family": "what a model is", "flops": "what a model is"} | dict.fromkeys(
    ("pc1", "mean", "safetywashing"), "the score"
)


@pytest.mark.parametrize("name", fast_are([*(name for name in INSIDE if name in REFUSED), *INSIDE[::6]], INSIDE))
def test_a_measured_column_of_any_name_is_analysed_or_refused(tmp_path: Path, name: str) -> None:
    if name in REFUSED:
        with pytest.raises(WrongImport) as caught:
            imported(tmp_path, name, safety=[name])
        assert caught.value.faults == [
            f"table.csv: '{name}' cannot be measured: the analysis has this name for {REFUSED[name]}; rename it, or "
            "name it under 'ignore'"
        ]
        return
    found = imported(tmp_path, name, safety=[name])
    keys = metric_keys([one.name for one in found.measured])
    by_key = {keys[one.name]: one for one in found.measured}
    rows = [row for run in runs(found, keys) for row in rows_of(found.study, run["about"], run["metrics"], by_key)]
    results = checked(pl.DataFrame(rows, schema=RESULTS.columns), RESULTS)
    for score in ("pc1", "safetywashing", "flops"):
        correlations = observational(results, score=score, draws=20)["correlations"]
        assert name in correlations.filter(pl.col("population") == "pooled")["measurement"].to_list()
