"""The pages of runs: what each was made from, its values beside those of standard, and what failed."""

import json
import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from stages.page.beside import Beside, plain, run_place, runs_page
from stages.page.run_page import Known, write_run_pages
from stages.page.run_parts import parts_text
from stages.page.study_section import Planned
from tests.test_report import SCRIPT, Page, _build, _results, plan_of

KEY = "ab" * 16
LOSS = [[5 * step, 2 / step] for step in range(1, 21)]
ENVIRONMENT = json.dumps({"torch": "2.13", "processor": "Abacus", "commit": "c0ffee"})


def known_of(plan: Planned, **given: Any) -> Known:
    """Every planned run finished, but for one that failed."""
    runs = plan.runs.select(
        "run", "task", "role", "method", "model", "seed", "sibling",
        run_key=pl.lit(KEY), status=pl.lit("finished"), reason=pl.lit(""), flops=pl.lit(1.5e12), steps=pl.lit(100),
        loss=pl.lit(0.25), environment=pl.lit(ENVIRONMENT),
    )  # fmt: skip
    failed = pl.col("run") == "digits/shield/cnn-5/1"
    runs = runs.with_columns(
        status=pl.when(failed).then(pl.lit("failed")).otherwise("status"),
        reason=pl.when(failed).then(pl.lit(f"Diverged: {SCRIPT}")).otherwise("reason"),
    )
    return Known(runs, {KEY: {"seconds": 12.5, "curve": LOSS}}, **given)


def by_task(results: pl.DataFrame) -> pl.DataFrame:
    return results.with_columns(task="dataset")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages of two methods on six models and two seeds, of which one run failed and one value could not be had."""
    return written_in(tmp_path_factory.mktemp("report"))


def written_in(folder: Path) -> Path:
    """The pages in a folder."""
    results = by_task(_results())
    gone = (pl.col("method") == "shield") & (pl.col("model") == "cnn-5") & (pl.col("seed") == 1)
    part = results.filter(measurement="pgd/accuracy").with_columns(part=pl.lit("blur 3"), value=pl.lit(0.125))
    on_the_way = [
        results.filter(method="standard", measurement="clean/accuracy").with_columns(
            step=pl.lit(at, dtype=pl.Int64), value=pl.lit(at / 100)
        )
        for at in (20, 50)
    ]
    plan = plan_of(_results())
    failures = {"measure": {"digits/shield/cnn-0/0 under pgd": {"reason": "ArithmeticError: no luck", "attempts": 2}}}
    known = known_of(plan, unmeasured={"digits/shield/cnn-0/0": {"pgd/auroc": "too few"}}, failures=failures)
    write_run_pages(pl.concat([results, part, *on_the_way]).filter(~gone), plan, known, folder)
    return folder


def article(folder: Path, method: str, place: str) -> str:
    """The text of one run's page, with what is said of every run of the method."""
    page = (folder / f"runs/digits/{method}.html").read_text()
    (found,) = re.findall(rf'<article class="run" id="{place}">(.*?)</article>', page, re.DOTALL)
    found += page.rpartition("</article>")[2]
    return re.sub(r"\s+", " ", Page(str(found)).text)


def test_a_run_says_what_it_was_made_from(folder: Path) -> None:
    text = article(folder, "shield", "cnn-3-1")
    for said in (
        "shield, cnn-3, seed 1", "method adversarial: epsilon 0.0078", "model cnn: width 8; 10 parameters",
        "data digits: train 100, noise 0.02", "training epochs 3, precision float32", "training FLOPs 1.5 T",
        "steps 100", "loss at the end 0.25", "seconds of training 12.5", f"key {KEY}",
        "made with torch 2.13, processor Abacus, commit c0ffee",
    ):  # fmt: skip
        assert said in text, said


def test_its_values_stand_beside_those_of_the_standard_run(folder: Path) -> None:
    """Of the same model and seed, with errors, the difference between them, and the parts."""
    results = _results().filter(model="cnn-3", seed=1, measurement="pgd/accuracy")
    own, standard = (results.filter(method=name)["value"][0] for name in ("shield", "standard"))
    text = article(folder, "shield", "cnn-3-1")
    apart = f"+{100 * (own - standard):.1f} points"
    assert f"pgd: accuracy {100 * own:.1f} ± 1.0 % 500 {100 * standard:.1f} ± 1.0 % {apart} higher" in text
    assert "By part pgd: accuracy blur 3: 12.5." in text
    assert "difference" not in article(folder, "standard", "cnn-3-1")


def test_what_all_runs_of_a_page_have_is_said_once(folder: Path) -> None:
    page = (folder / "runs/digits/shield.html").read_text()
    assert page.count("train 100, noise 0.02") == 1
    assert page.count("<th>seed<td>") == 12


