"""The audit in few words."""

import re

import numpy as np
import polars as pl
import pytest

from analysis.audit.margins import margins_digest
from analysis.audit.settings import AuditSettings, Margins
from analysis.audit.simulated import Method, World, simulated_study
from analysis.audit.summary import sentence, summary
from analysis.audit.verdicts import Audit, audit

SETTINGS = AuditSettings(draws=300, placebos=("placebo",), margins=Margins(capability=0.25))


@pytest.fixture(scope="module")
def found() -> Audit:
    rng = np.random.default_rng(0)
    methods = {"safer": Method(beyond=0.8), "masked": Method(beyond=1.0, flags="gradient_masking"), "placebo": Method()}
    results, scores = simulated_study(World(methods=methods, measurements=2), rng)
    return audit(results, scores, primary=["condition00/auroc"], settings=SETTINGS, rng=rng)


def test_counts_leave_placebos_out_and_show_them_beside(found: Audit) -> None:
    told = summary(found, SETTINGS)
    assert told["claims"] == 4
    assert {label: count for label, count in told["primary"].items() if count} == {"DIFFERENTIAL": 1, "BLOCKED": 1}
    assert sum(told["placebos"]["placebo"].values()) == 2
    assert told["placebos"]["placebo"]["DIFFERENTIAL"] == 0
    assert told["margins"] == margins_digest(found.margins)
    assert told["changed_without_flagged"] == 2


def test_one_plain_sentence_per_verdict(found: Audit) -> None:
    rows = {row["method"]: row for row in found.verdicts.filter(pl.col("tier") == "primary").iter_rows(named=True)}
    number = r"[+-]\d\.\d\d \[[+-]\d\.\d\d, [+-]\d\.\d\d\]"
    wanted = (
        r"safer on simulated, condition00/auroc: DIFFERENTIAL( \(capability-neutral\))?, "
        rf"it is safer beyond what its capability explains \(beyond capability {number}; "
        rf"in all {number}; on capability {number}; margin 0\.\d\d; 24 pairs of 12 models\)\."
    )
    assert re.fullmatch(wanted, sentence(rows["safer"]))
    assert sentence(rows["masked"]) == (
        "masked on simulated, condition00/auroc: BLOCKED, no verdict is given because a gate failed "
        "(validity: 24 of 24 runs carry gradient-masking or masked or leak)."
    )


def test_margins_hash_by_what_they_say() -> None:
    assert Margins({"a": 0.1, "b": 0.2}).digest == Margins({"b": 0.2, "a": 0.1}).digest
    assert Margins({"a": 0.1}).digest != Margins({"a": 0.11}).digest
    assert Margins({"a": 0.1}).digest != Margins({"a": 0.1}, 0.2).digest


def test_wrong_settings_are_all_named_at_once() -> None:
    message = (
        "audit settings: alpha: 2 is not between 0 and 1; draws: 5 is below 100; reliability: 0 is not in (0, 1]; "
        "transforms.auroc: 'square' is not one of: logit, log, identity; "
        "couplings.x: 'y' is not one of: accuracy, error, risk-coverage"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        AuditSettings(alpha=2, draws=5, reliability=0, transforms={"auroc": "square"}, couplings={"x": "y"})
    with pytest.raises(ValueError, match=r"^a margin is above 0 and finite, not a: 0; capability: -1$"):
        Margins({"a": 0}, -1)
