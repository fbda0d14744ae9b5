"""Pairs of published tables by the plain recipe (`--score mean`): every effect, every count, and every row that takes
no part, by name.

A folder of reference/pairs has table.csv, spec.json and an expected*.json for each way of pairing its rows.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl
from reference_tables import imported, results_of, spec

from analysis.elsewhere import elsewhere
from analysis.model_scores import MEAN
from stages.imports.check import Checked
from stages.imports.spec import Spec

TOLERANCE = 1e-6
# An expected file, and what it changes of the spec: the columns that tell rows of one name apart, and the baseline's.
FILES = {
    "chat_tuning/expected.json": ((), "baseline"),
    "dtrust_compressed/expected.json": ((), "baseline"),
    "dtrust_compressed/expected_dense.json": ((), "baseline_dense"),
    "openllm_finetunes/expected.json": ((), "baseline"),
    "openllm_finetunes/expected_by_precision.json": (("precision",), "baseline"),
    "traps/expected.json": ((), "baseline"),
}
OF_METHOD = {"pairs": "pairs", "families": "families", "E": "capability", "n_E": "capability_n"}
OF_SAFETY = {
    "n_T": "total_n",
    "T": "total",
    "n_D": "beyond_n",
    "D": "beyond",
    "D_se_jackknife": "beyond_standard_error",
    "slope": "slope",
    "pairs_outside_the_ladder": "outside_ladder",
}
ENDS = ("beyond_low", "beyond_high")
VALUES = (*OF_METHOD.values(), *OF_SAFETY.values(), *ENDS)
MISSING, IN_ANOTHER_CASE = "baseline_missing", "baseline_missing_but_for_letter_case"
REASONS = {
    "doubled_names": "duplicate name",
    MISSING: "baseline missing",
    IN_ANOTHER_CASE: "baseline missing but for letter case",
    "baseline_doubled": "baseline duplicate",
    "no_baseline_named": "no baseline named",
    "own_baseline": "own baseline",
    "baseline_named_but_no_method": "no method",
}


def pairs(folder: Path) -> Iterator[tuple[str, float]]:
    """All numbers of the tables that the product makes; a name that takes no part is a number too, how often it is
    listed.
    """
    for file in FILES:
        table = checked_table(folder, file)
        found = elsewhere(results_of(table), table.models, score=MEAN)[0]
        effects = found["effects"]
        for row in effects.iter_rows(named=True):
            of_claim = f"{file}:{row['method']}/{row['measurement']}"
            for name in VALUES:
                if row[name] is not None:
                    yield f"{of_claim}/{name}", float(row[name])
        known = effects.filter(pl.col("pairs") > 0).select(VALUES)
        yield f"{file}:numbers", known.height * known.width - sum(known.null_count().row(0))
        chains = found["pairs"].filter("chain").select(reason=pl.lit("chain"), name="model")
        listed = pl.concat([found["left_out"].select("reason", "name"), chains])
        for reason, name, rows in listed.group_by("reason", "name").len().iter_rows():
            for each in {reason, REASONS[MISSING]} if reason == REASONS[IN_ANOTHER_CASE] else {reason}:
                yield f"{file}:{each}: {name}", rows
        yield f"{file}:rows named", len(listed)


def expected_of_pairs(folder: Path) -> list[dict[str, Any]]:
    """What is expected of each of them, effects to 1e-6, counts and names exactly."""
    wanted: list[dict[str, Any]] = []
    for file in FILES:
        content = json.loads((folder / "pairs" / file).read_text())
        numbers = [row for method, about in content["methods"].items() for row in _of_method(method, about)]
        of_pairs = [name for name, _ in numbers if content["pairs"][name.split("/")[0]]]
        numbers.append(("numbers", len(of_pairs)))
        rows = _named(content["named"], folder / "pairs" / file)
        named = [*rows.items(), ("rows named", sum(rows.values()) - len(content["named"][IN_ANOTHER_CASE]))]
        wanted += [{"id": f"{file}:{name}", "value": value, "tol": TOLERANCE} for name, value in numbers]
        wanted += [{"id": f"{file}:{name}", "value": value, "tol": 0.0} for name, value in named]
    return wanted


def checked_table(folder: Path, file: str) -> Checked:
    """The table of an expected file, its rows paired as the file says."""
    within, baseline = FILES[file]
    table = (folder / "pairs" / file).parent
    return imported(table, "table.csv", _spec(json.loads((table / "spec.json").read_text()), within, baseline))


def _spec(given: Mapping[str, Any], within: tuple[str, ...], baseline: str) -> Spec:
    roles = {name: tuple(given[name]) for name in ("capability", "safety", "lower_is_better")}
    return spec(key=(given["key"],), family="family", method="method", baseline=baseline, within=within, **roles)


def _of_method(method: str, about: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for measurement, of in about["safety"].items():
        values = {product: about[name] for name, product in OF_METHOD.items()}
        values |= {product: of.get(name) for name, product in OF_SAFETY.items()}
        values |= dict(zip(ENDS, of.get("D_interval") or (None, None), strict=True))
        for name, value in values.items():
            if value is not None:
                yield f"{method}/{measurement}/{name}", value


def _named(named: Mapping[str, Any], file: Path) -> dict[str, int]:
    """How many rows of each name take no part for each reason, and the pairs that are chains. A baseline that is
    missing but for letter case is missing, too.
    """
    in_table = pl.read_csv(file.parent / "table.csv")["model"].to_list()
    rows = {}
    for field, reason in REASONS.items():
        for name in named[field]:
            rows[f"{reason}: {name}"] = in_table.count(name) if field == "doubled_names" else 1
    return rows | {f"chain: {name}": 1 for name in named["baseline_is_itself_a_method_row"]}
