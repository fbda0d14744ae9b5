"""The report in a real browser: it opens without an error, draws every chart, and its filters filter."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

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


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here (apt install chromium)")
def test_the_page_opens_without_errors_and_its_filters_work(tmp_path: Path) -> None:
    page = _build(tmp_path / "report", _results())
    file = tmp_path / "report/index.html"
    before, end, after = file.read_text(encoding="utf-8").rpartition("</body>")
    file.write_text(before + ACT + end + after, encoding="utf-8")
    command = [str(CHROMIUM), *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", file.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=True)
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    assert [line for line in console if "Uncaught" in line or "ERROR" in line or "Refused" in line] == []
    title = re.search(r"<title>(\{.*?)</title>", done.stdout, re.DOTALL)
    assert title is not None
    seen = json.loads(title[1].replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">"))
    shown_once = [name for name in page.specs if name in ("verdicts", "effects", "correlations")]
    of_one_measurement = ("safety", "accuracy", "plane", "forest")
    assert seen["before"] == seen["after"] == len(shown_once) + len(of_one_measurement)
    assert "pgd: accuracy" in seen["first"]  # of an area
    assert "clean: nll" in seen["second"]
    assert len(seen["rows"]) == 1
    assert "pgd: accuracy" in seen["rows"][0]
