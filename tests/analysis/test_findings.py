from collections.abc import Callable

import polars as pl
import pytest
from scipy.stats import fisher_exact

from analysis import tables
from analysis.findings import findings, ledger

RUNS = pl.DataFrame(
    {
        "method": ["standard"] * 6 + ["shield"] * 6 + ["scale"] * 6,
        "status": ["finished"] * 7 + ["failed"] * 5 + ["finished"] * 6,
    }
)


def test_findings_are_the_tables_they_are_called(study: Callable) -> None:
    found = findings(study(), RUNS, seed=0, draws=100)
    assert set(found) == {"capability", "capability_weights", "correlations", "effects", "ledger"}
    for name, frame in found.items():
        assert tables.checked(frame, getattr(tables, name.upper())).equals(frame)
        assert len(frame)
    assert set(found["correlations"]["score_name"]) == {"clean_accuracy", "pc1"}


def test_the_seed_alone_decides_the_draws(study: Callable) -> None:
    first, again, other = (findings(study(noise=0.1), RUNS, seed=seed, draws=100)["correlations"] for seed in (1, 1, 2))
    assert first.equals(again)
    assert not first.equals(other)


def test_a_study_without_results_has_empty_tables() -> None:
    found = findings(tables.RESULTS.empty(), RUNS, seed=0)
    assert all(found[name].is_empty() for name in ("capability", "capability_weights", "correlations", "effects"))


def test_what_is_no_results_table_is_refused(study: Callable) -> None:
    with pytest.raises(tables.TableError, match=r"^results: missing columns \['flags'\], unknown columns \[\]$"):
        findings(study().drop("flags"), RUNS, seed=0)


def test_the_ledger_shows_failures_that_go_with_a_method() -> None:
    rows = {row["method"]: row for row in ledger(RUNS).to_dicts()}
    assert (rows["shield"]["planned"], rows["shield"]["finished"], rows["shield"]["failed"]) == (6, 1, 5)
    assert rows["shield"]["p"] == pytest.approx(fisher_exact([[5, 1], [0, 12]]).pvalue)
    assert ledger(RUNS.filter(method="shield"))["p"].to_list() == [None]
