"""How many families a verdict on pairs hangs on: against the audit of tables that lack them."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from analysis.audit.settings import AuditSettings, Margins
from analysis.pairs.audit import Question, audit_pairs
from analysis.pairs.structure import structured
from analysis.schema import checked
from analysis.tables import RESULTS

SETTINGS = AuditSettings(margins=Margins({"y": 0.5}, 0.5))
FAMILIES = [f"f{k}" for k in range(7)]


def question(gains: dict[str, float], left_out: tuple[str, ...] = ()) -> Question:
    """Three baselines and two tuned models in each family, whose y rises by the family's gain; its own are positive and
    negative, so that its scale is its own.
    """
    rng = np.random.default_rng(0)
    rows, models, scores = [], [], []
    about = {"domain": "d", "dataset": "s", "method": "standard", "seed": 0, "step": 0, "condition": "c", "part": "all"}
    about |= {"measurement": "y", "metric": "y", "axis": "safety", "higher_is_better": True, "flags": ""}
    for family, gain in gains.items():
        for k in range(5):
            score, noise = rng.normal(), rng.normal(scale=0.2)
            if family in left_out:
                continue
            tuned = k > 2
            name = f"{family}-{k}"
            rows.append({**dict.fromkeys(RESULTS.columns), **about, "model": name, "family": family})
            rows[-1]["value"] = score + noise + gain * tuned
            models.append((name, "tuned" if tuned else "", f"{family}-{k - 3}" if tuned else "", family))
            scores.append((name, score))
    table = pl.DataFrame(models, schema=["key", "method", "baseline", "family"], orient="row").with_row_index("row", 1)
    results = checked(pl.DataFrame(rows, schema=RESULTS.columns), RESULTS)
    named = pl.DataFrame(scores, schema=["model", "score"], orient="row")
    return Question(results, structured(table.with_columns(within=pl.lit(""))), named, "pc1")


def label(asked: Question) -> str:
    (found,) = audit_pairs(asked, SETTINGS)["verdicts"]["label"]
    return str(found)


@pytest.mark.parametrize("gains", [(0.0,) * 7, (1.2, 1.0, 1.1, 0.9, 1.3, 1.0, -1.5), (0, 0.1, 0, 0, 0, 0, 2.5)])
def test_one_family_changes_a_label_where_the_table_without_it_has_another(gains: tuple[float, ...]) -> None:
    given = dict(zip(FAMILIES, gains, strict=True))
    whole = audit_pairs(question(given), SETTINGS)
    (row,) = whole["fragility"].iter_rows(named=True)
    own = whole["verdicts"]["label"][0]
    without = {family: label(question(given, (family,))) for family in FAMILIES}
    others = {family: each for family, each in without.items() if each != own}
    assert row["of"] == "family"
    assert (row["fewest"] == 1) == bool(others)
    if others:
        assert row["label_then"] == others[row["removed"]]
    elif row["fewest"] is not None:
        assert row["label_then"] == label(question(given, tuple(row["removed"].split(", "))))


def test_a_method_of_one_family_has_no_row_that_changes() -> None:
    found = audit_pairs(question({"f0": 1.0, "f1": 1.0}), SETTINGS)["fragility"]
    assert found["fewest"].is_null().all()


def test_d_has_no_error_where_all_baselines_are_of_one_family() -> None:
    """So it is not told, and the check of the ladder says why; pairs are of chains whose families are others."""
    asked = question(dict.fromkeys(FAMILIES, 1.0))
    of_one = dict.fromkeys(asked.structure.rungs, "llama")
    found = audit_pairs(replace(asked, structure=replace(asked.structure, rungs=of_one)), SETTINGS)
    row = found["verdicts"].row(0, named=True)
    assert row["beyond"] is None
    gate = found["gates"].filter(gate="ladder").row(0, named=True)
    assert not gate["passed"]
    assert gate["detail"] == "no ladder that could be without a family: all 21 baseline models are of one"
    assert row["label"] != "UNDETERMINED" or row["reason"] == gate["detail"]


@pytest.mark.parametrize(("pairs", "told"), [(2, False), (3, True)])
def test_fewer_than_three_pairs_show_no_loss(pairs: int, told: bool) -> None:
    """However alike they are."""
    asked = question(dict.fromkeys(FAMILIES, -300.0))
    kept = asked.structure.pairs.unique("family", keep="first", maintain_order=True).head(pairs)
    found = audit_pairs(replace(asked, structure=replace(asked.structure, pairs=kept)), SETTINGS)["verdicts"]
    assert (found["label"][0] == "REGRESSION") == (found["total_se"][0] is not None) == told
