"""Ray's session, started while a stage that needs none works for those that come next."""

from contextlib import suppress

from cluster import session
from cluster.connection import ClusterError
from stages.store.code_snapshot import copied


def begin() -> None:
    """Have Ray start meanwhile. What is in its way, the stage that needs it says."""
    with suppress(ClusterError), copied() as code:
        session.begin(code)
