"""Which runs are compared, and what is counted of two of them."""

from pathlib import Path

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from pipelines.outcomes import Outcomes
from stages.making.agreement import PEERS, agreements, pairs
from stages.store import codecs
from stages.store.keys import digest
from stages.store.store import Store


@given(st.integers(0, 60))
def test_pairs_are_different_runs_once_each_and_grow_with_the_number_of_runs(n: int) -> None:
    names = [f"run{number:02d}" for number in range(n)]
    found = pairs(names)
    assert len({frozenset(pair) for pair in found}) == len(found) == min(n * (n - 1) // 2, n * PEERS)
    assert all(first < second for first, second in found)
    counts = pl.Series([name for pair in found for name in pair]).value_counts()["count"]
    assert counts.n_unique() <= 1


def test_agreement_and_accuracies_are_shares_of_labelled_rows(tmp_path: Path) -> None:
    labels = np.array([0, 1, 2, 1, -1])
    answers = {"a": [0, 1, 0, 0, 2], "b": [0, 2, 2, 0, 1], "c": [1, 1, 1, 1, 1]}
    store = Store(str(tmp_path))
    made = []
    for name, classes in answers.items():
        logits, none = np.eye(3, dtype=np.float32)[classes], np.full(5, -1)
        of_run = Outcomes(logits, labels, np.arange(5), none, none, ())
        for condition in ("plain", "fog"):
            key = digest([name, condition])
            store.write("cells", key, codecs.outcomes_bytes(of_run), {})
            made.append({"run": name, "condition": condition, "cell_key": key, "status": "finished"})
    about = {"domain": "vision", "dataset": "glyphs", "method": "standard", "role": "run"}
    runs = pl.DataFrame([{"run": name, **about} for name in answers])
    roles = [{"domain": "vision", "condition": "plain", "agreement": "unshifted"}]
    roles += [{"domain": "vision", "condition": "fog", "agreement": "shifted"}]
    roles += [{"domain": "vision", "condition": "other", "agreement": ""}]
    found = pl.DataFrame([*agreements(runs, pl.DataFrame(roles), pl.DataFrame(made), store)])
    first = found.filter(condition="fog", first="a", second="b").row(0, named=True)
    assert (first["agreement"], first["first_accuracy"], first["second_accuracy"], first["n"]) == (0.5, 0.5, 0.5, 4)
    assert sorted(found.select("condition", "shifted").unique().rows()) == [("fog", True), ("plain", False)]
    assert len(found) == 6
