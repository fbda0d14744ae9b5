"""Each domain is held against what the stages ask of one, by mypy, and has no function that they do not know."""

import inspect

import pytest

from pipelines.domain import Domain, Running, Stored
from pipelines.vision import arrays, domain, running
from stages import domains

VISION: tuple[Domain, Running, Stored] = (domain, running, arrays)  # mypy compares every signature


def test_every_domain_is_compared() -> None:
    assert domains.names() == ("vision",)
    assert (domains.domain("vision"), domains.running("vision"), domains.arrays("vision")) == VISION


@pytest.mark.parametrize(("module", "asked"), zip(VISION, (Domain, Running, Stored), strict=True))
def test_a_domain_has_all_that_is_asked_of_it(module: object, asked: type) -> None:
    functions = [name for name, _ in inspect.getmembers(asked, inspect.isfunction) if not name.startswith("_")]
    assert functions
    assert [name for name in functions if not callable(getattr(module, name, None))] == []
