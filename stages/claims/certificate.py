"""A certificate: one verdict with all it rests on, and what derives it again, as one zip."""

import json
from collections.abc import Mapping
from importlib.resources import files as resources
from typing import Any

import polars as pl

from analysis.audit.margins import margins_digest
from analysis.audit.schema import MARGINS
from analysis.schema import TableError
from stages import artifacts
from stages.artifacts import PARAMS, RUN, finding
from stages.claims import evidence, gathered
from stages.claims.history import committed, history
from stages.claims.plan_text import plan_digest, plan_text
from stages.claims.verifier.container import MANIFEST, Files, Refused, canonical, manifest, zipped
from stages.claims.verifier.main import verify
from stages.claims.verifier.study import judged
from stages.part import read_part
from stages.store.provenance import checkout
from stages.store.store import Store
from stages.study.edited import planned_as
from stages.study.preregistration import Preregistered, planned_audit

MAIN = '''"""Verifies its certificate, or one that is named: python {name} [CERTIFICATE]. Needs NumPy alone."""

import sys
from pathlib import Path

sys.dont_write_bytecode = True  # the folder is to hold what the manifest lists and nothing else
sys.path.insert(0, str(Path(__file__).parent))

from verifier.main import main  # noqa: E402

sys.exit(main(sys.argv[1:] or {default}, __file__))
'''
README = """# A certificate of diffprog

**{method} on {area}** ({task}, study {study}): **{label}**

    python verify.py                 in the folder that this was unpacked to
    python claim.zip                 or on the zip itself, whatever its name

Python 3.11 or newer with NumPy is all that it needs: no network, no GPU, nothing of diffprog. It says OK with what it
derived again, or REFUSED with what is wrong.

- `claim.json`: the verdict as the report's cell has it; `audit.json`, `margins.csv`: how it was to be judged;
  `params.yaml`: the study, `plan.json`: every planned run, condition and measurement; `history.json`: the commit
  that fixed the audit.
- `ledger.csv`: what became of each planned run, failed ones too. `values.csv`: the values of all methods in all areas,
  `unmeasured.csv`: why one is missing; `deviations.npz`: what each moves by with the test examples.
- `outcomes/`, `outcomes.csv`: what the runs of {method} and of {baseline} did, example by example, where the verifier
  makes the metric itself; the others' values are as stated.
- `environments.json`: what the runs were made with. `stated.json`: p-values of other claims that are taken as stated.

It proves that this verdict follows from these outcomes and values by the protocol, that every planned run is accounted
for, and that nothing was changed since its digest was published. It does not prove that the outcomes are a model's, or
that the plan is older than the runs: for that, compare the digest of the plan with one that was published before.
"""


def certificate(verdict: Mapping[str, Any]) -> tuple[bytes, list[str]]:
    """The zip of a row of the table VERDICTS, and what its verifier says of it. Raises TableError where this verdict
    can't have one.
    """
    if read_part():
        raise TableError("a study that is judged look by look has no certificates: what its looks saw is not kept")
    if verdict["area"] is None:
        raise TableError(f"{verdict['measurement']} stands for no area: an exploratory verdict has no certificate")
    if verdict["unit"] == "pair" and verdict["pairs"]:
        raise TableError(
            f"{verdict['method']} has pairs with {verdict['models']} models: with so few its errors are a bootstrap's, "
            "whose draws a certificate can't hold"
        )
    files = contents(verdict)
    try:
        return zipped(files), verify(files)
    except Refused as error:
        raise TableError(f"no certificate: its own verifier refuses it: {error}") from error


def contents(verdict: Mapping[str, Any]) -> Files:
    """The files of a verdict's certificate."""
    task, fixed = verdict["task"], planned_audit()
    runs = gathered.ledger(task)
    plan = planned(fixed)
    audit = fixed.of(task)
    about = judged(json.loads(plan), task, dict(audit.areas))
    held = gathered.values(runs, about)
    missing = gathered.unmeasured(runs, {name: row["condition"] for name, row in about.items()}, held)
    own = {name: row for name, row in about.items() if row["axis"] == "capability" or name == verdict["measurement"]}
    baseline = audit.settings.baseline
    ours = runs.filter(pl.col("method").is_in([verdict["method"], baseline]), role=RUN, status="finished")[
        "run"
    ].to_list()
    index, outcomes = evidence.evidence(ours, own, Store.from_environment())
    trained = [json.loads(each) for each in runs.filter(status="finished")["environment"] if each]
    when = history(fixed, trained)
    asked = committed(PARAMS, when["blob"])
    if not planned_as(asked):
        which = f"params.yaml as it is committed ({when['blob'][:12]})" if when["blob"] else "params.yaml"
        raise TableError(
            f"no certificate: {which} is not what was planned; `dvc repro` makes the study that it asks for"
        )
    cell = gathered.cell(verdict)
    claim = {
        **{name: verdict[name] for name in ("task", "domain", "dataset", "method", "area", "measurement")},
        "study": artifacts.study_name(),
        "cell": cell,
        "audit": fixed.digest,
        "margins": margins_digest(finding(MARGINS).filter(task=task)),
        "plan": plan_digest(plan),
        "analysed_with": checkout(),
    }
    said = {**claim, "label": ", ".join(filter(None, (cell["label"], cell["qualifier"]))), "baseline": baseline}
    files = {
        "README.md": README.format(**said).encode(),
        "claim.json": canonical(claim),
        "audit.json": canonical({"digest": fixed.digest, "texts": texts(fixed)}),
        "plan.json": plan,
        "history.json": canonical(when),
        "params.yaml": asked,
        "ledger.csv": gathered.as_csv(runs.iter_rows(named=True), gathered.LEDGER),
        "values.csv": gathered.as_csv(held.iter_rows(named=True)),
        "unmeasured.csv": gathered.as_csv(missing, ("run", "measurement", "reason")),
        "deviations.npz": gathered.deviations(runs, held),
        "margins.csv": gathered.margins(task),
        "stated.json": canonical(gathered.stated(task)),
        "environments.json": canonical(environments(task)),
        "outcomes.csv": gathered.as_csv(index, evidence.INDEX),
        **outcomes,
        **verifier(),
    }
    return {**files, MANIFEST: manifest(files)}


def verifier() -> Files:
    """The verifier as it lies in a certificate."""
    folder = resources("stages.claims.verifier")
    sources = {f"verifier/{each.name}": each.read_bytes() for each in folder.iterdir() if each.name.endswith(".py")}
    return {
        **sources,
        "verify.py": MAIN.format(name="verify.py", default="[]").encode(),
        "__main__.py": MAIN.format(name="CLAIM.zip", default="sys.argv[:1]").encode(),
    }


def planned(fixed: Preregistered) -> bytes:
    """The text of what was planned in this folder."""
    tables = (artifacts.PLANNED_RUNS, artifacts.PLANNED_CELLS, artifacts.PLANNED_MEASUREMENTS)
    return plan_text([each.read() for each in tables], artifacts.planned_data(), fixed.digest)


def texts(fixed: Preregistered) -> dict[str, str]:
    """Of each task the text of its audit, that the digest is of."""
    return {task: fixed.of(task).text for task in fixed.options["tasks"]}


def environments(task: str) -> list[dict[str, Any]]:
    """What the task's runs were made with: each environment, stage by stage, with how many runs."""
    rows = artifacts.PROVENANCE.read().filter(task=task)
    counts = rows.group_by("stage", "environment").agg(runs=pl.len()).sort("stage", "environment")
    return [{**row, "environment": json.loads(row["environment"])} for row in counts.to_dicts()]
