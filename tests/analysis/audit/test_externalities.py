"""Externalities: a method that changes capability changes everything that is measured."""

import numpy as np

from analysis.audit.externalities import externalities
from analysis.audit.settings import AuditSettings
from analysis.audit.verdicts import audit
from analysis.simulation.examples import example_study
from analysis.simulation.worlds import Method, World


def test_a_methods_side_effects_on_everything_are_in_one_table() -> None:
    rng = np.random.default_rng(0)
    world = World(methods={"more": Method(capability=0.5), "less": Method(capability=-0.5)}, examples=2000)
    results, scores = example_study(world, rng)
    found = audit(results, scores, primary=["calibration/brier_score"], settings=AuditSettings(draws=300), rng=rng)
    table = externalities(found)
    more, less = (table.filter(method=name) for name in ("more", "less"))
    safety = ["calibration/brier_score", "selective/area_under_risk_coverage"]
    assert more["measurement"].to_list() == [*safety[:1], "clean/accuracy", *safety[1:]]
    assert more["direction"].to_list() == ["up", "up", "up"]
    assert more["label"].is_null().to_list() == [False, True, False]
    assert less.filter(measurement="clean/accuracy")["direction"].to_list() == ["down"]
    assert less.filter(measurement=safety[1])["direction"].to_list() == ["down"]
