"""The report in a real browser: it opens without an error, draws every chart, and its filters filter."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from stages.cli import main
from tests.chromium import CHROMIUM, Tab, chromium
from tests.test_report import _build, _results

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here (apt install chromium)"),
]
DRAWN = "document.querySelectorAll('svg.marks').length"
AXIS = "document.querySelector('[data-kind=safety] svg')?.textContent ?? ''"
SPEC = """
study: paired
key: model
capability: [mmlu]
safety: [refusal]
family: family
method: method
baseline: base
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    with chromium(tmp_path_factory.mktemp("chromium")) as tab:
        yield tab


@pytest.fixture
def tab(browser: Tab) -> Iterator[Tab]:
    browser.errors.clear()
    yield browser
    assert browser.errors == []


def filtered(tab: Tab, table: str, words: str) -> list[str]:
    """The text of the rows that a table shows for these words."""
    found: list[str] = tab.run(f"""{{
      const input = document.querySelector("input[data-filter={table}]");
      input.value = "{words}";
      input.dispatchEvent(new Event("input"));
      const rows = [...document.getElementById("{table}").rows].slice(1).filter((row) => !row.hidden);
      rows.map((row) => row.textContent);
    }}""")
    return found


def test_the_page_opens_without_errors_and_its_filters_work(tmp_path: Path, tab: Tab) -> None:
    page = _build(tmp_path / "report", _results())
    shown_once = [name for name in page.specs if name in ("verdicts", "fronts", "effects", "correlations")]
    tab.open((tmp_path / "report/index.html").as_uri())
    charts = len(shown_once) + len(("safety", "accuracy", "plane", "forest"))
    tab.wait_for(f"{DRAWN} === {charts}")
    assert "pgd: accuracy" in tab.run(AXIS)  # of an area
    tab.run("""{
      const select = document.querySelector("select[data-pick]");
      select.selectedIndex = 1;
      select.dispatchEvent(new Event("change"));
    }""")
    tab.wait_for(f"({AXIS}).includes('clean: nll')")
    tab.wait_for(f"{DRAWN} === {charts}")
    (row,) = filtered(tab, "ledger-table", "pgd")
    assert "pgd: accuracy" in row


def test_the_page_of_an_imported_study_opens_without_errors(
    tmp_path: Path, tab: Tab, monkeypatch: pytest.MonkeyPatch
) -> None:
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
    tab.open((tmp_path / "page/index.html").as_uri())
    tab.wait_for(f"{DRAWN} === 5")  # the verdicts, the correlations, and three of the one measurement
    (row,) = filtered(tab, "left-out", "letter case")
    assert "there is 'm3'" in row
    left = "[...document.querySelectorAll('.picks .chart')].map((each) => each.getBoundingClientRect().left)"
    assert max(tab.run(left)) < 100  # each below its heading, not beside it and cut off
    assert tab.run("document.querySelector('#choices [data-part=counts]').textContent") == (
        "Labels are those of the default choice."
    )
    assert tab.run("document.querySelectorAll('#margins tr').length") == 3  # of refusal, and of capability
    assert not tab.run("[...document.querySelectorAll('#gates td')].filter((each) => !each.textContent.trim()).length")
    tab.open((tmp_path / "page/index.html").as_uri(), width=390)
    tab.wait_for(f"{DRAWN} === 5")
    assert tab.run("document.documentElement.scrollWidth") <= 390  # of a phone: charts scroll, not the page
