"""Files are UTF-8, whatever the locale of the process is."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.stages.conftest import ROOT

ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONPATH": str(ROOT)}


COMMAND = "import sys; from stages.cli import main; sys.exit(main(sys.argv[1:]))"


@pytest.mark.slow
def test_a_study_is_read_as_utf8_in_any_locale(
    study: Callable[[Mapping[str, Any]], Path], tiny: dict[str, Any]
) -> None:
    tiny["audit"] = {"areas": {"na\u00efve": "near/auroc"}}
    folder = study(tiny)
    assert "na\u00efve" in (folder / "params.yaml").read_text(encoding="utf-8")

    def python(*arguments: str) -> str:
        command, environment = [sys.executable, *arguments], {**os.environ, **ASCII}
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert python("-c", "import locale; print(locale.getpreferredencoding())") == "ANSI_X3.4-1968\n"
    assert "18 runs x 4 conditions" in python("-c", COMMAND, "check")
    for name in ("plan", "prepare"):
        python("-m", "stages", name)
    assert "0 of 18 runs done" in python("-c", COMMAND, "status")
