"""The stored outcomes that a claim rests on, each with the arrays that its measurements need."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from stages import artifacts
from stages.claims.verifier import scores
from stages.store import codecs
from stages.store.store import Store

INDEX = ("run", "condition", "cell_key", "sha256", "file")


def evidence(
    runs: list[str], about: Mapping[str, Mapping[str, Any]], store: Store
) -> tuple[list[dict[str, Any]], dict[str, bytes]]:
    """Rows of INDEX, and the files they name: of each of these runs, what it did under the conditions of these
    measurements (by name, as the plan has them), where the verifier knows the metric. `sha256` is of the whole stored
    outcomes.
    """
    needed: dict[str, set[str]] = {}
    for each in about.values():
        spec = json.loads(each["spec"])
        if scores.known(spec):
            needed.setdefault(each["condition"], set()).update(scores.needed(spec))
            if scores.needs_reference(spec):
                needed.setdefault(each["reference"], set()).update(scores.OF_REFERENCE)
    outcomes = artifacts.OUTCOMES.read().filter(pl.col("run").is_in(runs), pl.col("condition").is_in(list(needed)))
    finished = outcomes.filter(status="finished").sort("run", "condition")
    rows, files = [], {}
    for number, row in enumerate(finished.iter_rows(named=True)):
        name = f"outcomes/{number:04d}.npz"
        payload = store.read("cells", row["cell_key"])
        files[name] = reduced(codecs.arrays(payload), needed[row["condition"]])
        rows.append({**row, "sha256": row["digest"], "file": name})
    return rows, files


def reduced(outcomes: Mapping[str, Any], names: set[str]) -> bytes:
    """These arrays of the outcomes as npz; `answers` are the classes of the highest logits, where those are not
    asked.
    """
    held = {name.removeprefix(codecs.VALUE): values for name, values in outcomes.items()}
    chosen = {name: held[name] for name in names if name in held}
    if "answers" in names and "logits" not in names:
        chosen["answers"] = smallest(held["logits"].argmax(1))
    return codecs.npz({name: smallest(values) for name, values in chosen.items()})


def smallest(values: Any) -> Any:
    """Whole numbers in the least bytes that hold them; anything else as it is."""
    if values.dtype.kind != "i" or not values.size:
        return values
    return values.astype(np.result_type(np.min_scalar_type(values.min()), np.min_scalar_type(values.max()), np.int8))
