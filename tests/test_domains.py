"""Each domain is held against what the stages ask of one, by mypy, and has no function that they do not know."""

import inspect

import pytest

from pipelines.domain import Domain, Running, Stored
from pipelines.language import arrays as language_arrays
from pipelines.language import domain as language_domain
from pipelines.language import running as language_running
from pipelines.vision import arrays, domain, running
from stages import domains

DOMAINS: dict[str, tuple[Domain, Running, Stored]] = {  # mypy compares every signature
    "language": (language_domain, language_running, language_arrays),
    "vision": (domain, running, arrays),
}
PAIRS = [pair for modules in DOMAINS.values() for pair in zip(modules, (Domain, Running, Stored), strict=True)]


def test_every_domain_is_compared() -> None:
    assert domains.names() == tuple(DOMAINS)
    for name, modules in DOMAINS.items():
        assert (domains.domain(name), domains.running(name), domains.arrays(name)) == modules


@pytest.mark.parametrize(("module", "asked"), PAIRS)
def test_a_domain_has_all_that_is_asked_of_it(module: object, asked: type) -> None:
    functions = [name for name, _ in inspect.getmembers(asked, inspect.isfunction) if not name.startswith("_")]
    assert functions
    assert [name for name in functions if not callable(getattr(module, name, None))] == []
