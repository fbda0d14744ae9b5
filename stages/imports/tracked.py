"""Results measured elsewhere: a published table goes through MLflow, one run per model, and comes back as results.

Nothing is imported in part: a table is checked whole before its first row is logged, and a study counts as imported
once its experiment names the plan, which happens after the last row was read back.
"""

import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import polars as pl
from tqdm import tqdm

from analysis.model_scores import SCALES
from analysis.pairs.item_scores import ITEMS
from analysis.pairs.structure import NO_METHOD
from analysis.schema import checked
from analysis.tables import BASELINE, RESULTS
from analysis.words import several
from stages.errors import StoreError, TrackingError
from stages.imports.batches import batches, models_in
from stages.imports.check import Checked, check
from stages.imports.readers import read_table
from stages.imports.roles import Measured
from stages.imports.spec import WrongImport, read_spec
from stages.imports.training import STEP
from stages.store.keys import bytes_digest, digest
from stages.store.store import Store
from stages.tracking import Tracking
from stages.tracking_connection import experiment_tags
from stages.tracking_run import Described, Logged
from stages.tracking_values import Values

CONDITION = "imported"
IMPORTED = "imported"  # the experiment's tag: which plan was imported whole, and how many models it has
ABOUT = {"row": pl.Int64, "released": pl.Float64, "step": pl.Int64}  # what is known of a row and is no text


def import_table(table: Path, spec: Path, strict: bool = False) -> int:
    """`diffprog import`: check, log, read back, say what was done; the exit status, 2 with a line for each fault."""
    try:
        asked = read_spec(spec.absolute())
        found = check(read_table(table.absolute(), asked, strict=strict), asked)
        logged = log(found)
    except (WrongImport, TrackingError, StoreError) as error:
        print(error, file=sys.stderr)
        return 2
    axes = [one.axis for one in found.measured]
    print(
        f"{found.study}: {several(logged, 'model')}, {axes.count('capability')} capability, "
        f"{several(axes.count('safety'), 'safety column')}"
    )
    values = sum(found.values[name].count() for name in found.values.columns)
    print(f"  {several(values, 'value')} read back from MLflow")
    families = found.models["family"].drop_nulls()
    if len(families):
        largest = families.value_counts(sort=True).row(0)
        said = several(families.n_unique(), "family")
        print(f"  {said}, the largest {largest[0]!a} with {several(largest[1], 'model')}")
    for note in found.notes:
        print(f"  {note}")
    return 0


@dataclass(frozen=True)
class Imported:
    """A study as it was imported.

    results  the table RESULTS, every row a model's; the baseline models have the baseline's name for a method, models
             that something was done to the method's, and so do those that lack a baseline
    against  which measurements are held against another one in the score's place
    models   what is known of each row of the table (`stages.imports.models.models_of`), but for its size
    placebos, margins  of the spec
    items    the table ITEMS, None where no log had any
    """

    study: str
    results: pl.DataFrame
    against: dict[str, str]
    models: pl.DataFrame
    placebos: tuple[str, ...]
    margins: dict[str, float]
    items: pl.DataFrame | None = None

    @property
    def paired(self) -> bool:
        """Whether its rows are paired."""
        return "baseline" in self.models.columns


def log(found: Checked) -> int:
    """Log every model to MLflow and read all back; how many there are. Raises TrackingError on any difference."""
    keys = metric_keys([one.name for one in found.measured])
    described = {keys[one.name]: vars(one) for one in found.measured}
    judged = {"placebos": found.placebos, "margins": found.margins, **stored(found.study, found.items)}
    every = list(runs(found, keys))
    plan = digest([sorted(run["run_key"] for run in every), described, judged])
    tracking = Tracking(found.study, plan)
    for key, said in described.items():
        text = json.dumps({"key": key, **said}, ensure_ascii=False)
        tracking.client.log_param(tracking.parent, f"measurement.{digest(key)[:16]}", text)
    logged = {}
    models = len(found.models)
    for run in tqdm(list(batches(every)), desc="import", unit="run", dynamic_ncols=True):
        key = digest([plan, run["key"]])  # a study's runs are its own: a later import leaves them where they are
        about = Described(key, run["name"], run["params"])
        logged[key] = tracking.log(about, Values({0: run["metrics"]})).values_digest
    tracking.settle()
    held = of_plan(tracking)
    verify(logged, held)
    state = json.dumps({"plan": plan, "models": models, **judged})
    tracking.client.set_experiment_tag(tracking.experiment, IMPORTED, state)
    tracking.end({}, f"A table of {models} models.")
    return models


def stored(study: str, items: pl.DataFrame | None) -> dict[str, str]:
    """What the plan says of items that are put into the store: their key there; nothing where there are none."""
    if items is None:
        return {}
    payload = BytesIO()
    items.write_parquet(payload, statistics=False)
    key = bytes_digest(payload.getvalue())
    Store.from_environment().write(ITEMS.name, key, payload.getvalue(), {"study": study})
    return {ITEMS.name: key}


def stored_items(key: str) -> pl.DataFrame:
    """The table ITEMS in the store. Raises StoreError."""
    return checked(pl.read_parquet(BytesIO(Store.from_environment().read(ITEMS.name, key))), ITEMS)


