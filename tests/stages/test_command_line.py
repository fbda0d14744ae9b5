"""The command line itself: help, examples, completion, and what it prints for scripts."""

import argparse
import json
import os
import pty
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pipelines import parts
from stages import terminal
from stages.cli import COMMANDS, main, parser_with


def commands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    (action,) = (each for each in parser._actions if isinstance(each, argparse._SubParsersAction))
    return dict(action.choices)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_shows_examples_that_it_takes(name: str) -> None:
    parser = parser_with([name])
    lines = re.findall(r"^  (\S.*)$", commands(parser)[name].epilog or "", re.MULTILINE)
    assert lines
    for line in lines:
        words = [word for word in shlex.split(line.partition(" > ")[0]) if "=" not in word]
        assert words[0] == "diffprog"
        assert parser.parse_args(words[1:]).command == name


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_help_fits_a_terminal_of_80_columns(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit):
        main([*([name] if name else []), "--help"])
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80


def completed(words: str, capsys: pytest.CaptureFixture[str]) -> set[str]:
    """What bash offers for the last word of a command line, which may be empty."""
    assert main(["completion", "bash"]) == 0
    given = words.split(" ")
    ask = f"COMP_WORDS=({words} '') COMP_CWORD={len(given) - 1}\n_shtab_diffprog\nprintf '%s\\n' \"${{COMPREPLY[@]}}\""
    script = f"complete() {{ :; }}\ncompopt() {{ :; }}\n{capsys.readouterr().out}\n{ask}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_bash_completes_commands_options_and_choices(capsys: pytest.CaptureFixture[str]) -> None:
    assert completed("diffprog sta", capsys) == {"status"}
    assert completed("diffprog status --", capsys) == {"--help", "--watch", "--json"}
    assert completed("diffprog list met", capsys) == {"methods", "metrics"}
    assert completed("diffprog completion ", capsys) >= {"bash", "zsh", "fish"}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shells_script_names_every_command(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert [name for name in COMMANDS if name not in script] == []
    assert shell == "bash" or COMMANDS["check"] in script  # beside its command
    if shutil.which(shell):
        subprocess.run([shell, "-n", "/dev/stdin"], input=script, text=True, check=True)


@pytest.mark.parametrize("command", ["report", "figures"])
def test_a_score_is_chosen_of_an_imported_study_alone(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--out", "elsewhere", "--score", "mean"]) == 2
    assert capsys.readouterr().err.startswith("--score has no effect without --study")


def test_list_for_scripts_has_every_part_with_its_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {row["name"] for row in rows if row["kind"] == "metrics"} == {*parts.names("pipelines.metrics")}
    (mixup,) = (row for row in rows if (row["domain"], row["kind"], row["name"]) == ("vision", "methods", "mixup"))
    assert mixup["options"] == [{"name": "alpha", "default": 0.2}]
    assert mixup["about"].startswith("Mixup: pairs of images")
    (folder,) = (row for row in rows if (row["domain"], row["kind"], row["name"]) == ("vision", "datasets", "folder"))
    assert folder["options"][0] == {"name": "path"}


def on_a_terminal(code: str, columns: int) -> str:
    """What a program prints on a terminal so wide."""
    driver, terminal_end = pty.openpty()
    variables = {**os.environ, "COLUMNS": str(columns)}
    with os.fdopen(driver, "rb", buffering=0) as reading:
        subprocess.run([sys.executable, "-c", code], stdout=terminal_end, env=variables, check=True)
        os.close(terminal_end)
        return reading.read(4096).decode().replace("\r\n", "\n")


def test_a_long_line_is_folded_on_a_terminal_only(capsys: pytest.CaptureFixture[str]) -> None:
    line = "  train    18 runs: 6 in the store"
    shown = on_a_terminal(f"from stages.terminal import say\nsay({line + chr(10) + 'end'!r})", 24)
    assert shown == "  train    18 runs: 6 in\n      the store\nend\n"
    terminal.say(f"{line}\n\nend")
    assert capsys.readouterr().out == f"{line}\n\nend\n"


def test_what_is_no_number_cannot_be_printed_for_scripts() -> None:
    with pytest.raises(ValueError, match="Out of range float values"):
        terminal.print_json({"value": float("nan")})


def test_a_folder_that_is_completed_as_one_and_a_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["completion", "bash"]) == 0
    script = capsys.readouterr().out
    of: dict[str, Any] = dict(re.findall(r"_shtab_diffprog_(\w+)_COMPGEN=(\w+)", script))
    assert of["decide___folder"] == "_shtab_compgen_dirs"
    assert of["check_pos_0"] == of["import_pos_0"] == "_shtab_compgen_files"
