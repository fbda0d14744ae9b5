"""A cluster that does not answer, and folders that Ray can't use: one line, or another folder, and the work goes on."""

import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from cluster.reach import SECONDS
from cluster.temporary import LONGEST
from stages.store.lock import holder
from stages.store.store import Store
from tests.stages.conftest import run_all, stage

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

SAID = "Ray at {} does not answer within {} s; start the cluster (docs/cluster.md), or unset RAY_ADDRESS"


@pytest.fixture
def prepared(study: Callable[[Mapping[str, Any]], Path], tiny: dict[str, Any]) -> Path:
    """The folder of a study of one run that is ready to be trained."""
    tiny["vision"] |= {"models": {"resnet": {"widths": [4]}}, "methods": {"standard": None}, "seeds": [0]}
    folder = study(tiny)
    run_all(folder, ("plan", "prepare"))
    return folder


@pytest.mark.parametrize("listens", [False, True], ids=["nobody listens", "who listens says nothing"])
def test_an_address_that_does_not_answer_is_one_line_and_no_work(prepared: Path, listens: bool) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        if listens:
            bound.listen()
        address = f"127.0.0.1:{bound.getsockname()[1]}"
        refused = stage(prepared, "train", RAY_ADDRESS=address)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.splitlines() == [SAID.format(address, SECONDS)]
    assert not Store("store").listing("runs")
    assert holder(Store("store")) is None
    run_all(prepared, ("train",))


def test_a_long_temporary_path_and_a_home_that_can_not_be_written_give_way(prepared: Path) -> None:
    long = prepared / ("x" * 70)
    long.mkdir()
    trained = stage(prepared, "train", TMPDIR=str(long), HOME="/proc")
    assert trained.returncode == 0, trained.stderr
    assert trained.stdout.splitlines() == [
        f"Ray's files go to /tmp: {long} has more than the {LONGEST} characters that Ray's sockets leave",
        "1 of 1 runs finished",
    ]
