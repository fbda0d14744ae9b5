"""How often the runs of a method agree with each other, unshifted and shifted: what accuracy is predicted from without
labels."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from stages.artifacts import RUN
from stages.store import codecs
from stages.store.store import Store
from stages.study.model import SHIFTED

PEERS = 12  # runs that each is compared with: pairs that grow with the number of runs, not with its square


def agreements(
    runs: pl.DataFrame, planned: pl.DataFrame, outcomes: pl.DataFrame, store: Store
) -> Iterator[dict[str, Any]]:
    """The rows of the table AGREEMENT: for every two runs of a method that are compared, under every condition that
    is planned to be looked at, the share of labelled rows that they answer alike, and each one's accuracy.
    """
    cells = compared(runs, planned, outcomes)
    grouped = cells.sort("run").group_by("domain", "method", "condition", maintain_order=True)
    for (_, _, condition), of_method in grouped:
        answers = {row["run"]: answered(store.read("cells", row["cell_key"])) for row in of_method.to_dicts()}
        about = {name: of_method[name][0] for name in ("domain", "dataset", "method")}
        for first, second in pairs(list(answers)):
            (one, labels), (other, _) = answers[first], answers[second]
            yield {
                **about,
                "condition": condition,
                "shifted": of_method["agreement"][0] == SHIFTED,
                "first": first,
                "second": second,
                "agreement": float((one == other).mean()),
                "first_accuracy": float((one == labels).mean()),
                "second_accuracy": float((other == labels).mean()),
                "n": len(labels),
            }


def compared(runs: pl.DataFrame, planned: pl.DataFrame, outcomes: pl.DataFrame) -> pl.DataFrame:
    """The finished cells whose answers are compared, with the columns of their run."""
    looked_at = planned.filter(pl.col("agreement") != "").select("domain", "condition", "agreement")
    finished = outcomes.filter(pl.col("status") == "finished").select("run", "condition", "cell_key")
    return runs.filter(pl.col("role") == RUN).join(finished, on="run").join(looked_at, on=["domain", "condition"])


def answered(payload: bytes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The classes answered, and the labels, of the labelled rows of stored outcomes."""
    outcomes = codecs.outcomes_from(payload)
    known = outcomes.labels >= 0
    return outcomes.logits[known].argmax(1), outcomes.labels[known]


def pairs(names: Sequence[str]) -> list[tuple[str, str]]:
    """Each two names that are at most PEERS places apart, the last being next to the first; sorted, each pair once."""
    n = len(names)
    near = {
        tuple(sorted((place, (place + apart) % n)))
        for place in range(n)
        for apart in range(1, min(PEERS, n // 2) + 1)
        if n > 1
    }
    return [(names[first], names[second]) for first, second in sorted(near)]
