"""diffprog export: what archives, search engines and reviewers read of a study."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from stages.claims.authors import authors, span
from stages.claims.crate import METADATA
from stages.claims.verifier.container import digest
from stages.cli import main

VALIDATORS = Path(__file__).parent.parent.parent / ".validators/bin/python"  # `make validators`
needs_validators = pytest.mark.skipif(not VALIDATORS.exists(), reason="`make validators` installs them")


@pytest.fixture(scope="module")
def crate(drawn: Path) -> Path:
    """The export of the drawn study."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(drawn)
        patch.delenv("DIFFPROG_STORE", raising=False)
        patch.setenv("SOURCE_DATE_EPOCH", "1790000000")
        patch.setenv("GIT_CONFIG_COUNT", "1")
        patch.setenv("GIT_CONFIG_KEY_0", "user.name")
        patch.setenv("GIT_CONFIG_VALUE_0", "Ada")
        shutil.copy(Path(__file__).parent.parent.parent / "dvc.yaml", drawn)
        assert main(["export", "--format", "ro-crate", "--out", "crate"]) == 0
        assert main(["export", "--format", "ro-crate", "--out", "again"]) == 0
    return drawn / "crate"


def described(crate: Path) -> dict[str, dict[str, Any]]:
    return {entity["@id"]: entity for entity in json.loads((crate / METADATA).read_text())["@graph"]}


def test_every_file_is_described_with_its_digest(crate: Path) -> None:
    files = {path.relative_to(crate).as_posix() for path in crate.rglob("*") if path.is_file()} - {METADATA}
    entities = described(crate)
    root = entities["./"]
    assert {part["@id"] for part in root["hasPart"]} == files
    assert [name for name in files if entities[name]["sha256"] != digest((crate / name).read_bytes())] == []
    assert {"params.yaml", "results.parquet", "data/vision/train.npz", "croissant.json", "LICENSE"} <= files
    assert "47 of 48 runs finished" in root["description"]


def test_the_run_says_what_it_was_made_from_and_what_it_made(crate: Path) -> None:
    entities = described(crate)
    action = entities["#run"]
    assert action["instrument"] == entities["./"]["mainEntity"] == {"@id": "dvc.yaml"}
    assert {"@id": "params.yaml"} in action["object"]
    assert {"@id": "findings/verdicts.parquet"} in action["result"]
    assert action["description"].startswith("1 runs failed; made with ")
    named = {each["@id"] for entity in entities.values() for each in references(entity)}
    assert sorted(name for name in named - set(entities) if "://" not in name) == []


def test_its_author_is_said_and_its_times_where_they_are_known(crate: Path) -> None:
    entities = described(crate)
    author = entities["./"]["author"]
    assert entities[author["@id"]] == {"@id": author["@id"], "@type": "Person", "name": "Ada"}
    assert entities["#run"]["agent"] == author
    assert "endTime" not in entities["#run"]  # the drawn study has no models, whose records would say it
    said = json.loads((crate / "croissant.json").read_text())
    assert [each["name"] for each in said["creator"]] == ["Ada"]


def test_authors_are_those_of_the_study_or_gits_user_or_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in (("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_NOSYSTEM", "1"), ("GIT_CONFIG_COUNT", "0")):
        monkeypatch.setenv(name, value)
    params = tmp_path / "params.yaml"
    params.write_text("study: x\n")
    assert authors() == ([], "")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "user.name")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "Ada")
    assert authors()[0] == ["Ada"]
    params.write_text("study: x\nauthors: [Grace, Mary]\n")
    assert authors() == (["Grace", "Mary"], "`authors` in params.yaml")


def test_a_study_lasts_from_its_first_training_to_the_end_of_its_last() -> None:
    assert span([{"ended": 100.0, "seconds": 30}, {"ended": 90.5, "seconds": 80.0}, {}]) == (
        "1970-01-01T00:00:10+00:00",
        "1970-01-01T00:01:40+00:00",
    )
    assert span([{}]) is None


def references(value: Any) -> list[dict[str, str]]:
    """All mappings within that are a reference and nothing else."""
    if isinstance(value, dict):
        inner = [found for each in value.values() for found in references(each)]
        return [value, *inner] if set(value) == {"@id"} else inner
    return [found for each in value for found in references(each)] if isinstance(value, list) else []


def test_the_same_study_gives_the_same_bytes(crate: Path) -> None:
    again = crate.parent / "again"
    names = sorted(path.relative_to(crate) for path in crate.rglob("*") if path.is_file())
    assert [name for name in names if (crate / name).read_bytes() != (again / name).read_bytes()] == []


def test_croissant_has_a_field_for_every_column(crate: Path) -> None:
    said = json.loads((crate / "croissant.json").read_text())
    results = next(each for each in said["recordSet"] if each["name"] == "results")
    columns = [field["source"]["extract"]["column"] for field in results["field"]]
    assert columns == pl.read_parquet(crate / "results.parquet").columns
    for file in said["distribution"]:
        assert file["sha256"] == digest((crate / file["contentUrl"]).read_bytes())


