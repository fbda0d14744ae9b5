"""Which of many cases of a test are among the fast ones."""

from collections.abc import Collection, Iterable
from typing import Any

import pytest


def fast_are(fast: Collection[Any], every: Iterable[Any]) -> list[Any]:
    """Every case for `parametrize`, all but the fast ones marked slow. Raises ValueError for a fast one that is not
    among them.
    """
    cases = list(every)
    if lost := [case for case in fast if case not in cases]:
        raise ValueError(f"not among the cases: {lost}")
    return [case if case in fast else pytest.param(case, marks=pytest.mark.slow) for case in cases]
