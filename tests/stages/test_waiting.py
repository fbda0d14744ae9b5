"""Two drivers on one store, with real stages: the second waits, can be stopped, and loses nothing to `gc`."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from stages.cli import main, run_stage
from stages.needed import digests_of
from stages.store.lock import holder, locked, said
from stages.store.store import Store
from tests.stages.conftest import ROOT

Write = Callable[[Mapping[str, Any]], Path]


def preparing(store: Store) -> subprocess.Popen[str]:
    """The stage `prepare` in a process of its own, up to where it says that it waits."""
    process = subprocess.Popen(
        [sys.executable, "-m", "stages", "prepare"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # a shell's background job, as these tests may be, hands on that SIGINT is ignored
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    held = holder(store)
    assert process.stdout
    assert held
    assert process.stdout.readline() == f"store: waiting for the driver at work on this store: {said(held)}\n"
    return process


@pytest.mark.slow
def test_the_second_stage_waits_and_goes_on_after_the_first(study: Write, tiny: dict[str, Any]) -> None:
    study(tiny)
    assert run_stage("plan") == 0
    store = Store("store")
    with locked(store, "train"):
        second = preparing(store)
        with pytest.raises(subprocess.TimeoutExpired):
            second.wait(timeout=2)
        assert not Path("data.json").exists()
    out, _ = second.communicate(timeout=120)
    assert second.returncode == 0
    assert "waiting" not in out
    assert not store.lost("data", digests_of(json.loads(Path("data.json").read_text())["vision"]))


def test_a_stage_that_waits_is_stopped_by_ctrl_c(study: Write, tiny: dict[str, Any]) -> None:
    study(tiny)
    store = Store("store")
    with locked(store, "train") as progress:
        second = preparing(store)
        second.send_signal(signal.SIGINT)
        out, err = second.communicate(timeout=30)
        assert (second.returncode, out) == (130, "")
        assert err == "stopped; what is finished is kept, and `dvc repro` goes on from there\n"
        assert holder(store) == progress.driver


@pytest.mark.slow
def test_gc_at_its_prompt_keeps_what_prepare_comes_to_need(
    study: Write, tiny: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What no plan needed when `gc` asked, the study needs again when it is answered."""
    study(tiny)
    for name in ("plan", "prepare"):
        assert run_stage(name) == 0
    needed = digests_of(json.loads(Path("data.json").read_text())["vision"])
    tiny["vision"]["data"]["test"] = 50
    study(tiny)
    for name in ("plan", "prepare"):
        assert run_stage(name) == 0
    asked = []

    def answer(question: str) -> str:
        asked.append(question)
        tiny["vision"]["data"]["test"] = 60
        study(tiny)
        for name in ("plan", "prepare"):
            assert run_stage(name) == 0
        return "y"

    monkeypatch.setattr("builtins.input", answer)
    assert main(["gc"]) == 0
    assert len(asked) == 1
    assert not Store("store").lost("data", needed)
    assert " are needed or gone meanwhile\n" in capsys.readouterr().out
