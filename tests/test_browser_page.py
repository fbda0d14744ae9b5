"""What a reader does with the page, in a real browser: own margins, links to a view, sorting, CSV, two methods."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.chromium import CHROMIUM, Tab, chromium
from tests.test_report import _build, _results, plan_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here (apt install chromium)"),
]
AXE = Path(__file__).parent / "browser/node_modules/axe-core/axe.min.js"


def two_tasks() -> pl.DataFrame:
    """Two tasks with two methods each, of which one is in both."""
    frames = [_results("shield"), _results("armour").filter(method="armour")]
    frames += [_results("shield", "letters"), _results("cloak", "letters").filter(method="cloak")]
    return pl.concat(frames)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("page")
    results = two_tasks()
    _build(folder, results, plan=plan_of(results))
    return (folder / "index.html").as_uri()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    with chromium(tmp_path_factory.mktemp("chromium")) as tab:
        yield tab


@pytest.fixture
def tab(browser: Tab, page: str) -> Iterator[Tab]:
    browser.errors.clear()
    browser.open(page)
    yield browser
    assert browser.errors == []


def rows(tab: Tab, table: str) -> list[list[str]]:
    """The cells of the rows that a table shows, its head first."""
    script = f"[...document.getElementById('{table}').rows].filter((row) => !row.hidden)"
    found: list[list[str]] = tab.run(script + ".map((row) => [...row.cells].map((cell) => cell.textContent.trim()))")
    return found


def choose(tab: Tab, name: str, value: str) -> None:
    tab.run(f"""{{
      const input = document.querySelector('[data-choice="{name}"]');
      input.value = "{value}";
      input.dispatchEvent(new Event("change"));
    }}""")


def address(tab: Tab) -> str:
    found: str = tab.run("state.write(); decodeURIComponent(location.hash)")
    return found


def labels(tab: Tab) -> list[str]:
    script = (
        "[...document.querySelectorAll('.verdicts [data-claim] [data-part=label]')].map((each) => each.textContent)"
    )
    found: list[str] = tab.run(script)
    return found


def test_a_readers_margins_make_other_labels_and_one_click_leads_back(tab: Tab) -> None:
    own = labels(tab)
    assert own.count("DIFFERENTIAL") == 4
    choose(tab, "margin", "50")
    assert address(tab) == "#margin=50"
    assert "DIFFERENTIAL" not in labels(tab)
    assert set(labels(tab)) == {"NULL"}
    assert "By your choice: 8 NULL. 4 of 8 labels differ" in tab.run("document.querySelector('#choices').textContent")
    assert tab.run("document.querySelectorAll('.verdicts .changed, .overview .changed').length") == 8
    tab.run("document.querySelector('[data-part=reset]').click()")
    assert (address(tab), labels(tab)) == ("", own)
    assert tab.run("document.querySelectorAll('.changed').length") == 0
    choose(tab, "margin_1_digits.pgd/accuracy", "9")
    assert labels(tab).count("DIFFERENTIAL") == 2  # of the other task
    assert tab.run("document.querySelectorAll('input.chosen').length") == 1


def test_a_slider_moves_its_field(tab: Tab) -> None:
    tab.run("""{
      const slider = document.querySelector("[data-slider=margin]");
      slider.value = "1";
      slider.dispatchEvent(new Event("input"));
    }""")
    assert address(tab) == "#margin=2"
    assert tab.run("document.querySelector('[data-choice=margin]').value") == "2"


@pytest.mark.parametrize("wrong", ["-1", "0", "x", "1e999"])
def test_a_margin_that_is_none_is_the_preregistered_one(tab: Tab, page: str, wrong: str) -> None:
    own = labels(tab)
    tab.open(f"{page}#margin={wrong}&q={wrong}&sort.overview={wrong}&compare=nobody~{wrong}")
    assert labels(tab) == own


def test_a_link_opens_the_same_view(tab: Tab, page: str) -> None:
    choose(tab, "margin", "0.5")
    choose(tab, "q", "0.2")
    tab.run("""{
      const filter = document.querySelector("[data-filter^=ledger-table]");
      filter.value = "pgd";
      filter.dispatchEvent(new Event("input"));
      document.querySelector("#overview th:nth-child(2) button").click();
      const pick = document.querySelector("select[data-pick]");
      pick.selectedIndex = 1;
      pick.dispatchEvent(new Event("change"));
      const second = document.querySelectorAll("#compare select")[1];
      second.value = "shield";
      second.dispatchEvent(new Event("change"));
    }""")
    tables = ("overview", "compare-table", "ledger-table_1_digits")
    seen = [rows(tab, name) for name in tables], labels(tab), address(tab)
    for name in (
        "margin=0.5",
        "q=0.2",
        "filter.ledger-table_1_digits=pgd",
        "sort.overview=2",
        "pick_1_digits=clean: nll",
    ):
        assert name.replace(" ", "+") in seen[2].replace(" ", "+"), name
    link = tab.run("location.href")
    tab.open(link)
    assert ([rows(tab, name) for name in tables], labels(tab), address(tab)) == seen
    assert tab.run("document.querySelector('select[data-pick]').selectedIndex") == 1
    tab.open(page)
    assert rows(tab, "overview") != seen[0][0] or labels(tab) != seen[1]


def test_any_column_sorts_and_the_rows_shown_are_exported(tab: Tab) -> None:
    name = "effect-table_1_digits"
    head = rows(tab, name)[0]
    column = head.index("effect")
    plain = [row[column] for row in rows(tab, name)[1:]]
    click = f"document.getElementById('{name}').rows[0].cells[{column}].querySelector('button').click()"
    tab.run(click)
    upwards = [float(row[column].split()[0].replace("\u2212", "-")) for row in rows(tab, name)[1:]]
    assert upwards == sorted(upwards)
    tab.run(click)
    downwards = [float(row[column].split()[0].replace("\u2212", "-")) for row in rows(tab, name)[1:]]
    assert downwards == upwards[::-1]
    tab.run(click)
    assert [row[column] for row in rows(tab, name)[1:]] == plain
    tab.run(f"""{{
      const filter = document.querySelector("[data-filter={name}]");
      filter.value = "shield";
      filter.dispatchEvent(new Event("input"));
    }}""")
    exported = list(csv.reader(io.StringIO(tab.run(f"document.getElementById('{name}').csv()"))))
    assert exported[0] == head
    assert len(exported) == len(rows(tab, name)) > 2
    assert {row[0] for row in exported[1:]} == {"shield"}


def test_a_name_that_a_spreadsheet_would_run_is_text_in_the_csv(browser: Tab, tmp_path: Path) -> None:
    _build(tmp_path, _results("=HYPERLINK(1)"))
    browser.open((tmp_path / "index.html").as_uri())
    exported = browser.run("document.getElementById('effect-table').csv()")
    names = [row[0] for row in csv.reader(io.StringIO(exported))][1:]
    assert set(names) == {"'=HYPERLINK(1)"}


def test_two_methods_are_compared_in_every_area_they_share(tab: Tab) -> None:
    head, *found = rows(tab, "compare-table")
    assert [row[:2] for row in found] == [["digits", "pgd/accuracy"], ["digits", "clean/nll"]]
    assert head[:4] == ["task", "area", "the first is, beyond capability", "D"]
    tab.run("""{
      const [one, other] = document.querySelectorAll("#compare select");
      one.value = "cloak";
      other.value = "armour";
      other.dispatchEvent(new Event("change"));
    }""")
    assert rows(tab, "compare-table") == [head]
    assert "No area has runs of both." in tab.run("document.querySelector('#compare').innerText")


def test_what_a_cell_rests_on_is_told_to_the_pointer_and_to_the_keyboard(tab: Tab) -> None:
    tab.run("document.querySelector('#overview [data-claim] a').focus()")
    said = tab.run("document.getElementById('tip').textContent")
    assert "D, beyond capability" in said
    assert "margins: " in said
    assert tab.run("document.activeElement.getAttribute('aria-describedby')") == "tip"
    tab.press("Escape", 27)
    assert tab.run("document.getElementById('tip').hidden")
    choose(tab, "margin", "50")
    tab.run("document.querySelector('.verdicts [data-claim]').focus()")
    said = tab.run("document.getElementById('tip').textContent")
    assert said.startswith("By your choice: ")
    assert "By the planned choice: " in said


def test_a_cell_leads_to_the_tables_of_its_task_and_keeps_the_view(tab: Tab) -> None:
    choose(tab, "margin", "2")
    tab.run("document.querySelector('#overview tbody:last-of-type [data-claim] a').click()")
    assert address(tab) == "#at=verdicts-table_2_letters&margin=2"
    assert tab.run("scrollY") > 0


def test_methods_of_several_tasks_stand_first_and_areas_under_their_task(tab: Tab) -> None:
    head, *found = rows(tab, "overview")
    assert head == ["area", "shield", "armour", "cloak"]
    assert [row[0] for row in found if len(row) == 1] == ["digits (vision: digits)", "letters (vision: letters)"]
    assert [row[3] for row in found[1:3]] == ["", ""]  # the first task has no cloak


def test_every_chart_is_drawn_in_the_end(tab: Tab) -> None:
    tab.wait_for("[...document.querySelectorAll('[data-chart]')].every((each) => each.querySelector('svg.marks'))")


def test_a_chart_makes_the_page_no_wider_than_a_phone(browser: Tab, page: str) -> None:
    browser.open(page, width=390)
    browser.wait_for("[...document.querySelectorAll('[data-chart]')].every((each) => each.querySelector('svg.marks'))")
    assert browser.run("document.documentElement.scrollWidth") == 390


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1400, 390])
@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not here (npm ci --prefix tests/browser)")
def test_nothing_serious_is_wrong_for_readers_with_disabilities(
    browser: Tab, page: str, width: int, dark: bool
) -> None:
    browser.open(page, width=width, dark=dark)
    browser.run("for (const each of document.querySelectorAll('details')) each.open = true")
    browser.run("document.querySelector('#overview [data-claim] a').focus()")
    browser.wait_for("[...document.querySelectorAll('[data-chart]')].every((each) => each.querySelector('svg.marks'))")
    browser.run(AXE.read_text(encoding="utf-8") + ";0")
    found: list[dict[str, Any]] = browser.run("axe.run().then((found) => found.violations)")
    grave = [
        (each["id"], each["impact"], [node["html"][:200] for node in each["nodes"]][:3])
        for each in found
        if each["impact"] in ("serious", "critical")
    ]
    assert grave == []
