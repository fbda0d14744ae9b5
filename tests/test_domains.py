"""Each domain is held against what the stages ask of one, by mypy, and has no function that they do not know."""

import inspect

import pytest

import pipelines.control.arrays
import pipelines.control.domain
import pipelines.control.examples
import pipelines.control.running
import pipelines.games.arrays
import pipelines.games.domain
import pipelines.games.examples
import pipelines.games.running
import pipelines.language.arrays
import pipelines.language.cohorts
import pipelines.language.domain
import pipelines.language.examples
import pipelines.language.running
import pipelines.tabular.arrays
import pipelines.tabular.cohorts
import pipelines.tabular.domain
import pipelines.tabular.examples
import pipelines.tabular.running
import pipelines.vision.arrays
import pipelines.vision.cohorts
import pipelines.vision.domain
import pipelines.vision.examples
import pipelines.vision.running
from pipelines.domain import Cohorts, Domain, Running, Showing, Stored
from stages import domains

DOMAINS: dict[str, tuple[Domain, Running, Stored]] = {  # mypy compares every signature
    "control": (pipelines.control.domain, pipelines.control.running, pipelines.control.arrays),
    "games": (pipelines.games.domain, pipelines.games.running, pipelines.games.arrays),
    "language": (pipelines.language.domain, pipelines.language.running, pipelines.language.arrays),
    "tabular": (pipelines.tabular.domain, pipelines.tabular.running, pipelines.tabular.arrays),
    "vision": (pipelines.vision.domain, pipelines.vision.running, pipelines.vision.arrays),
}
SHOWING: dict[str, Showing] = {
    "control": pipelines.control.examples,
    "games": pipelines.games.examples,
    "language": pipelines.language.examples,
    "tabular": pipelines.tabular.examples,
    "vision": pipelines.vision.examples,
}
COHORTS: dict[str, Cohorts] = {
    "language": pipelines.language.cohorts,
    "tabular": pipelines.tabular.cohorts,
    "vision": pipelines.vision.cohorts,
}


def test_every_domain_is_compared() -> None:
    assert domains.names() == tuple(DOMAINS)
    for name, modules in DOMAINS.items():
        assert (domains.domain(name), domains.running(name), domains.arrays(name)) == modules
        assert domains.showing(name) == SHOWING[name]
        assert domains.cohorts(name) == COHORTS.get(name)


@pytest.mark.parametrize("name", DOMAINS)
def test_a_domain_has_all_that_is_asked_of_it(name: str) -> None:
    for module, asked in zip(DOMAINS[name], (Domain, Running, Stored), strict=True):
        functions = [each for each, _ in inspect.getmembers(asked, inspect.isfunction) if not each.startswith("_")]
        assert functions
        assert [each for each in functions if not callable(getattr(module, each, None))] == []
