"""The command `diffprog`, and the stages as DVC calls them."""

import argparse
import importlib
import inspect
import shutil
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path

from analysis.tables import TableError
from cluster.connection import ClusterError
from pipelines import parts
from pipelines.vision.data import DataError
from stages.errors import CodeChanged, CodeNotFollowed, StoreError, TrackingError, masked
from stages.study import params
from stages.study.checks import WrongParams
from stages.study.watched import unwatched
from stages.terminal import escaped, run_printing

STAGES = ("plan", "prepare", "train", "predict", "measure", "collect", "analyse", "report")
KINDS = ("datasets", "models", "methods", "conditions")
USER_ERRORS = (
    WrongParams,
    DataError,
    TableError,
    StoreError,
    TrackingError,
    CodeChanged,
    CodeNotFollowed,
    ClusterError,
)
COMMANDS = {  # by the module that has the function
    "plan": "commands.audit",
    "audit": "commands.audit",
    "verify": "commands.audit",
    "jumps": "commands.jumps",
    "status": "commands.status",
    "gc": "commands.gc",
    "sync": "measure",
    "doctor": "commands.doctor",
}
STOPPED = 130  # as shells count a Ctrl-C


def run_stage(name: str) -> int:
    """Run one stage; its exit status: 0, or 2 with one line on standard error for each thing that was wrong."""
    return run_printing(lambda: _stage(name))


