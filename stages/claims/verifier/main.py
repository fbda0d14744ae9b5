"""The verifier as it is run: everything that is checked of a certificate, and what it says of it."""

import hashlib
import io
import json
import shutil
import sys
import textwrap
from math import isfinite
from pathlib import Path

import numpy as np

from . import scores
from .container import DIGITS, Files, Refused, check, claim_digest, digest, read
from .derive import verdicts
from .study import Row, Study, number, table

CLOSE = 1e-6  # relative, of what is derived again: sums differ in their last bits on another processor
TINY = 1e-9
SHOWN = 5  # of what was left out, in words
OF_VALUE = 1e-5  # of a value from logits in float32; a flipped answer of ten thousand is 1e-4
CELL = ("total", "capability", "beyond")
ENDS = ("", "_se", "_lower", "_upper")
NUMBERS = (
    *(name + end for name in CELL for end in ENDS),
    *("margin", "capability_margin", "pairs", "models", "in_range"),
    *(f"p_{kind}" for kind in ("gain", "sign", "none", "loss", "null", "wash", "tax", "paid", "safer", "neutral")),
    *(f"q_{kind}" for kind in ("gain", "sign", "none", "loss", "null", "wash", "neutral")),
    "p_family_wise",
)
WORDS = ("label", "qualifier", "match", "starred")


def main(arguments: list[str], here: str) -> int:
    """Verify the certificate that is named, or the one that this file is of; 0: it holds, 1: it is refused."""
    path = Path(arguments[0]) if arguments else Path(here).resolve().parent
    try:
        said = verify(read(path))
    except (Refused, OSError) as error:
        print(f"REFUSED: {error}")
        return 1
    for line in said:
        print(_folded(line) if sys.stdout.isatty() else line)
    return 0


def _folded(line: str) -> str:
    """A line as a terminal shows it, folded between words below the first word of what it says."""
    wide = shutil.get_terminal_size().columns
    return textwrap.fill(line, wide, subsequent_indent=" " * 11, break_long_words=False, break_on_hyphens=False)


def verify(files: Files) -> list[str]:
    """What a certificate proves, in lines. Raises Refused with what is wrong."""
    check(files)
    try:
        return _verified(files)
    except Refused:
        raise
    except KeyError as error:  # files made to fit their manifest may hold anything, and lack anything
        raise Refused(f"it does not fit together: {error} is missing") from error
    except Exception as error:
        raise Refused(f"it does not fit together: {type(error).__name__}: {error}") from error


def _verified(files: Files) -> list[str]:
    claim, plan = json.loads(files["claim.json"]), json.loads(files["plan.json"])
    wrong = [*_bound(files, claim), *_left_out(files, claim, plan)]
    if wrong:
        raise Refused("; ".join(wrong))
    study = Study(files, claim["task"])
    made, stated = _values(files, claim, study, plan)
    given = {(row["method"], row["measurement"]): row for row in json.loads(files["stated.json"])}
    rows = verdicts(study, given)
    if study.rule["areas"].get(claim["area"]) != claim["measurement"]:
        raise Refused(f"the audit has no area {claim['area']} that is {claim['measurement']}")
    row = only(rows, method=claim["method"], measurement=claim["measurement"])
    _compare(row, claim["cell"])
    _margins(files, study, rows)
    return _said(files, claim, row, rows, study, made, stated)


def _bound(files: Files, claim: Row) -> list[str]:
    """What does not fit among the digests of audit, margins, plan and params.yaml."""
    audit, history = json.loads(files["audit.json"]), json.loads(files["history.json"])
    text = json.dumps(audit["texts"], sort_keys=True, ensure_ascii=False)
    wrong = []
    if hashlib.sha256(text.encode()).hexdigest()[:16] != claim["audit"] or claim["audit"] != audit["digest"]:
        wrong.append("the audit is not the one of its digest: a margin, a level or an area was changed")
    if digest(files["plan.json"])[:DIGITS] != claim["plan"]:
        wrong.append("the plan is not the one of its digest")
    if json.loads(files["plan.json"])["audit"] != claim["audit"]:
        wrong.append("the plan is of another audit")
    lines = sorted(
        f"{row['domain']}/{row['dataset']}/{row['measurement']}={float(row['margin']):.9g}"
        for row in table(files["margins.csv"])
    )
    if hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16] != claim["margins"]:
        wrong.append("the margins are not those of their digest")
    params = files["params.yaml"]
    blob = hashlib.sha1(b"blob %d\0" % len(params) + params).hexdigest()
    if history["blob"] and blob != history["blob"]:
        wrong.append("params.yaml is not the one that was committed")
    return wrong


def _left_out(files: Files, claim: Row, plan: Row) -> list[str]:
    """The planned runs that the ledger lacks, or has without being planned, and finished ones without their values."""
    planned = {row["run"]: row for row in plan["runs"] if row["task"] == claim["task"]}
    ledger = {row["run"]: row for row in table(files["ledger.csv"])}
    wrong = [f"the planned run {run} is not in the ledger" for run in planned if run not in ledger]
    wrong += [f"{run} is in the ledger and was not planned" for run in ledger if run not in planned]
    same = ("method", "model", "family", "seed", "role")
    wrong += [
        f"{run}: the ledger does not say what the plan says"
        for run, row in ledger.items()
        if run in planned and [row[name] for name in same] != [str(planned[run][name]) for name in same]
    ]
    areas = json.loads(json.loads(files["audit.json"])["texts"][claim["task"]])["areas"]
    judged = [row["measurement"] for row in plan["measurements"] if row["task"] == claim["task"]]
    needed = [n for n in judged if not areas or n in areas.values() or _axis(plan, claim["task"], n) == "capability"]
    values = {(row["run"], row["measurement"]): number(row["value"]) for row in table(files["values.csv"])}
    wrong += [f"{run}: the value of {name} is {value}" for (run, name), value in values.items() if not isfinite(value)]
    reasons = {(row["run"], row["measurement"]) for row in table(files["unmeasured.csv"]) if row["reason"]}
    for run, row in ledger.items():
        if row["role"] == "run" and row["status"] == "finished":
            wrong += [f"{run} has no value of {n}" for n in needed if (run, n) not in values.keys() | reasons]
        elif row["status"] != "finished" and not row["reason"]:
            wrong.append(f"{run} failed without a reason")
    return wrong if len(wrong) <= SHOWN else [*wrong[:SHOWN], f"and {len(wrong) - SHOWN} more"]


