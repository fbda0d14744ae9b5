"""The audit's settings: every choice out of its range is named at once."""

import re

import numpy as np
import pytest
from scipy.special import expit

from analysis.audit.settings import AuditSettings, Margins


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


@pytest.mark.parametrize(("spread", "share"), [(0.0, 0.004), (1.0, AuditSettings().example_share), (2.0, 0.15)])
def test_the_example_share_is_that_of_an_effect_that_varies_by_a_logit(spread: float, share: float) -> None:
    """Accuracy on examples whose difficulties have an SD of two logits, a method that adds half a logit on average."""
    rng = np.random.default_rng(0)
    ease = rng.normal(0, 2, 400_000)
    before, after = expit(ease), expit(ease + 0.5 + spread * rng.standard_normal(len(ease)))
    of_two_runs = sum(p.mean() * (1 - p.mean()) for p in (before, after))
    assert np.var(after - before) / of_two_runs == pytest.approx(share, rel=0.15, abs=0.001)