def _stage(name: str) -> int:
    try:
        importlib.import_module(f"stages.{name}").main()
    except USER_ERRORS as error:
        print(escaped(masked(str(error))), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped; what is finished is kept, and `dvc repro` goes on from there", file=sys.stderr)
        return STOPPED
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line and run the command; its exit status."""
    parser = argparse.ArgumentParser(
        prog="diffprog", description="Measures whether work on AI safety makes models safer, or merely more capable."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    check = commands.add_parser("check", help="check params.yaml and say what it asks for; nothing is run")
    check.add_argument("file", nargs="?", type=Path, default=Path("params.yaml"), help="default: params.yaml")
    listing = commands.add_parser("list", help="every dataset, model, method, condition and metric, with its options")
    listing.add_argument("kind", nargs="?", choices=[*KINDS, "metrics"], help="one kind only")
    table = commands.add_parser("import", help="log a published table of results to MLflow, checked whole")
    table.add_argument("table", type=Path, metavar="TABLE", help="CSV, TSV, Parquet, JSON, or a folder of result files")
    table.add_argument("--spec", type=Path, required=True, help="YAML: which columns are what")
    observed = commands.add_parser("analyse", help="the statistics of an imported study")
    observed.add_argument("--study", required=True, help="the name in its spec")
    observed.add_argument("--out", type=Path, required=True, help="the folder for the tables")
    observed.add_argument("--score", default="pc1", help="safetywashing, pc1 (default), flops or a measurement")
    planning = commands.add_parser(
        "plan",
        help="what params.yaml asks for, what of it is done, what the rest will cost; nothing is run",
        description="The claims and runs that params.yaml asks for, how many of them the store holds, and the "
        "core-hours of the rest: from the measured seconds of runs in the store, scaled by FLOPs, or else from a "
        "stated rate.",
    )
    planning.add_argument("file", nargs="?", type=Path, default=Path("params.yaml"), help="default: params.yaml")
    planning.add_argument("--power", action="store_true", help="the effects that such a study would find")
    planning.add_argument("--sd", type=float, help="of one pair's D, where no study was run or another is meant")
    commands.add_parser(
        "status",
        help="how far the sweep is, while it runs or after: done, failed by class, rate, time left",
        description="How far the sweep of plan/ is: what is in the store, what failed and with which class, and, where "
        "a driver is at work, its rate and the time left. Reads the store and the plan's tables only.",
    )
    collection = commands.add_parser(
        "gc",
        help="remove from the store what no current plan needs; asks first",
        description="Count what the store holds that the plan in this folder does not need, by kind, and remove it "
        "after asking. Files that the store did not write are left alone. A store that several studies share: name "
        "their folders with --keep, or what only they need is removed.",
    )
    collection.add_argument("--yes", action="store_true", help="do not ask")
    collection.add_argument(
        "--keep", type=Path, action="append", default=[], metavar="FOLDER", help="another study that uses this store"
    )
    commands.add_parser(
        "sync",
        help="log every run to MLflow again, from the store: for a tracking server that lost data",
        description="Log every measured run's values to MLflow again, as the stage `measure` does: what is there "
        "already stays, what is missing or differs is made anew. Nothing is computed.",
    )
    commands.add_parser(
        "doctor",
        help="whether this machine, the store, MLflow and Ray are fit for a sweep; exit status 1 where not",
        description="Check Python, torch and torchvision, disk, memory, the store, MLflow and Ray: one line each, "
        "with the fix. The exit status is 1 where something is wrong.",
    )
    case = commands.add_parser("audit", help="one method's case on one screen")
    case.add_argument("method")
    curves = commands.add_parser("jumps", help="the curves that jump, and the runs that would show how abruptly")
    curves.add_argument("file", nargs="?", type=Path, default=Path("params.yaml"), help="default: params.yaml")
    curves.add_argument("--refine", action="store_true", help="add runs inside the brackets to params.yaml")
    number = commands.add_parser("verify", help="a number of the report, made again from stored outcomes")
    number.add_argument("cell", help="METHOD/MODEL/SEED:CONDITION/METRIC, as in standard/resnet-10/0:clean/accuracy")
    chosen = parser.parse_args(arguments)
    return run_printing(lambda: _command(chosen))


def _command(chosen: argparse.Namespace) -> int:
    if chosen.command in COMMANDS:
        return run_command(COMMANDS[chosen.command], chosen)
    if chosen.command in ("import", "analyse"):
        importing = importlib.import_module(
            "stages.imports.tracked"
        )  # MLflow takes seconds to load: not for the others
        if chosen.command == "import":
            return int(importing.import_table(chosen.table, chosen.spec))
        return int(importing.analyse_study(chosen.study, chosen.out, chosen.score))
    return check_params(chosen.file) if chosen.command == "check" else list_parts(chosen.kind)


def run_command(module: str, chosen: argparse.Namespace) -> int:
    """Run a command's function in a module of the stages; its exit status, 2 for what the user can fix."""
    try:
        status: int = getattr(importlib.import_module(f"stages.{module}"), chosen.command)(chosen)
    except USER_ERRORS as error:
        print(escaped(masked(str(error))), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return STOPPED
    return status


def check_params(path: Path) -> int:
    """Print what a params.yaml asks for, or every fault in it (exit status 2)."""
    try:
        study = params.read(path)
    except WrongParams as error:
        print(escaped(str(error)), file=sys.stderr)
        return 2
    for domain in study.domains:
        runs = len(domain.methods) * len(domain.models) * len(domain.seeds)
        print(f"{study.name}: {domain.domain} on {domain.data.use}")
        print(f"  {len(domain.methods)} methods   {', '.join(part.name for part in domain.methods)}")
        print(f"  {len(domain.models)} models   {', '.join(part.name for part in domain.models)}")
        print(f"  {len(domain.seeds)} seeds   {', '.join(map(str, domain.seeds))}")
        print(f"  {runs} runs x {len(domain.conditions)} conditions, {len(domain.measurements)} measurements")
        for line in unwatched(domain):
            print(f"  {line}")
    return 0


def list_parts(kind: str | None) -> int:
    """Print the parts that params.yaml can name, each with its first line and its options and their defaults."""
    for place, chosen in enumerate([kind] if kind else [*KINDS, "metrics"]):
        package = "pipelines.metrics" if chosen == "metrics" else f"pipelines.vision.{chosen}"
        names = parts.names(package)
        column = max(map(len, names)) + 2
        wide = max(40, min(120, shutil.get_terminal_size().columns) - column - 2)
        print(f"\n{chosen}" if place else chosen)
        for name in names:
            module = parts.module(package, name)
            first = " ".join((module.__doc__ or "").split("\n\n")[0].split())
            options = ", ".join(map(_shown, inspect.signature(parts.factory(package, name)).parameters.values()))
            lines = [line for text in (first, f"[{options}]" * bool(options)) for line in textwrap.wrap(text, wide)]
            for head, line in zip([name, *[""] * (len(lines) - 1)], lines, strict=True):
                print(f"  {head:<{column}}{line}")
    return 0


def _shown(option: inspect.Parameter) -> str:
    return option.name if option.default is option.empty else f"{option.name}: {option.default}"
