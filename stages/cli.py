"""The command `diffprog`, and the stages as DVC calls them."""

import argparse
import gc
import importlib
import shutil
import sys
import textwrap
from collections.abc import Callable, Container, Iterator, Mapping, Sequence

from analysis.schema import TableError
from cluster.connection import ClusterError
from pipelines.data import DataError
from pipelines.parts import BrokenPart
from stages.errors import CodeChanged, CodeNotFollowed, StoreError, TrackingError, masked
from stages.study.checks import WrongParams
from stages.terminal import escaped, run_printing, say

STAGES = ("plan", "prepare", "train", "predict", "measure", "collect", "analyse", "report")
COMMANDS = {  # each in its file of stages/commands/, which is imported only to run it or for its own help
    "check": "check params.yaml and say what it asks for; nothing is run",
    "list": "every dataset, model, method, condition and metric, with its options",
    "import": "log a published table of results to MLflow, checked whole",
    "analyse": "the statistics of an imported study",
    "report": "the report in another folder, with more examples or none; of an imported study, too",
    "figures": "every chart of a report as a picture",
    "plan": "what params.yaml asks for, what of it is done, what the rest will cost; nothing is run",
    "decide": "make the study look by look, each method until it is decided",
    "status": "how far the sweep is, while it runs or after: done, failed by class, rate, time left",
    "gc": "remove from the store what no current plan needs; asks first",
    "sync": "log every run to MLflow again, from the store: for a tracking server that lost data",
    "doctor": "whether this machine, the store, MLflow and Ray are fit for a sweep; exit status 1 where not",
    "audit": "one method's case on one screen",
    "multiverse": "each verdict under every defensible analysis of the same results",
    "jumps": "the curves that jump, and the runs that would show how abruptly",
    "verify": "a value, a verdict or a table of the report, made again; or a certificate verified",
    "certify": "one verdict as a zip that anyone can verify, with NumPy alone",
    "export": "the whole study as an RO-Crate, with Croissant metadata and model cards",
    "completion": "the script with which bash, zsh or fish completes the words of a command line",
}
FILES = {"import": "import_table"}  # a command whose name is a word of Python's own
USER_ERRORS = (
    WrongParams,
    BrokenPart,
    DataError,
    TableError,
    StoreError,
    TrackingError,
    CodeChanged,
    CodeNotFollowed,
    ClusterError,
)
STOPPED = 130  # as shells count a Ctrl-C
COLLECTED_AFTER = (100_000, 50, 100)  # new objects; what imports and tables make stays, and is looked through in vain


def run_stage(name: str, arguments: Sequence[str] = ()) -> int:
    """Run one stage; its exit status: 0, or 2 with one line on standard error for each thing that was wrong."""

    if name not in STAGES:
        say(f"{name!r} is not one of the stages: {', '.join(STAGES)}", sys.stderr)
        return 2

    def stage() -> int:
        module = importlib.import_module(f"stages.{name}")
        parser = argparse.ArgumentParser(prog=f"python -m stages {name}")
        if hasattr(module, "add_arguments"):
            module.add_arguments(parser)
        module.main(**vars(parser.parse_args(arguments)))
        return 0

    return run_printing(lambda: _run(stage, "stopped; what is finished is kept, and `dvc repro` goes on from there"))


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line and run the command; its exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    chosen = parser_with(given[:1]).parse_args(given)

    def command_of() -> int:
        status: int = importlib.import_module(_file(chosen.command)).run(chosen)
        return status

    return run_printing(lambda: _run(command_of, "stopped"))


def parser_with(whole: Container[str]) -> argparse.ArgumentParser:
    """The parser of all commands, these whole: with their arguments, for which their files are imported."""
    parser = argparse.ArgumentParser(
        prog="diffprog", description="Measures whether work on AI safety makes models safer, or merely more capable."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND [-h]")
    for name, about in COMMANDS.items():
        command = commands.add_parser(name, help=about, formatter_class=argparse.RawDescriptionHelpFormatter)
        if name in whole:
            module = importlib.import_module(_file(name))
            command.description = f"{about[0].upper()}{about[1:]}."
            module.add_arguments(command)
            wide = shutil.get_terminal_size().columns - 2
            command.description = textwrap.fill(command.description, wide)
            command.epilog = "\n".join(["examples:", *_examples(module.EXAMPLES)])
    return parser


def _examples(examples: Mapping[str, str]) -> Iterator[str]:
    """Each command line, and below it what it does."""
    for line, does in examples.items():
        yield f"  {line}"
        yield textwrap.fill(does, 74, initial_indent="      ", subsequent_indent="      ")


def _file(command: str) -> str:
    return f"stages.commands.{FILES.get(command, command)}"


def _run(function: Callable[[], int], stopped: str) -> int:
    """The exit status of a function, 2 for what the user can fix."""
    gc.set_threshold(*COLLECTED_AFTER)
    try:
        return function()
    except USER_ERRORS as error:
        say(escaped(masked(str(error))), sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(stopped, file=sys.stderr)
        return STOPPED
