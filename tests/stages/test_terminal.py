"""What a command prints ends no command: a closed pipe, a name that the terminal's encoding lacks."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from analysis.simulation.worlds import Method, World
from stages import analyse
from stages.cli import run_stage
from stages.needed import made_from
from stages.study import params
from stages.study.expansion import described
from stages.terminal import escaped
from tests.slow import fast_are
from tests.stages.conftest import ROOT, TINY
from tests.stages.test_analyse import FIXED, simulated_tables

MAIN = "import sys; from stages.cli import main; sys.exit(main(sys.argv[1:]))"


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a plan and, of a simulated study, what was found."""
    folder = tmp_path_factory.mktemp("study")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("DIFFPROG_STORE", raising=False)
        YAML().dump(TINY, Path("params.yaml"))
        assert run_stage("plan") == 0
        (vision,) = params.read().tasks
        splits, conditions = ("train", "training_outliers"), TINY["vision"]["conditions"]
        made = {name: {"digest": "f" * 64} for name in (*splits, *conditions)}
        about = {"made_from": made_from(described(vision), vision.shape.about), "about": {}}
        Path("data.json").write_text(json.dumps({"vision": {**about, "splits": made, "conditions": made}}))
        analyse.write(*simulated_tables(World(methods={"shield": Method(beyond=0.8)})), FIXED)
    return folder


@pytest.mark.parametrize("command", fast_are(["audit shield"], ["status", "audit shield", "list methods"]))
def test_a_closed_pipe_ends_a_command_quietly(command: str, study: Path) -> None:
    """As in `diffprog status | head -1`, when `head` has ended."""
    reading, writing = os.pipe()
    os.close(reading)
    run = [sys.executable, "-c", MAIN, *command.split()]
    with os.fdopen(writing, "wb") as closed:
        variables = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(run, stdout=closed, stderr=-1, cwd=study, env=variables, check=False)
    assert (done.returncode, done.stderr) == (141, b"")


def test_what_the_encoding_lacks_is_printed_with_backslashes() -> None:
    code = "from stages.terminal import run_printing\nrun_printing(lambda: print('na\\xefve') or 0)"
    variables = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, cwd=ROOT, env=variables, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"na\\xefve\n", b"")


@pytest.mark.parametrize(("text", "shown"), [("\x1b[2J\0\r", r"\x1b[2J\x00\x0d"), ("a\tb\nc", "a\tb\nc")])
def test_control_characters_are_shown_not_obeyed(text: str, shown: str) -> None:
    assert escaped(text) == shown