def _axis(plan: Row, task: str, name: str) -> str:
    return str(only(plan["measurements"], task=task, measurement=name)["axis"])


def only(rows: list[Row], **about: str) -> Row:
    """The row of which this holds. Raises Refused where there is none."""
    for row in rows:
        if about.items() <= row.items():
            return row
    raise Refused(f"nothing in it is of {', '.join(f'{name} {value}' for name, value in about.items())}")


def _values(files: Files, claim: Row, study: Study, plan: Row) -> tuple[int, int]:
    """How many values of the method's and the baseline's runs are made again from outcomes, and how many are as
    stated.
    """
    at = {(row["run"], row["condition"]): files[row["file"]] for row in table(files["outcomes.csv"])}
    names = [claim["measurement"], *(n for n, about in study.about.items() if about["axis"] == "capability")]
    methods = (claim["method"], study.rule["baseline"])
    run_method = {row["run"]: row["method"] for row in study.ledger}
    made = stated = 0
    for row in study.values:
        about = study.about[row["measurement"]]
        if row["measurement"] not in names or run_method[row["run"]] not in methods:
            continue
        spec = json.loads(about["spec"])
        if not scores.known(spec):
            stated += 1
            continue
        reference = at[row["run"], about["reference"]] if scores.needs_reference(spec) else None
        outcomes = _arrays(at[row["run"], about["condition"]])
        found = scores.value_of(spec, outcomes, None if reference is None else _arrays(reference))
        if not abs(found - number(row["value"])) <= OF_VALUE * max(1, abs(found)):
            raise Refused(f"{row['run']}: {row['measurement']} is {found:.6g} from its outcomes, {row['value']} stated")
        made += 1
    return made, stated


def _arrays(payload: bytes) -> scores.Arrays:
    with np.load(io.BytesIO(payload), allow_pickle=False) as held:
        return {name: held[name] for name in held.files}


def _compare(row: Row, cell: Row) -> None:
    """Raise Refused where the cell says anything else than what was derived."""
    wrong = [f"{name} is {row[name]!r}, {cell[name]!r} stated" for name in WORDS if row[name] != cell[name]]
    for name in NUMBERS:
        found, said = row.get(name), cell[name]
        found = None if found is None or found != found else float(found)
        if (found is None) != (said is None):
            wrong.append(f"{name} is {found}, {said} stated")
        elif found is not None and not abs(found - said) <= CLOSE * max(abs(found), abs(said)) + TINY:
            wrong.append(f"{name} is {found:.9g}, {said:.9g} stated")
    if wrong:
        raise Refused("derived again from the values, " + "; ".join(wrong))


def _margins(files: Files, study: Study, rows: list[Row]) -> None:
    """Raise Refused where a margin that was used is not the one of the table whose digest is shown."""
    said = {row["measurement"]: float(row["margin"]) for row in table(files["margins.csv"])}
    used = {row["measurement"]: row["margin"] for row in rows} | {"capability": study.capability_margin()}
    wrong = [
        f"{name} {margin:.6g}" for name, margin in used.items() if not abs(margin - said[name]) <= CLOSE * abs(margin)
    ]
    if wrong:
        raise Refused(f"margins that are not those of the table: {', '.join(wrong)}")


def _said(files: Files, claim: Row, row: Row, rows: list[Row], study: Study, made: int, stated: int) -> list[str]:
    fate = [each["status"] for each in study.ledger]
    taken = sum("stated" in each for each in rows)
    history = json.loads(files["history.json"])
    name = f"{row['label']}{' ★' * row['starred']}{', ' * bool(row['qualifier'])}{row['qualifier']}"
    lines = [f"OK: {claim['method']} on {claim['area']} ({claim['task']}): {name}"]
    for sign, of in zip("TED", CELL, strict=True):
        if row[of] is not None:
            ends = f"[{row[f'{of}_lower']:+.3f}, {row[f'{of}_upper']:+.3f}]"
            margin = row["capability_margin" if of == "capability" else "margin"]
            lines.append(f"  {sign} {row[of]:+.3f} {ends}, margin {margin:.3g}: derived again")
    failed = len(fate) - fate.count("finished")
    lines.append(
        f"  runs     {len(fate)} planned, {failed} failed; {row.get('pairs', 0)} pairs of {row.get('models', 0)} models"
    )
    lines.append(f"  values   {made} of {made + stated} made again from outcomes, {stated} as stated")
    lines.append(f"  family   {len(rows)} claims, {len(rows) - taken} derived again, {taken} as stated")
    lines.append(f"  audit    {claim['audit']}, margins {claim['margins']}: as stated, {history['said']}")
    lines.append(f"  plan     {claim['plan']}: compare with what was published before the first run")
    lines.append(f"  claim    {claim_digest(files)}: compare with what was published")
    return lines
