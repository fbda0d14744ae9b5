"""The example walls: what is shown is what was stored, and every difference between two models is counted."""

import base64
import io
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

from pipelines.outcomes import Outcomes
from pipelines.vision import arrays
from pipelines.vision.data import Examples, split_of
from stages import domains
from stages.needed import planned_cells
from stages.page.beside import Beside
from stages.page.examples import write_examples
from stages.page.study_section import Planned
from stages.page.walls import PAIRS, Stored, Wall
from stages.store import codecs
from stages.store.code_path import ROOT, CodePath
from stages.store.keys import bytes_digest
from stages.store.store import Store
from tests.test_report import Page, _results, plan_of

N, CLASSES = 60, 4
LABELS = np.arange(N) % CLASSES
WRONG = {"standard": range(30), "shield": range(10, 20)}  # 20 are right with the shield alone, none with standard alone


def outcomes_of(wrong: range, labels: np.ndarray = LABELS) -> Outcomes:
    """Answers that are right on every image but these, with probability .9."""
    answer = np.where(np.isin(np.arange(len(labels)), wrong), labels + 1, labels) % CLASSES
    logits = np.log(np.where(np.arange(CLASSES) == answer[:, None], 0.9, 0.1 / 3)).astype(np.float32)
    none = np.full(len(labels), -1)
    return Outcomes(logits, labels, np.arange(len(labels)), none, none)