def test_each_method_has_a_card(crate: Path) -> None:
    cards = {path.stem: path.read_text() for path in (crate / "cards").iterdir()}
    assert sorted(cards) == ["label_smoothing", "mixup", "noise", "placebo", "standard"]
    assert "| corruptions | corruptions/accuracy | " in cards["noise"]
    assert "- runs: 8 planned, 7 finished, 1 failed, 0 flagged" in cards["mixup"]
    assert "The baseline: every other method is compared with it." in cards["standard"]
    verdicts = pl.read_parquet(crate / "findings/verdicts.parquet")
    for row in verdicts.filter(pl.col("area") != "", pl.col("capability").is_not_null()).to_dicts():
        about = f"| {row['area']} | {row['measurement']} |"
        (line,) = (line for line in cards[row["method"]].splitlines() if line.startswith(about))
        cells = line.split(" | ")
        assert cells[5].startswith(f"{row['capability']:+.2f} [")
        assert cells[6] == {"epochs": "epochs", "flops": "FLOPs"}[row["match"]]
    for text in cards.values():
        assert text.count("\n## ") == 5


@pytest.mark.parametrize(
    ("arguments", "epoch", "said"),
    [
        (["--license", "MIT"], "", "--license: 'MIT' is not an address, such as https://spdx.org/licenses/Apache-2.0"),
        ([], "2026-01-01", "SOURCE_DATE_EPOCH: '2026-01-01' is not a number of seconds since 1970"),
    ],
)
def test_what_is_no_licence_and_no_date_is_one_line(
    crate: Path, arguments: list[str], epoch: str, said: str, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.chdir(crate.parent)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)
    assert main(["export", "--format", "ro-crate", "--out", "refused", *arguments]) == 2
    assert capsys.readouterr().err.strip() == said
    assert not Path("refused").exists()


def test_a_folder_that_is_not_empty_is_left_alone(crate: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(crate.parent)
        assert main(["export", "--format", "ro-crate", "--out", "crate"]) == 2
    assert capsys.readouterr().err == "crate: is there already and not an empty folder; name another\n"


OF_CRATES = """
import pathlib, sys
import requests, rocrate
from rocrate_validator import models, services
from rocrate_validator.utils.http import HttpRequester

def held(self, url, **options):  # the context 1.1, from the package rocrate: no network is asked for it
    assert url == "https://w3id.org/ro/crate/1.1/context", url
    answer = requests.Response()
    answer.status_code, answer.headers["Content-Type"] = 200, "application/ld+json"
    answer._content = (pathlib.Path(rocrate.__file__).parent / "data/ro-crate.jsonld").read_bytes()
    return answer

HttpRequester.get = held
settings = services.ValidationSettings(
    rocrate_uri=sys.argv[1], profile_identifier="workflow-run-crate-0.5", requirement_severity=models.Severity.REQUIRED
)
result = services.validate(settings)
for issue in result.get_issues():
    print(issue.severity.name, issue.check.identifier, issue.message)
print("valid" if not result.has_issues() else "not valid")
"""


@needs_validators
@pytest.mark.slow
def test_the_crates_own_validator_accepts_it(crate: Path, tmp_path: Path) -> None:
    """roc-validator, by the profile of Workflow Run Crates and all that it inherits, at the level REQUIRED."""

    def validated(folder: Path) -> str:
        command = [str(VALIDATORS), "-c", OF_CRATES, str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=alone(tmp_path))
        return done.stdout + done.stderr * bool(done.returncode)

    assert validated(crate).splitlines()[-1] == "valid"
    broken = tmp_path / "broken"
    shutil.copytree(crate, broken)
    said = json.loads((broken / METADATA).read_text())
    said["@graph"] = [entity for entity in said["@graph"] if entity["@id"] != "#run"]
    (broken / METADATA).write_text(json.dumps(said))
    assert validated(broken).splitlines()[-1] == "not valid"


@needs_validators
@pytest.mark.slow
def test_mlcroissant_accepts_the_metadata_and_reads_the_results(crate: Path, tmp_path: Path) -> None:
    program = """
import sys, mlcroissant
dataset = mlcroissant.Dataset(jsonld=sys.argv[1])
assert not dataset.metadata.ctx.issues.errors, dataset.metadata.ctx.issues.report()
print(sum(1 for _ in dataset.records(record_set="results")))
"""
    command = [str(VALIDATORS), "-c", program, str(crate / "croissant.json")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=alone(tmp_path))
    assert done.stdout.split()[-1:] == [str(len(pl.read_parquet(crate / "results.parquet")))], done.stdout + done.stderr


def alone(folder: Path) -> dict[str, str]:
    """An environment without this one's packages, whose caches lie in a folder of their own."""
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    return {**kept, "HOME": str(folder)}