def of_plan(tracking: Tracking) -> dict[str, Logged]:
    """The whole runs of an imported plan by key, as MLflow holds them now."""
    return {run.run_key: run for run in tracking.read().values() if run.plan == tracking.plan}


def runs(found: Checked, keys: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """A run for each model: its metrics by MLflow name, and the key, made of the model and all that is known of it."""
    errors = found.errors.rename(lambda name: f"standard_error/{keys[name]}")
    counts = found.n.rename(lambda name: f"n/{keys[name]}")
    whole = pl.concat([found.models, found.values.rename(keys), errors, counts], how="horizontal")
    about = [name for name in found.models.columns if name not in SCALES]
    for row in whole.iter_rows(named=True):
        said = {name: row.pop(name) for name in about}
        content = {
            "about": {name: "" if value is None else str(value) for name, value in said.items()},
            "metrics": {name: value for name, value in row.items() if value is not None},
        }
        yield {"model": said["model"], **content, "run_key": digest(content)}


def metric_keys(names: list[str]) -> dict[str, str]:
    """MLflow's name for each measurement: its own letters where MLflow takes them, else marked by a digest. Names that
    differ in case alone get digests too, as some servers don't tell them apart.
    """
    slugs = {name: re.sub(r"[^A-Za-z0-9_.-]+", "_", name)[:80] for name in names}
    folded = [slug.lower() for slug in slugs.values()]
    plain = {
        name: slug == name and name.strip(".") != "" and folded.count(slug.lower()) == 1 for name, slug in slugs.items()
    }
    return {
        name: f"{CONDITION}/{slug if plain[name] else f'{slug}.{digest(name)[:8]}'}" for name, slug in slugs.items()
    }


def verify(logged: Mapping[str, str | None], held: Mapping[str, Logged]) -> None:
    """Raise TrackingError unless MLflow holds these runs and no others, with these values."""
    wrong = [key for key in logged if key not in held or held[key].values_digest != logged[key]]
    if wrong or len(held) != len(logged):
        raise TrackingError(
            f"MLflow holds {len(held)} of {len(logged)} runs, {len(wrong)} of them lost or changed; import them again"
        )


def collect(study: str) -> Imported:
    """An imported study, read back from MLflow. Raises TrackingError where it was not imported whole."""
    state = _state(study)
    tracking = Tracking(study, state["plan"])
    held = of_plan(tracking)
    each = [model for run in held.values() for model in models_in(run)]
    if len(each) != state["models"]:
        raise TrackingError(f"MLflow holds {len(each)} of {state['models']} models of {study!r}; import them again")
    about = tracking.plan_params()
    described = [json.loads(text) for name, text in about.items() if name.startswith("measurement.")]
    by_key = {one.pop("key"): Measured(**one) for one in described}
    models = models_table([said for said, _ in each])
    twice = set(models["model"].filter(models["model"].is_duplicated()))
    kept = [(said, metrics) for said, metrics in each if said["model"] not in twice]
    rows = [row for said, metrics in kept for row in rows_of(study, said, metrics, by_key)]
    against = {one.name: one.against for one in by_key.values() if one.against is not None}
    results = checked(pl.DataFrame(rows, schema=RESULTS.columns), RESULTS)
    items = stored_items(state[ITEMS.name]) if ITEMS.name in state else None
    return Imported(study, results, against, models, tuple(state["placebos"]), state["margins"], items)


def models_table(about: Iterable[Mapping[str, str]]) -> pl.DataFrame:
    """What is known of each row of a table, as text but for its number and when it was released, in order."""
    frame = pl.DataFrame(list(about), infer_schema_length=None)
    types = {name: dtype for name, dtype in ABOUT.items() if name in frame.columns}
    cast = [pl.when(pl.col(name) != "").then(pl.col(name)).cast(dtype) for name, dtype in types.items()]
    return frame.with_columns(cast).sort([*(name for name in ("row",) if name in frame.columns), "model"])


def rows_of(
    study: str, about: Mapping[str, str], metrics: Mapping[str, float], by_key: Mapping[str, Measured]
) -> Iterator[dict[str, Any]]:
    """A row of RESULTS for each value of a model."""
    parameters = int(metrics["parameters"]) if "parameters" in metrics else None
    for key, one in by_key.items():
        if key not in metrics:
            continue
        yield {
            "domain": CONDITION,
            "dataset": study,
            "method": about.get("method") or (NO_METHOD if about.get("baseline") else BASELINE),
            "model": about["model"],
            "family": about["family"],
            "parameters": parameters,
            "flops": metrics.get("flops"),
            "seed": 0,
            "step": int(about.get(STEP) or 0),
            "measurement": one.name,
            "metric": one.name,
            "condition": CONDITION,
            "part": "all",
            "axis": one.axis,
            "pillar": None,
            "higher_is_better": one.higher_is_better,
            "value": metrics[key],
            "standard_error": metrics.get(f"standard_error/{key}"),
            "n": int(metrics[f"n/{key}"]) if f"n/{key}" in metrics else None,
            "flags": "",
        }


def _state(study: str) -> dict[str, Any]:
    """The plan of a study that was imported whole."""
    tags = experiment_tags(study)
    if tags is None or IMPORTED not in tags:
        raise TrackingError(f"{study!r} is no imported study; `diffprog import TABLE --spec SPEC` makes one")
    state: dict[str, Any] = json.loads(tags[IMPORTED])
    return state