def images() -> np.ndarray:
    """Each of one colour of its own."""
    place = np.arange(N)
    colours = np.stack([place % 4 * 80, place // 4 % 4 * 80, place // 16 * 80], axis=1)
    return np.broadcast_to(colours[:, None, None].astype(np.uint8), (N, 8, 8, 3)).copy()


@pytest.fixture
def stored(tmp_path: Path) -> tuple[Planned, Stored]:
    return stored_in(tmp_path / "store")


def stored_in(folder: Path) -> tuple[Planned, Stored]:
    """A plan of two methods, six models and two seeds, and the outcomes of clean images and of an attack."""
    store, plan = Store(str(folder)), plan_of(_results())
    payload = codecs.npz(arrays.examples_arrays(Examples(split_of(images(), LABELS), np.arange(N))))
    key = bytes_digest(payload)
    store.write("data", key, payload)
    conditions = {name: {"digest": key, "rows": N, "bytes": 1} for name in ("clean", "pgd", "transfer")}
    prepared = {"digits": {**plan.prepared["digits"], "about": {"classes": list("abcd")}, "conditions": conditions}}
    spec = pl.Series([json.dumps({**json.loads(row["spec"]), "seed": row["seed"]}) for row in plan.runs.to_dicts()])
    plan = replace(plan, prepared=prepared, runs=plan.runs.with_columns(spec=spec))
    runs = plan.runs.with_columns(
        run_key=pl.Series([f"{index:032x}" for index in range(len(plan.runs))]), status=pl.lit("finished")
    )
    cells = planned_cells(runs, plan.cells.filter(pl.col("condition") != "transfer"), prepared)
    for cell in cells:
        store.write("cells", cell.key, codecs.outcomes_bytes(outcomes_of(WRONG[cell.run.split("/")[1]])))
    done = pl.DataFrame(
        {"condition": [cell.condition for cell in cells], "cell_key": [cell.key for cell in cells]}
    ).with_columns(status=pl.lit("finished"))
    return plan, Stored(runs, done, store)


def text_of(file: Path) -> str:
    return re.sub(r"\s+", " ", Page(file.read_text()).text)


def test_every_difference_is_counted_and_some_are_shown(stored: tuple[Planned, Stored], tmp_path: Path) -> None:
    written = write_examples(*stored, 16, tmp_path)
    assert Beside(written).examples("digits", "pgd", "shield") == "examples/digits/pgd.html#shield"
    assert Beside(written).examples("digits", "transfer", "shield") == ""  # without outcomes
    text = text_of(tmp_path / "examples/digits/clean.html")
    assert (
        f"standard wrong, shield right {20 * PAIRS} of {N * PAIRS} outcomes of {PAIRS} pairs of runs, 8 shown." in text
    )
    assert f"shield wrong, standard right 0 of {N * PAIRS} outcomes of {PAIRS} pairs of runs." in text
    tiles = re.findall(r"([abcd])standard: ([abcd]) 0\.90 shield: ([abcd]) 0\.90 cnn-\d, seed \d", text)
    assert len(tiles) == 8
    assert all(answer == truth != wrong for truth, wrong, answer in tiles)
    assert "not stored" not in text
    assert "the image before the attack" in text_of(tmp_path / "examples/digits/pgd.html")


def test_the_images_shown_are_those_that_were_answered(stored: tuple[Planned, Stored], tmp_path: Path) -> None:
    """No image twice, and each beside its own class."""
    write_examples(*stored, 64, tmp_path)
    page = (tmp_path / "examples/digits/clean.html").read_text()
    (address,) = re.findall(r"url\(\"data:image/webp;base64,([^\"]+)\"", page)
    sheet = np.asarray(Image.open(io.BytesIO(base64.b64decode(address))).convert("RGB")).astype(int)
    found = re.findall(r'aria-label="(\w)" style="--x:(\d+);--y:(\d+)"', page)
    seen = []
    for name, x, y in found:
        colour = sheet[int(y) * 8 + 4, int(x) * 8 + 4]
        row = int(np.abs(images()[:, 0, 0].astype(int) - colour).sum(1).argmin())
        assert name == "abcd"[LABELS[row]]
        seen.append(row)
    assert sorted(seen) == [*range(10), *range(20, 30)]


def test_walls_are_the_same_bytes_again_and_none_where_none_are_asked_for(
    stored: tuple[Planned, Stored], tmp_path: Path
) -> None:
    for place in ("one", "other"):
        write_examples(*stored, 8, tmp_path / place)
    one, other = (
        {file.name: file.read_bytes() for file in (tmp_path / name).rglob("*.html")} for name in ("one", "other")
    )
    assert one == other
    assert set(one) == {"clean.html", "pgd.html"}
    assert write_examples(*stored, 0, tmp_path / "none") == frozenset()
    assert not (tmp_path / "none").exists()


def test_what_the_store_lacks_is_left_out_and_named(
    stored: tuple[Planned, Stored], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan, kept = stored
    lost = kept.outcomes.filter(condition="pgd")["cell_key"]
    for key in lost:
        (tmp_path / f"store/cells/{key[:2]}/{key}.npz").unlink()
    written = write_examples(plan, kept, 8, tmp_path)
    assert "examples/digits/clean.html" in written
    assert "examples/digits/pgd.html" not in written
    assert (
        "no examples of 1 conditions, of which the store lacks something; the first: digits, pgd: "
        in capsys.readouterr().out
    )


def test_runs_are_paired_by_model_and_seed_and_spread_over_the_models(stored: tuple[Planned, Stored]) -> None:
    plan, kept = stored
    showing = domains.showing("vision")
    assert showing is not None
    wall = Wall("digits", "clean", plan, kept, showing)
    pairs = wall._pairs("shield")
    assert len(pairs) == PAIRS
    assert all(one.run.replace("standard", "shield") == other.run for one, other in pairs)
    assert {pairs[0][0].run, pairs[-1][0].run} == {"digits/standard/cnn-0/0", "digits/standard/cnn-5/1"}


def test_no_key_holds_what_only_draws() -> None:
    """The modules of the examples are on the path of no run's and no condition's code, of any domain."""
    code, drawing = CodePath(), {"pipelines.showing", "pipelines.sketches"}
    for name in domains.names():
        assert domains.showing(name) is not None
        drawing.add(f"pipelines.{name}.examples")
        folder = ROOT / "pipelines" / name
        modules = [f"pipelines.{name}.running", f"pipelines.{name}.domain"]
        modules += [
            f"pipelines.{name}.{kind}.{path.stem}"
            for kind in ("conditions", "methods", "models", "datasets")
            for path in (folder / kind).glob("*.py")
            if path.stem != "__init__"
        ]
        assert not code.names(modules) & drawing
