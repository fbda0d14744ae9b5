"""The pages of runs and of examples in a real browser: a link shows one run, images are drawn, nothing is refused."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from stages.page.examples import write_examples
from tests.chromium import CHROMIUM, Tab, chromium
from tests.stages.test_examples import stored_in
from tests.stages.test_page_runs import written_in
from tests.test_browser_page import AXE

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here (apt install chromium)"),
]
SEEN = "[...document.querySelectorAll('main, article')].filter((each) => each.offsetParent).map((each) => each.id)"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = written_in(tmp_path_factory.mktemp("report"))
    write_examples(*stored_in(tmp_path_factory.mktemp("store")), 16, folder)
    return folder


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    with chromium(tmp_path_factory.mktemp("chromium")) as tab:
        yield tab


def test_a_link_shows_one_run_and_none_the_list_of_all(browser: Tab, folder: Path) -> None:
    page = (folder / "runs/digits/shield.html").as_uri()
    browser.open(f"{page}#cnn-3-1")
    assert browser.run(SEEN) == ["cnn-3-1"]
    assert "shield, cnn-3, seed 1" in browser.run("document.body.innerText")
    browser.run("document.querySelector('#cnn-3-1 a[href=\"#\"]').click()")
    browser.wait_for(f"{SEEN}.join() === ''")
    browser.run("document.querySelector('main a[href=\"#cnn-0-0\"]').click()")
    browser.wait_for(f"{SEEN}.join() === 'cnn-0-0'")
    assert "no luck" in browser.run("document.body.innerText")
    assert browser.errors == []


def test_the_images_of_a_wall_are_drawn(browser: Tab, folder: Path) -> None:
    browser.open((folder / "examples/digits/clean.html").as_uri())
    sheet = "getComputedStyle(document.querySelector('i.image')).backgroundImage.slice(5, -2)"
    assert browser.run(f"{sheet}.slice(0, 23)") == "data:image/webp;base64,"
    width = browser.run(
        f"(async () => {{ const i = new Image(); i.src = {sheet}; await i.decode(); return i.width; }})()"
    )
    assert width == 16 * 8
    assert browser.run("document.querySelectorAll('i.image').length") == 8
    assert browser.errors == []


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not here (npm ci --prefix tests/browser)")
@pytest.mark.parametrize(
    "page", ["runs/digits/shield.html", "runs/digits/shield.html#cnn-3-1", "examples/digits/clean.html"]
)
@pytest.mark.parametrize("dark", [False, True])
def test_axe_finds_nothing_serious(browser: Tab, folder: Path, page: str, dark: bool) -> None:
    browser.open(f"{folder.as_uri()}/{page}", dark=dark)
    browser.run(AXE.read_text(encoding="utf-8") + ";0")
    found = browser.run("axe.run().then((found) => found.violations.map((each) => [each.id, each.impact]))")
    assert [rule for rule, impact in found if impact in ("serious", "critical")] == []
