"""The audit's settings: every choice out of its range is named at once."""

import re

import pytest

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
