"""`diffprog verify`: a value, a verdict or a table of the report made again, or a certificate verified."""

import argparse
import re
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import polars as pl

from analysis.schema import TableError
from stages import artifacts
from stages.claims.again import Remade, analysed, held_findings, remade, row_differences
from stages.claims.certificate import verifier
from stages.claims.chosen import Row, verdict
from stages.claims.value import FORM, verified_value
from stages.claims.verifier import main as of_certificates
from stages.claims.verifier.container import read
from stages.imports.verified import verify_items
from stages.store.store import Store
from stages.study.preregistration import planned_audit
from stages.terminal import say

FORMS = f"{FORM}, [TASK:]METHOD:AREA, a table of findings/ or a certificate"
OF_ITEMS = "MODEL:MEASUREMENT"
SHOWN = 5  # differences
EXAMPLES = {
    "diffprog verify standard/resnet-10/0:clean/accuracy": "one value of one run; /PART behind it names a part",
    "diffprog verify adversarial:attacks": "a verdict, from the stored outcomes of all runs",
    "diffprog verify correlations": "a table of findings/, from results.parquet",
    "diffprog verify claim.zip": "a certificate, by this installation's verifier",
    "diffprog verify --study my-logs org/m:arc_easy/acc": "a value of an imported study, from its items",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`WHAT [--study NAME]`: a value, a verdict, a table or a certificate; a value of an imported study."""
    parser.description = (
        "Makes a number of the report again and compares it with the one held; exit status 1 where they differ. "
        f"A value ({FORM}) is made from stored outcomes; a verdict ([TASK:]METHOD:AREA) from the stored outcomes "
        "of all runs of its task, through metrics and analysis; a table of findings/ (its name, as `correlations`) "
        "from results.parquet; a certificate (a zip) is verified with this installation's verifier; a value of an "
        f"imported study ({OF_ITEMS}) is made from the stored scores of its items."
    )
    parser.add_argument("what", metavar="WHAT", help=FORMS)
    parser.add_argument("--study", metavar="NAME", help=f"an imported study, of which WHAT is {OF_ITEMS}")


def run(chosen: argparse.Namespace) -> int:
    """Print what was made again beside what is held; 1 where they differ."""
    return verify_items(chosen.study, chosen.what) if chosen.study else _check_of(chosen.what)()


def _check_of(what: str) -> Callable[[], int]:
    if zipfile.is_zipfile(what) or Path(what).suffix == ".zip":
        return partial(_certificate, Path(what))
    first, colon, _ = what.partition(":")
    if colon and "/" in first:
        return partial(verified_value, what)
    if colon:
        return partial(_verdict, what)
    if re.fullmatch(r"\w+", what):
        return partial(_table, what)
    raise TableError(f"{what!r} is not one of: {FORMS}")


def _verdict(what: str) -> int:
    *tasks, method, area = what.split(":", 2) if what.count(":") > 1 else what.split(":")
    held = verdict(method, area, *tasks)
    task, found = held["task"], held_findings(held["task"])
    judged = set(found["verdicts"].filter(pl.col("area").is_not_null())["measurement"])
    capability = set(found["capability_weights"]["measurement"])
    say(f"{task}: {method} on {area}: {held['label']}")
    again = remade(task, {*judged, *capability, held["measurement"]}, Store.from_environment())
    say(_said_of_values(again))
    rows = analysed(task, again.results, again.replicates)["verdicts"]
    key = {name: held[name] for name in ("task", "domain", "dataset", "method", "measurement")}
    made: Row = rows.filter(**key).row(0, named=True)
    differing, rounded = row_differences(made, held)
    differing += again.differing
    say(f"  audit    {planned_audit().digest}; {len(rows)} verdicts of the task derived again, this one among them")
    if differing:
        say("\n".join(["  they differ", *(f"    {each}" for each in differing[:SHOWN])]))
        return 1
    same = f"all {len(held)} numbers and words of it are the same"
    say(f"  {same}, {len(rounded)} but for rounding" if rounded else f"  {same}, to the last bit")
    return 0


def _said_of_values(again: Remade) -> str:
    said = f"  values   {again.values} made again from stored outcomes: "
    if again.differing:
        return f"{said}{len(again.differing)} differ"
    rounded = f"{len(again.rounded)} the same but for rounding, the others" if again.rounded else "all the same,"
    return f"{said}{rounded} to the last bit"


def _table(name: str) -> int:
    differing, rows = [], 0
    for task in planned_audit().options["tasks"]:
        held = held_findings(task)
        if name not in held:
            raise TableError(f"{name!r} is not one of the tables of findings/: {', '.join(held)}")
        made = analysed(task, artifacts.RESULTS.read(), artifacts.REPLICATES.read())[name]
        rows += len(held[name])
        if not made.equals(held[name]):
            differing.append(task)
    say(f"findings/{name}.parquet: {rows} rows made again from results.parquet")
    say(f"  they differ in {', '.join(differing)}" if differing else "  the same, to the last bit")
    return 1 if differing else 0


def _certificate(path: Path) -> int:
    status = of_certificates.main([str(path)], __file__)
    if status == 0:
        files = read(path)
        own = all(files.get(name) == content for name, content in verifier().items())
        say(f"  verifier that of this installation; the one in it is {'the same' if own else 'another'}")
    return status
