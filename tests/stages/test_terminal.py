"""What a command prints ends no command: a closed pipe, a name that the terminal's encoding lacks."""

import os
import subprocess
import sys

import pytest

from stages.terminal import escaped
from tests.stages.conftest import ROOT

MAIN = "import sys; from stages.cli import main; sys.exit(main(sys.argv[1:]))"


def test_a_closed_pipe_ends_a_command_quietly() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as closed:
        done = subprocess.run([sys.executable, "-c", MAIN, "list"], stdout=closed, stderr=-1, cwd=ROOT, check=False)
    assert (done.returncode, done.stderr) == (141, b"")


def test_what_the_encoding_lacks_is_printed_with_backslashes() -> None:
    code = "from stages.terminal import run_printing\nrun_printing(lambda: print('na\\xefve') or 0)"
    variables = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, cwd=ROOT, env=variables, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"na\\xefve\n", b"")


@pytest.mark.parametrize(("text", "shown"), [("\x1b[2J\0\r", r"\x1b[2J\x00\x0d"), ("a\tb\nc", "a\tb\nc")])
def test_control_characters_are_shown_not_obeyed(text: str, shown: str) -> None:
    assert escaped(text) == shown
