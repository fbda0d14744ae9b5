"""Pillars: the interquartile mean, and a planted effect found over a pillar."""

import numpy as np
import pytest
from scipy import stats

from analysis.audit.pillars import interquartile_mean
from analysis.audit.settings import AuditSettings, Margins
from analysis.audit.verdicts import audit
from analysis.simulation.worlds import Method, World, simulated_study


def test_interquartile_mean_is_the_quarter_trimmed_mean() -> None:
    values = np.random.default_rng(0).standard_normal((5, 11))
    assert interquartile_mean(values) == pytest.approx(stats.trim_mean(values, 0.25, axis=1))
    assert interquartile_mean(values[:, :3]) == pytest.approx(values[:, :3].mean(1))


def test_a_planted_effect_is_found_over_its_pillar_more_narrowly_than_on_one_measurement() -> None:
    rng = np.random.default_rng(1)
    results, scores = simulated_study(World(methods={"safer": Method(beyond=0.4)}, measurements=8), rng)
    names = sorted(results["measurement"].unique())
    settings = AuditSettings(draws=400, margins=Margins(dict.fromkeys(names, 0.1)))
    found = audit(results, scores, primary=names[:1], settings=settings, rng=rng)
    pillar = found.pillars.row(0, named=True)
    assert (pillar["pillar"], pillar["measurements"]) == ("monitoring", 8)
    assert pillar["beyond_lower"] < 4.0 < pillar["beyond_upper"]
    single = found.verdicts.select(("beyond_upper", "beyond_lower")).to_numpy() / 0.1
    assert pillar["beyond_upper"] - pillar["beyond_lower"] < np.mean(single[:, 0] - single[:, 1])


def test_a_pillar_of_one_measurement_is_its_verdict_in_margins() -> None:
    rng = np.random.default_rng(1)
    results, scores = simulated_study(World(methods={"safer": Method(beyond=0.4)}), rng)
    settings = AuditSettings(draws=400, margins=Margins({"condition00/auroc": 0.1}))
    found = audit(results, scores, primary=["condition00/auroc"], settings=settings, rng=rng)
    pillar, verdict = found.pillars.row(0, named=True), found.verdicts.row(0, named=True)
    for name in ("beyond", "beyond_lower", "beyond_upper"):
        assert pillar[name] == pytest.approx(verdict[name] / 0.1)
