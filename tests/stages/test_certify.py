"""diffprog certify and verify: a verdict handed to someone who has NumPy alone, and what is refused."""

import csv
import io
import json
import math
import os
import re
import shutil
import subprocess
import sys
import venv
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy import stats

from analysis.audit.schema import VERDICTS
from stages import artifacts
from stages.artifacts import finding
from stages.claims.certificate import certificate
from stages.claims.chosen import verdict
from stages.claims.verifier import probability
from stages.claims.verifier.container import MANIFEST, Files, Refused, canonical, claim_digest, manifest, read, zipped
from stages.claims.verifier.main import verify
from stages.cli import main
from tests.stages.drawn import FAILED

Change = Callable[[Files], None]


@pytest.fixture
def here(drawn: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The drawn study's folder, with a certificate of one of its verdicts: to be read and not written to."""
    monkeypatch.chdir(drawn)
    for name in ("DIFFPROG_STORE", "RAY_ADDRESS", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    if not (drawn / "claim.zip").exists():
        assert main(["certify", "noise", "corruptions", "--out", "claim.zip"]) == 0
    return drawn


@pytest.mark.slow
def test_every_verdict_is_derived_again_by_other_code(here: Path) -> None:
    """All areas of all methods: labels, intervals, p- and q-values, within a millionth."""
    rows = finding(VERDICTS).filter(pl.col("area").is_not_null())
    assert len(rows) == 12
    assert len(rows["label"].unique()) >= 3
    for row in rows.iter_rows(named=True):
        content, said = certificate(row)
        assert said[0].startswith(f"OK: {row['method']} on {row['area']} (vision): {row['label']}")
        assert re.search(r"values   (\d+) of \1 made again from outcomes, 0 as stated", "\n".join(said))
        assert "family   12 claims, 12 derived again, 0 as stated" in "\n".join(said)
        assert len(content) < 2**22


def test_a_certificate_says_what_it_rests_on(here: Path) -> None:
    files = read(here / "claim.zip")
    lines = "\n".join(verify(files))
    assert "runs     48 planned, 1 failed; 8 pairs of 8 models" in lines
    assert f"claim    {claim_digest(files)}" in lines
    history = json.loads(files["history.json"])
    commit = subprocess.check_output(["git", "rev-parse", "HEAD"], text=True).strip()
    assert (history["commit"], history["before_first_run"]) == (commit, True)
    assert "which was there when each of the 47 runs was trained" in lines
    ledger = {row["run"]: row for row in csv.DictReader(io.StringIO(files["ledger.csv"].decode()))}
    assert (ledger[FAILED]["status"], ledger[FAILED]["reason"]) == ("failed", "ValueError: the loss is not finite")


@pytest.mark.parametrize("committed", [True, False])
def test_another_params_yaml_than_the_planned_one_is_not_certified(
    here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], committed: bool
) -> None:
    """Of another method beside those that were planned, as the file lies there, or in a commit that has this audit."""
    shutil.copytree(here, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    text = Path("params.yaml").read_text()
    Path("params.yaml").write_text(text.replace("  methods:", "  methods:\n    cutmix:", 1))
    which = "params.yaml"
    if committed:
        subprocess.run(["git", "commit", "-q", "-a", "-m", "more"], check=True)
        blob = subprocess.check_output(["git", "rev-parse", "HEAD:params.yaml"], text=True)
        which = f"params.yaml as it is committed ({blob[:12]})"
    else:
        shutil.rmtree(".git")
    assert main(["certify", "noise", "corruptions", "--out", "other.zip"]) == 2
    said = f"no certificate: {which} is not what was planned; `dvc repro` makes the study that it asks for"
    assert capsys.readouterr().err.splitlines()[-1] == said
    assert not Path("other.zip").exists()


def test_the_same_study_gives_the_same_certificate(here: Path) -> None:
    content, _ = certificate(verdict("noise", "corruptions"))
    assert content == (here / "claim.zip").read_bytes()


def test_one_flipped_byte_is_refused_anywhere(here: Path) -> None:
    whole = (here / "claim.zip").read_bytes()
    rng = np.random.default_rng(0)
    places = [*rng.integers(0, len(whole), 60), *range(40), *(len(whole) - 1 - np.arange(40))]
    for place in places:
        changed = bytearray(whole)
        changed[place] ^= int(rng.integers(1, 256))
        assert refusal_of_zip(bytes(changed), here) != "", place


def test_one_flipped_byte_in_any_file_is_refused(here: Path) -> None:
    """Unpacked, the verifier's own files and the manifest too."""
    files, rng = read(here / "claim.zip"), np.random.default_rng(1)
    names = sorted(files)
    for name in [*(name for name in names if "/" not in name), *rng.choice(names, 60)]:
        content = bytearray(files[name])
        content[int(rng.integers(len(content)))] ^= int(rng.integers(1, 256))
        assert refusal({**files, str(name): bytes(content)}) != "", name


def test_one_file_left_out_or_added_is_refused(here: Path) -> None:
    files = read(here / "claim.zip")
    for name in files:
        assert refusal({key: each for key, each in files.items() if key != name}) != "", name
    assert refusal({**files, "notes.txt": b""}) == "notes.txt is not of the certificate"


def test_one_run_left_out_is_refused_though_the_manifest_is_made_anew(here: Path) -> None:
    """Of values and ledger: 50 runs, or all there are."""
    files = read(here / "claim.zip")
    runs = [row["run"] for row in csv.DictReader(io.StringIO(files["ledger.csv"].decode()))]
    for run in runs:
        said = refusal(anew(files, ledger_without(run)))
        assert said.startswith(f"the planned run {run} is not in the ledger")
        if run != FAILED:
            assert refusal(anew(files, values_without(run))).startswith(f"{run} has no value of ")
    assert len(runs) == 48


def test_one_margin_changed_is_refused_though_the_manifest_is_made_anew(here: Path) -> None:
    files, rng = read(here / "claim.zip"), np.random.default_rng(2)
    for name in ("shown/accuracy", "corruptions/accuracy", "capability"):
        for _ in range(34):
            factor = float(rng.choice([0.5, 0.99, 1.01, 2, 1 + 1e-4, rng.uniform(0.1, 3)]))
            assert "the audit is not the one of its digest" in refusal(anew(files, margin_times(name, factor)))


def margin_times(name: str, factor: float) -> Change:
    """The margin in the audit's text multiplied."""

    def change(files: Files) -> None:
        audit = json.loads(files["audit.json"])
        choices = json.loads(audit["texts"]["vision"])
        if name == "capability":
            choices["margins"]["capability"] = factor
        else:
            choices["margins"]["safety"][name] *= factor
        audit["texts"]["vision"] = json.dumps(choices, sort_keys=True, separators=(",", ":"))
        files["audit.json"] = canonical(audit)

    return change


def test_what_does_not_follow_is_refused_though_the_manifest_is_made_anew(here: Path) -> None:
    """A cell, a value or an outcome that says anything else; q-values rest on the other methods' values too."""
    files = read(here / "claim.zip")
    assert "label is" in refusal(anew(files, cell_with(label="NULL", qualifier="capability unchanged")))
    cell = json.loads(files["claim.json"])["cell"]
    for name in (
        "total",
        "beyond_se",
        "beyond_lower",
        "capability_upper",
        "margin",
        "p_gain",
        "q_gain",
        "p_family_wise",
    ):
        assert f"{name} is" in refusal(anew(files, cell_with(**{name: cell[name] * 1.001 + 1e-4}))), name
    assert "stated" in refusal(anew(files, value_moved("vision/noise/resnet-4/0", "corruptions/accuracy")))
    assert "derived again" in refusal(anew(files, value_moved("vision/mixup/resnet-4/0", "corruptions/accuracy")))
    assert "from its outcomes" in refusal(anew(files, outcome_flipped))
    assert "the plan is not the one of its digest" in refusal(anew(files, plan_without_a_run))
    assert "params.yaml is not the one" in refusal(anew(files, lambda own: own.update({"params.yaml": b"study: x\n"})))


def test_a_value_that_is_no_number_stands_for_none(here: Path) -> None:
    """As it would take the run out of the verdict: in the values, in the cell, and in the margins."""
    files, run, name = read(here / "claim.zip"), "vision/noise/resnet-4/0", "corruptions/accuracy"
    for text in ("", "nan", "inf"):
        said = refusal(anew(files, changed("values.csv", {"run": run, "measurement": name}, value=text)))
        assert said.startswith(f"{run}: the value of {name} is ")
    assert "beyond is" in refusal(anew(files, cell_with(beyond=math.nan)))
    assert refusal(anew(files, changed("margins.csv", {"measurement": name}, margin="nan"))) != ""


def test_a_run_has_the_seed_that_was_planned(here: Path) -> None:
    """Two of one seed would be one in the verdict."""
    files, run = read(here / "claim.zip"), "vision/standard/resnet-4/1"
    said = refusal(anew(files, changed("ledger.csv", {"run": run}, seed="0")))
    assert said == f"{run}: the ledger does not say what the plan says"


def test_a_claim_is_of_an_area_of_the_audit_and_of_a_measurement_of_the_plan(here: Path) -> None:
    files = read(here / "claim.zip")
    assert refusal(anew(files, claim_with(area="shown"))) == "the audit has no area shown that is corruptions/accuracy"
    said = refusal(anew(files, claim_with(method="mixupp")))
    assert said == "nothing in it is of method mixupp, measurement corruptions/accuracy"
    assert refusal(anew(files, claim_without("margins"))) == "it does not fit together: 'margins' is missing"


def test_who_makes_all_of_it_anew_gets_another_digest(here: Path) -> None:
    """What no verifier can tell: a certificate that follows from invented values. The digest that was published can."""
    files = read(here / "claim.zip")
    other = anew(files, lambda own: own.update({"environments.json": canonical([])}))
    assert refusal(other) == ""
    assert claim_digest(other) != claim_digest(files)


def test_the_verifier_needs_numpy_alone_and_writes_nothing(here: Path, tmp_path: Path) -> None:
    """Unpacked and as a zip, in a process that can import neither diffprog nor SciPy nor Polars."""
    with zipfile.ZipFile(here / "claim.zip") as file:
        file.extractall(tmp_path / "claim")
    for name in ("scipy", "polars", "pandas", "torch", "stages", "analysis"):
        (tmp_path / "blocked").mkdir(exist_ok=True)
        (tmp_path / f"blocked/{name}.py").write_text("raise ImportError('not here')\n")
    alone = {**os.environ, "PYTHONPATH": str(tmp_path / "blocked"), "PYTHONDONTWRITEBYTECODE": ""}
    before = sorted(tmp_path.rglob("*"))
    for what in (tmp_path / "claim/verify.py", here / "claim.zip"):
        command = [sys.executable, str(what)]
        done = subprocess.run(command, cwd=tmp_path, env=alone, capture_output=True, text=True, check=False)
        assert done.stdout.startswith("OK: noise on corruptions"), done.stdout + done.stderr
        assert done.returncode == 0
    assert sorted(tmp_path.rglob("*")) == before
    (tmp_path / "claim/values.csv").write_text("run\n")
    done = subprocess.run([sys.executable, "-I", str(tmp_path / "claim/verify.py")], capture_output=True, text=True)
    assert (done.stdout, done.returncode) == ("REFUSED: values.csv was changed\n", 1)


@pytest.mark.slow
def test_an_empty_environment_verifies_it(here: Path, tmp_path: Path) -> None:
    """A virtual environment with NumPy alone."""
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv/bin/python"
    subprocess.run([python, "-m", "pip", "install", "-q", f"numpy=={np.__version__}"], check=True)
    shutil.copy(here / "claim.zip", tmp_path)
    done = subprocess.run([python, "claim.zip"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout.startswith("OK: noise on corruptions"), done.stdout + done.stderr


def test_diffprog_verifies_a_certificate_with_its_own_verifier(
    here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", "claim.zip"]) == 0
    assert capsys.readouterr().out.endswith("  verifier that of this installation; the one in it is the same\n")
    lying = anew(read(here / "claim.zip"), lambda own: own.update({"verify.py": b"print('OK')\n"}))
    (tmp_path / "lying.zip").write_bytes(zipped(lying))
    assert main(["verify", str(tmp_path / "lying.zip")]) == 0
    assert capsys.readouterr().out.endswith("the one in it is another\n")
    (tmp_path / "no.zip").write_bytes(b"PK")
    assert main(["verify", str(tmp_path / "no.zip")]) == 1
    assert capsys.readouterr().out.startswith("REFUSED: no.zip: not a whole zip: ")


def test_a_verdict_is_derived_again_from_stored_outcomes(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "vision:noise:corruptions"]) == 0
    said = capsys.readouterr().out
    assert "values   329 made again from stored outcomes: all the same, to the last bit" in said
    assert said.endswith("numbers and words of it are the same, to the last bit\n")


@pytest.fixture
def copied(here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The study in a folder of its own, which is the current one: what is written there is in no other test."""
    monkeypatch.chdir(shutil.copytree(here, tmp_path / "copy"))


@pytest.mark.usefixtures("copied")
def test_a_value_that_outcomes_do_not_give_any_longer_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """Held: a value of a part that no outcome has, and another standard error."""
    results = artifacts.RESULTS.read()
    one = pl.struct("method", "model", "seed", "measurement", "part").is_in(
        [{"method": "noise", "model": "resnet-2", "seed": 0, "measurement": "near/auroc", "part": "all"}]
    )
    more = results.filter(one).with_columns(part=pl.lit("sideways"), value=pl.lit(0.25))
    moved = pl.when(one).then(pl.col("standard_error") * 2).otherwise("standard_error")
    artifacts.RESULTS.write(pl.concat([results.with_columns(standard_error=moved), more]))
    assert main(["verify", "noise:outliers"]) == 1
    said = capsys.readouterr().out
    assert "noise/resnet-2/0:near/auroc:sideways: no value (not measured), 0.25 held" in said
    assert "noise/resnet-2/0:near/auroc: standard error 0.0" in said


@pytest.mark.slow
@pytest.mark.usefixtures("copied")
def test_a_verdict_that_is_not_what_the_outcomes_give_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    results = artifacts.RESULTS.read()
    moved = (pl.col("method") == "noise") & (pl.col("measurement") == "near/auroc") & (pl.col("seed") == 0)
    artifacts.RESULTS.write(results.with_columns(value=pl.when(moved).then(pl.col("value") / 2).otherwise("value")))
    assert main(["verify", "noise:outliers"]) == 1
    said = capsys.readouterr().out
    assert "8 differ" in said
    assert "noise/resnet-2/0:near/auroc: value 0." in said
    assert main(["verify", "verdicts"]) == 1
    assert main(["verify", "environments"]) == 0


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["noise", "colours"], "'colours' is not one of the areas of noise, nor a safety measurement: "),
        (["nothing", "images"], "'nothing' is not one of the methods that were audited: "),
        (["noise", "images", "--task", "games"], "'games' is not one of the tasks: vision"),
        (["noise", "shown/rms_calibration_error"], "shown/rms_calibration_error stands for no area: "),
    ],
)
def test_what_has_no_certificate_is_said(
    here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], command: list[str], message: str
) -> None:
    assert main(["certify", *command, "--out", str(tmp_path / "claim.zip")]) == 2
    assert capsys.readouterr().err.startswith(message)
    assert not (tmp_path / "claim.zip").exists()


@pytest.mark.parametrize("df", [0.7, 2, 3.5, 17, 68, 400])
def test_the_verifiers_t_is_students(df: float) -> None:
    for value in (-40.0, -2.1, -1e-3, 0.0, 0.4, 1.96, 12.0, 300.0):
        assert probability.t_above(value, df) == pytest.approx(stats.t.sf(value, df), rel=1e-9, abs=1e-300)
    for chance in (0.5, 0.05, 0.025, 1e-4):
        assert probability.t_bound(chance, df) == pytest.approx(stats.t.isf(chance, df), rel=1e-9, abs=1e-9)
    assert probability.f_above(3.3, df) == pytest.approx(stats.f.sf(3.3, 1, df), rel=1e-9)


def test_the_verifiers_fisher_is_fishers() -> None:
    for table in ([3, 7, 2, 60], [0, 10, 5, 5], [5, 5, 0, 10], [1, 0, 0, 1]):
        expected = stats.fisher_exact([table[:2], table[2:]], alternative="greater").pvalue
        assert math.isclose(probability.fisher_greater(*table), expected, rel_tol=1e-9)


def refusal(files: Files) -> str:
    """Why a certificate of these files is refused; empty where it holds."""
    try:
        verify(files)
    except Refused as error:
        return str(error)
    return ""


def refusal_of_zip(content: bytes, folder: Path) -> str:
    """Why this zip is refused."""
    path = folder / "changed.zip"
    path.write_bytes(content)
    try:
        verify(read(path))
    except Refused as error:
        return str(error)
    finally:
        path.unlink()
    return ""


def anew(files: Files, change: Change) -> Files:
    """The files changed, with a manifest that lists them as they are then: what a forger would do."""
    own = dict(files)
    change(own)
    own.pop(MANIFEST)
    return {**own, MANIFEST: manifest(own)}


def rows_kept(files: Files, name: str, keep: Callable[[dict[str, str]], dict[str, str] | None]) -> None:
    """A CSV with the rows as `keep` gives them."""
    reader = csv.DictReader(io.StringIO(files[name].decode()))
    out = io.StringIO()
    writer = csv.DictWriter(out, list(reader.fieldnames or ()), lineterminator="\n")
    writer.writeheader()
    writer.writerows(row for row in map(keep, reader) if row)
    files[name] = out.getvalue().encode()


def ledger_without(run: str) -> Change:
    return lambda files: rows_kept(files, "ledger.csv", lambda row: None if row["run"] == run else row)


def values_without(run: str) -> Change:
    return lambda files: rows_kept(files, "values.csv", lambda row: None if row["run"] == run else row)


def value_moved(run: str, name: str) -> Change:
    def moved(row: dict[str, str]) -> dict[str, str]:
        if (row["run"], row["measurement"]) == (run, name):
            row["value"] = repr(float(row["value"]) - 0.02)
        return row

    return lambda files: rows_kept(files, "values.csv", moved)


def changed(name: str, where: dict[str, str], **changes: str) -> Change:
    """Other values in the rows of a CSV where this holds."""

    def of_row(row: dict[str, str]) -> dict[str, str]:
        return row | changes if where.items() <= row.items() else row

    return lambda files: rows_kept(files, name, of_row)


def claim_with(**changes: Any) -> Change:
    def change(files: Files) -> None:
        files["claim.json"] = canonical(json.loads(files["claim.json"]) | changes)

    return change


def claim_without(name: str) -> Change:
    def change(files: Files) -> None:
        claim = json.loads(files["claim.json"])
        del claim[name]
        files["claim.json"] = canonical(claim)

    return change


def cell_with(**changes: Any) -> Change:
    def change(files: Files) -> None:
        claim = json.loads(files["claim.json"])
        claim["cell"] |= changes
        files["claim.json"] = canonical(claim)

    return change


def outcome_flipped(files: Files) -> None:
    """One answer of one example of a run under corruptions."""
    rows = csv.DictReader(io.StringIO(files["outcomes.csv"].decode()))
    name = next(r["file"] for r in rows if (r["run"], r["condition"]) == ("vision/noise/vit-24/0", "corruptions"))
    with np.load(io.BytesIO(files[name])) as held:
        arrays = dict(held)
    right = int(np.flatnonzero(arrays["answers"] == arrays["labels"])[0])
    arrays["answers"][right] = (arrays["answers"][right] + 1) % 6
    out = io.BytesIO()
    np.savez(out, **arrays)
    files[name] = out.getvalue()


def plan_without_a_run(files: Files) -> None:
    plan = json.loads(files["plan.json"])
    plan["runs"] = plan["runs"][1:]
    files["plan.json"] = canonical(plan)
