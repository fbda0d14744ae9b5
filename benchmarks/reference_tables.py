"""Published tables as the importer reads them, without MLflow in between."""

from dataclasses import replace
from pathlib import Path

import polars as pl

from analysis.schema import checked
from analysis.tables import RESULTS
from stages.imports.check import Checked, check
from stages.imports.readers import read_table
from stages.imports.spec import Spec
from stages.imports.tracked import metric_keys, rows_of, runs


def imported(folder: Path, file: str, spec: Spec) -> Checked:
    """A table as the importer reads it."""
    return check(read_table(folder / file, spec), replace(spec, source="spec", folder=(folder / file).parent))


def spec(**fields: object) -> Spec:
    """A spec as it would stand in a file."""
    return Spec(source="spec", folder=Path(), study="reference", **fields)  # type: ignore[arg-type]


def results_of(found: Checked) -> pl.DataFrame:
    """A checked table as the table RESULTS, of the models that no other one shares its name with."""
    keys = metric_keys([one.name for one in found.measured])
    by_key = {keys[one.name]: one for one in found.measured}
    twice = set(found.models["model"].filter(found.models["model"].is_duplicated()))
    kept = [run for run in runs(found, keys) if run["model"] not in twice]
    rows = [row for run in kept for row in rows_of(found.study, run["about"], run["metrics"], by_key)]
    return checked(pl.DataFrame(rows, schema=RESULTS.columns), RESULTS)
