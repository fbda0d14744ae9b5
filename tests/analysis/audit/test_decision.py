"""The decision list, the adjustments and max-T against independent forms."""

import numpy as np
import pytest

from analysis.audit.decision import decide, max_t, step_up
from analysis.audit.settings import AuditSettings

SETTINGS = AuditSettings()
UNDECIDED: dict[str, float | None] = {
    "margin": 0.1,
    "capability_margin": 0.2,
    "total_least": -0.3,
    "total_most": 0.5,
    "capability_least": -0.4,
    "capability_most": 0.4,
    "q_differential": 0.5,
    "p_tax": 0.5,
    "q_neutral": 0.5,
    "q_washing": 0.5,
    "p_up": 0.5,
    "q_null": 0.5,
}
SAFER = {"total_least": 0.2, "q_differential": 0.01}


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, ("UNDETERMINED", "")),
        ({"total_most": -0.11}, ("REGRESSION", "")),
        ({**SAFER, "p_tax": 0.01}, ("DIFFERENTIAL", "")),
        ({**SAFER, "p_tax": 0.01, "q_neutral": 0.01}, ("DIFFERENTIAL", "capability-neutral")),
        ({**SAFER, "p_tax": 0.01, "capability_least": 0.25}, ("DIFFERENTIAL", "with externality")),
        ({**SAFER, "capability_most": -0.25}, ("TRADE-OFF", "")),
        ({"total_least": 0.01, "q_washing": 0.01, "p_up": 0.01}, ("WASHING", "")),
        ({"total_least": 0.01, "q_washing": 0.01}, ("UNDETERMINED", "")),
        ({"q_null": 0.01}, ("NULL", "")),
        ({**SAFER}, ("UNDETERMINED", "")),
        ({"q_differential": None, "q_washing": None, "total_most": -0.2}, ("REGRESSION", "")),
        (dict.fromkeys(UNDECIDED), ("UNDETERMINED", "")),
    ],
)
def test_first_rule_that_fits(changes: dict[str, float | None], verdict: tuple[str, str]) -> None:
    assert decide({**UNDECIDED, **changes}, SETTINGS) == verdict


def test_step_up_is_benjamini_hochberg_and_ignores_the_unmeasured() -> None:
    p = np.array([0.01, np.nan, 0.04, 0.03, 0.5])
    q = step_up(p)
    assert np.isnan(q[1])
    assert q[[0, 2, 3, 4]] == pytest.approx([0.04, 0.04 * 4 / 3, 0.04 * 4 / 3, 0.5])


def test_max_t_of_independent_claims_is_near_sidak_and_of_copies_is_one_claim() -> None:
    rng = np.random.default_rng(0)
    draws = rng.standard_normal((40_000, 5))
    statistics = np.array([2.5, 0.0, 0.0, 0.0, 0.0])
    p = max_t(statistics, draws, 10**6, rng)
    assert p[0] == pytest.approx(1 - (1 - 0.00621) ** 5, abs=0.004)
    copies = max_t(np.full(5, 1.645), np.repeat(draws[:, :1], 5, axis=1), 10**6, rng)
    assert copies == pytest.approx(np.full(5, 0.05), abs=0.005)


def test_max_t_never_ranks_claims_against_their_statistics() -> None:
    rng = np.random.default_rng(1)
    statistics = rng.standard_normal(8) * 2
    p = max_t(statistics, rng.standard_normal((500, 8)), 6, rng)
    assert np.all(np.diff(p[np.argsort(statistics)]) <= 1e-12)
