"""What the report answers a reviewer: ten questions, each in sentences made of the study's own tables."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from analysis.words import several
from stages.artifacts import Failures
from stages.page.format import number
from stages.page.study_section import warnings
from stages.page.verdicts import ABOVE, ANSWERS

Found = Mapping[str, pl.DataFrame]
GAINS = (*ANSWERS["yes"], *ANSWERS[ABOVE])
# of docs/audit.md, "How often it is wrong": whole simulated studies through the whole audit
SIMULATED = (
    "In simulated studies of one task whose every effect lies just on its margin, where errors are likeliest, 0 "
    "to 7 % of the studies had any false gain, by kind of study, and 1 to 6 % any false REGRESSION; of gains "
    "found where some are true, 3 to 4 % were false; D's 95 % intervals held the truth in 93 to 98 % "
    "(docs/audit.md, 2026-11-26). Each task has families of its own: of studies of seven tasks 25 % had a false "
    "gain somewhere, and where some were true, 7 % of the gains found in them were false (2026-11-27)."
)
CHECKED = (
    "Each value is made again from stored outcomes, and each verdict from there through the analysis, by diffprog "
    "verify; diffprog certify makes a zip of one verdict that anyone verifies with NumPy alone; diffprog export "
    "describes the whole study as an RO-Crate. The digest of the audit, above, and that of the plan, which diffprog "
    "plan prints, can be compared with ones published before the run."
)


def reviewer(
    found: Found, runs: pl.DataFrame, failures: Failures, when: str, without_value: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """The questions, each with its answer in sentences. `runs` has a row a planned run; `when` says when the audit was
    fixed, `without_value` which measurements lack values.
    """
    verdicts = found["verdicts"]
    primary = verdicts.filter(pl.col("area").is_not_null(), ~pl.col("placebo"))
    answers = {
        "What was fixed before the run, and when?": _fixed(found, when),
        "How many runs were planned, and how many failed?": _runs(found, runs),
        "Was anything left out?": _left_out(verdicts, failures, without_value),
        "How many claims are made, and which are exploratory?": _claims(verdicts, primary),
        "How often is such a verdict wrong?": [SIMULATED, *_placebo(verdicts)],
        "How much hangs on single models?": _fragile(found["fragility"], primary),
        "Do the findings bear out what the methods' authors claim?": _claimed(primary),
        "Could it have been seen in training, or be an artefact?": _gates(found["gates"], primary),
        "What was it made with, and would it come out the same?": _made_with(found),
        "How can it be checked without its authors?": [CHECKED],
    }
    return [{"question": question, "answer": " ".join(said)} for question, said in answers.items()]


def _fixed(found: Found, when: str) -> list[str]:
    margins = found["margins"]
    given = int((margins["source"] == "given").sum())
    others = f", the other {len(margins) - given} follow from the standard runs alone" * (given < len(margins))
    digest = found["settings"]["digest"][0]
    return [
        "The areas, the levels, the placebos and how a verdict is reached, with all constants of the analysis: "
        f"audit {digest}; {given} of {len(margins)} margins by params.yaml{others}.",
        f"{when[:1].upper()}{when[1:]}.",
    ]


def _runs(found: Found, runs: pl.DataFrame) -> list[str]:
    ledger = found["ledger"]
    planned, failed = int(ledger["planned"].sum()), int(ledger["failed"].sum())
    said = [f"{planned} planned, {planned - failed} finished, {failed} failed."]
    if failed:
        of = ledger.filter(pl.col("failed") > 0).select("method", "failed").iter_rows()
        reasons = Counter(runs.filter(status="failed")["reason"]).most_common(3)
        said.append(f"By method: {', '.join(f'{method} {count}' for method, count in of)}.")
        said.append(f"The reasons: {'; '.join(f'{reason} ({count})' for reason, count in reasons)}.")
        for row in found["selection"].filter(pl.col("p").is_not_null()).to_dicts():
            goes = "goes" if row["p"] <= 0.05 else "is not shown to go"
            said.append(f"Being lost {goes} with {row['question']} (p = {number(row['p'])}).")
    else:
        said.append("All of them are in the table of runs.")
    return said


def _left_out(verdicts: pl.DataFrame, failures: Failures, without_value: Sequence[str]) -> list[str]:
    later = {stage: len(failures.get(stage, {})) for stage in ("predict", "measure")}
    lost = f"Of runs under a condition, {later['predict']} could not be predicted, {later['measure']} not be measured."
    flagged = max(verdicts["flagged_runs"].drop_nulls().to_list(), default=0)
    known = verdicts.filter(pl.col("beyond").is_not_null())
    less = known.filter(pl.col("in_range") < pl.col("units"))
    said = ["No run that finished is left out.", lost, *(f"{line[:1].upper()}{line[1:]}." for line in without_value)]
    if flagged:
        said.append(
            f"Up to {flagged} runs a verdict carry a validity flag: they stay in; the verdict without is beside."
        )
    fewer = f"{len(less)} of {len(known)} estimates of D rest on fewer models than have pairs"
    return [*said, f"{fewer}: the others lie outside the ladder."]


def _claims(verdicts: pl.DataFrame, primary: pl.DataFrame) -> list[str]:
    exploratory = verdicts.filter(pl.col("area").is_null(), ~pl.col("placebo"))
    if primary.is_empty():
        return ["None: there is no verdict."]
    rate = f"{100 * primary['false_discovery_rate'][0]:g} %"
    stars = several(int(primary["starred"].sum()), "gain")
    return [
        f"{len(primary)} claims, methods by areas, are what the study was made for: of each kind (gains, losses, no "
        f"effect, ...) at most {rate} are expected to be false. By the stricter test, too, there are {stars}.",
        f"{len(exploratory)} verdicts on other measurements are exploratory, as are the tables of side effects, "
        "correlations, jumps and pillars: families of their own, or not corrected at all.",
    ]


def _placebo(verdicts: pl.DataFrame) -> list[str]:
    rows = verdicts.filter(pl.col("area").is_not_null(), "placebo")
    if rows.is_empty():
        return ["This study has no placebo."]
    counts = ", ".join(f"{count} {label}" for label, count in sorted(Counter(rows["label"]).items()))
    return [f"In this study, the placebo, which does nothing and is judged like the rest: {counts}."]


def _fragile(fragility: pl.DataFrame, primary: pl.DataFrame) -> list[str]:
    claim = ["task", "dataset", "method", "measurement"]
    rows = fragility.join(primary.select(claim), on=claim, how="semi")
    if rows.is_empty():
        return ["Not known: no verdict rests on enough models to be made again without one."]
    said = []
    for of, words in (("model", "one model"), ("family", "one family")):
        own = rows.filter(of=of)
        if len(own):
            said.append(f"{int((own['fewest'] == 1).sum())} of {len(own)} verdicts are others without {words}")
    return ["; ".join(said) + ". The cells name which."]


def _claimed(primary: pl.DataFrame) -> list[str]:
    rows = primary.filter("claimed")
    if rows.is_empty():
        return ["What their authors claim was not given (audit.claims in params.yaml)."]
    gains = rows.filter(pl.col("label").is_in(GAINS))
    counts = ", ".join(f"{count} {label}" for label, count in sorted(Counter(rows["label"]).items()))
    return [f"Gains that they claim and that were found: {len(gains)} of {len(rows)}. Found there: {counts}."]


def _gates(gates: pl.DataFrame, primary: pl.DataFrame) -> list[str]:
    blocked = primary.filter(label="BLOCKED")
    failed = Counter(gates.filter(~pl.col("passed"), "blocking")["gate"])
    named = ", ".join(f"{gate} {count}" for gate, count in sorted(failed.items())) or "none failed"
    return [
        f"{len(blocked)} of {len(primary)} claims are BLOCKED. Failed checks that block, on all measurements: {named}.",
        "A method whose code holds what makes the test's examples is flagged as a leak; masked gradients, saturated "
        "measurements and runs lost more often than others' block, too. Code copied under another name is not noticed.",
    ]


def _made_with(found: Found) -> list[str]:
    environments = found["environments"]
    if environments.is_empty():
        return ["What it was made with is not recorded."]
    fields = ("python", "torch", "numpy", "processor", "device")
    values = [" and ".join(sorted({str(each) for each in environments[name].drop_nulls()})) for name in fields]
    said = [f"{', '.join(f'{name} {value}' for name, value in zip(fields, values, strict=True) if value)}."]
    said += warnings(environments, found["crossings"])
    seeds = found["reliability"].filter(pl.col("reliability").is_not_null(), over="seeds", score_name="pc1")
    least = seeds["reliability"].min()
    if isinstance(least, float):
        said.append(f"Of the spread of the capability score at least {least:.2f} would come again with other seeds.")
    same = "The same kind of processor and the same versions give the same bytes"
    return [*said, f"{same}; on others a verdict at its threshold can flip."]
