"""The report in a real browser: it opens without an error, draws every chart, and its filters filter."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stages.cli import main
from tests.test_report import _build, _results

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--enable-logging=stderr"),
    *("--virtual-time-budget=20000", "--dump-dom"),
)
# Picks the second measurement and filters the ledger, then says in the title what is to be seen.
ACT = """<script>
addEventListener("load", () => setTimeout(() => {
  const drawn = () => [...document.querySelectorAll("svg.marks")].length;
  const before = drawn(), select = document.querySelector("select[data-pick]");
  const axis = () => document.querySelector("[data-kind=safety] svg").textContent;
  const first = axis();
  select.selectedIndex = 1;
  select.dispatchEvent(new Event("change"));
  const input = document.querySelector("input[data-filter=ledger-table]");
  input.value = "pgd";
  input.dispatchEvent(new Event("input"));
  const rows = [...document.getElementById("ledger-table").rows].slice(1).filter((row) => !row.hidden);
  setTimeout(() => {
    const texts = rows.map((row) => row.textContent);
    document.title = JSON.stringify({before, after: drawn(), first, second: axis(), rows: texts});
  }, 4000);
}, 4000));
</script>"""


# Filters the rows that take no part, then says in the title what is to be seen.
FILTER = """<script>
addEventListener("load", () => setTimeout(() => {
  const input = document.querySelector("input[data-filter=left-out]");
  input.value = "letter case";
  input.dispatchEvent(new Event("input"));
  const rows = [...document.getElementById("left-out").rows].slice(1).filter((row) => !row.hidden);
  const drawn = [...document.querySelectorAll("svg.marks")].length;
  document.title = JSON.stringify({drawn, rows: rows.map((row) => row.textContent)});
}, 4000));
</script>"""
SPEC = """
study: paired
key: model
capability: [mmlu]
safety: [refusal]
family: family
method: method
baseline: base
"""


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here (apt install chromium)")
def test_the_page_opens_without_errors_and_its_filters_work(tmp_path: Path) -> None:
    page = _build(tmp_path / "report", _results())
    seen = acted(tmp_path, tmp_path / "report/index.html", ACT)
    shown_once = [name for name in page.specs if name in ("verdicts", "fronts", "effects", "correlations")]
    of_one_measurement = ("safety", "accuracy", "plane", "forest")
    assert seen["before"] == seen["after"] == len(shown_once) + len(of_one_measurement)
    assert "pgd: accuracy" in seen["first"]  # of an area
    assert "clean: nll" in seen["second"]
    assert len(seen["rows"]) == 1
    assert "pgd: accuracy" in seen["rows"][0]


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here (apt install chromium)")
def test_the_page_of_an_imported_study_opens_without_errors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    rng = np.random.default_rng(0)
    lines = ["model,family,method,base,mmlu,refusal"]
    for number in range(12):
        skill, family = number / 20 + 0.2, f"f{number % 4}"
        lines.append(f"m{number},{family},,,{skill:.3f},{skill + rng.normal() / 50:.3f}")
        lines.append(f"m{number}-it,{family},tuning,m{number},{skill - 0.01:.3f},{skill + 0.1:.3f}")
    lines.append("x,f0,tuning,M3,0.5,0.5")
    (tmp_path / "table.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "spec.yaml").write_text(SPEC)
    assert main(["import", str(tmp_path / "table.csv"), "--spec", str(tmp_path / "spec.yaml")]) == 0
    assert main(["report", "--study", "paired", "--out", str(tmp_path / "page"), "--score", "mmlu"]) == 0
    seen = acted(tmp_path, tmp_path / "page/index.html", FILTER)
    assert seen["drawn"] == 5  # the verdicts, the correlations, and three of the one measurement
    assert len(seen["rows"]) == 1
    assert "there is 'm3'" in seen["rows"][0]


def acted(folder: Path, page: Path, script: str) -> dict[str, Any]:
    """What a script in the page leaves in its title; the console has no error."""
    before, end, after = page.read_text(encoding="utf-8").rpartition("</body>")
    page.write_text(before + script + end + after, encoding="utf-8")
    command = [str(CHROMIUM), *FLAGS, f"--user-data-dir={folder / 'profile'}", page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=True)
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    assert [line for line in console if "Uncaught" in line or "ERROR" in line or "Refused" in line] == []
    title = re.search(r"<title>(\{.*?)</title>", done.stdout, re.DOTALL)
    assert title is not None
    found: dict[str, Any] = json.loads(title[1].replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">"))
    return found