def test_parts_that_are_levels_stand_together() -> None:
    values = {"blur 1": "9", "blur 10": "1", "blur 2": "8", "fog 1": "7", "jpeg": "6", "rain 1": "5", "rain 2": "4"}
    assert parts_text(values) == "blur 1, 2, 10: 9, 8, 1; fog 1: 7; jpeg: 6; rain 1 to 2: 5, 4"


def test_the_loss_is_drawn_and_what_was_measured_at_three_steps(folder: Path) -> None:
    of_shield = article(folder, "shield", "cnn-3-1")
    assert "loss in training: 2 at step 5, 0.1 at step 100" in of_shield
    assert "at step 20" not in of_shield
    text = article(folder, "standard", "cnn-3-1")
    end = _results().filter(method="standard", model="cnn-3", seed=1, measurement="clean/accuracy")["value"][0]
    assert f"clean: accuracy: 20.0 at step 20, {100 * end:.1f} at step 100" in text
    page = (folder / "runs/digits/standard.html").read_text()
    heights = [float(y) for y in re.findall(r"M[\d.]+ ([\d.]+)h0", page)[:3]]
    assert heights[0] == 53  # the lowest value at the bottom
    assert heights[0] > heights[1]


def test_what_failed_is_said_with_its_reason(folder: Path) -> None:
    failed = article(folder, "shield", "cnn-5-1")
    assert f"training Diverged: {SCRIPT}" in failed
    assert "Its values" not in failed
    text = article(folder, "shield", "cnn-0-0")
    assert "measure, pgd ArithmeticError: no luck (attempts: 2)" in text
    assert "pgd/auroc too few" in text
    assert "What failed" not in article(folder, "shield", "cnn-3-1")


def test_every_link_between_the_pages_leads_to_a_place(folder: Path, tmp_path: Path) -> None:
    plan, results = plan_of(_results()), by_task(_results())
    written = write_run_pages(results, plan, known_of(plan), tmp_path)
    told = ("domain", "dataset", "method", "model", "family", "parameters", "seed", "flops")
    runs = plan.runs.select(*told, status=pl.lit("finished"), reason=pl.lit(None, dtype=pl.String))
    page = _build(tmp_path, _results(), runs, beside=Beside(written))
    links = [attributes["href"] for tag, attributes in page.tags if tag == "a"]
    assert f"{runs_page('digits', 'shield')}#{run_place('cnn-3', 1)}" in links
    assert runs_page("digits", "shield") in links
    assert dead_links(tmp_path) == []


def test_names_share_no_file_and_are_inert(tmp_path: Path) -> None:
    names = (SCRIPT, "a b", "a-b", "A-B", "../up", "con/x", "é")
    assert len({plain(name) for name in names}) == len(names)
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9_.-]*", plain(name)) for name in names)
    results = _results(SCRIPT).with_columns(model=pl.format("{}</article><b>", "model"))
    plan = plan_of(results)
    write_run_pages(by_task(results), plan, known_of(plan), tmp_path)
    for file in tmp_path.rglob("*.html"):
        tags = [tag for tag, _ in Page(file.read_text()).tags]
        assert not {"script", "b", "link", "img", "iframe"} & set(tags)
    assert dead_links(tmp_path, report=False) == []


def test_the_same_tables_give_the_same_bytes(tmp_path: Path) -> None:
    for place, seed in (("one", 1), ("other", 2)):
        results = by_task(_results()).sample(fraction=1, shuffle=True, seed=seed)
        plan = plan_of(_results())
        write_run_pages(results, plan, known_of(plan), tmp_path / place)
    one, other = (
        {file.name: file.read_bytes() for file in (tmp_path / place).rglob("*.html")} for place in ("one", "other")
    )
    assert one == other
    assert len(one) == 2


def dead_links(folder: Path, *, report: bool = True) -> list[str]:
    """The links of a report's pages that lead nowhere within it; those to index.html where that is there."""
    pages = {file.resolve(): Page(file.read_text(encoding="utf-8")) for file in folder.rglob("*.html")}
    places = {file: {attributes.get("id") for _, attributes in page.tags} for file, page in pages.items()}
    dead = []
    for file, page in pages.items():
        for tag, attributes in page.tags:
            address, _, place = (attributes.get("href") or "").partition("#")
            if tag != "a" or "://" in address or (not report and address.endswith("index.html")):
                continue
            target = (file.parent / address).resolve() if address else file
            if target not in places or (place and place not in places[target]):
                dead.append(f"{file.name}: {attributes.get('href')}")
    return dead
