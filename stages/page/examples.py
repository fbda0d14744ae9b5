"""The example walls as pages, one for each condition of a task."""

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stages import domains
from stages.errors import StoreError
from stages.page.beside import examples_page, plain, run_place
from stages.page.rendering import rendered
from stages.page.study_section import Planned
from stages.page.walls import MethodWall, Shown, Stored, Wall

COUNT = 64  # examples of a condition, unless told otherwise
FEWEST = 2  # of a method, each way
ACROSS = 16  # images in a row of a sheet
LARGEST = 64  # pixels of an image's side
QUALITY = 90  # of WebP


def write_examples(plan: Planned, stored: Stored, count: int, folder: Path) -> frozenset[str]:
    """Write the pages; their addresses from index.html, and those of the methods on them. `count`: so many examples of
    each condition, shared among its methods and both ways, at least FEWEST. Conditions of which the store lacks
    anything are left out, and counted.
    """
    written: set[str] = set()
    lacking: list[str] = []
    for task in plan.data if count else ():
        showing = domains.showing(plan.data[task]["domain"])
        if showing is None:
            continue
        for condition in plan.measurements.filter(task=task)["condition"].unique().sort():
            wall = Wall(task, condition, plan, stored, showing)
            most = max(FEWEST, count // (2 * max(1, len(wall.methods))))
            try:
                walls = [each for method in wall.methods if (each := wall.of(method, most))]
            except StoreError as error:
                lacking.append(f"{task}, {condition}: {error}")
                continue
            if walls:
                page = examples_page(task, condition)
                (folder / page).parent.mkdir(parents=True, exist_ok=True)
                (folder / page).write_text(_page(task, condition, showing.note(wall.spec), walls), encoding="utf-8")
                written |= {page, *(f"{page}#{plain(each.method)}" for each in walls)}
    if lacking:
        print(f"no examples of {len(lacking)} conditions, of which the store lacks something; the first: {lacking[0]}")
    return frozenset(written)


def _page(task: str, condition: str, note: str, walls: list[MethodWall]) -> str:
    sheet = _Sheet()
    methods = [
        {
            "name": wall.method,
            "place": plain(wall.method),
            "page": f"../../runs/{plain(task)}/{plain(wall.method)}.html",
            "pairs": wall.pairs,
            "judged": wall.judged,
            "ways": [
                {"title": way.title, "number": way.number, "shown": [_tile(each, sheet) for each in way.shown]}
                for way in wall.ways
            ],
        }
        for wall in walls
    ]
    title = f"{condition}: examples"
    return rendered(
        "examples.html", title=title, task=task, condition=condition, note=note, methods=methods, sheet=sheet.written()
    )


def _tile(shown: Shown, sheet: "_Sheet") -> dict[str, Any]:
    return {
        "run": f"{shown.model}, seed {shown.seed}",
        "place": run_place(shown.model, shown.seed),
        "given": shown.given,
        "at": None if shown.given.image is None else sheet.place(shown.given.image),
        "standard": shown.standard,
        "method": shown.method,
    }


class _Sheet:
    """Images of one size side by side in one picture, each once."""

    def __init__(self) -> None:
        self.images: list[NDArray[np.uint8]] = []
        self.known: dict[bytes, int] = {}

    def place(self, image: NDArray[np.uint8]) -> tuple[int, int]:
        """The column and row of an image."""
        index = self.known.setdefault(image.tobytes(), len(self.images))
        if index == len(self.images):
            self.images.append(image)
        return index % ACROSS, index // ACROSS

    def written(self) -> dict[str, Any] | None:
        """The picture as an address that holds it, and its columns; None without an image."""
        if not self.images:
            return None
        images = [np.asarray(_small(image)) for image in self.images]
        height, width, _ = images[0].shape
        down = -(-len(images) // ACROSS)
        sheet = np.zeros((down * height, ACROSS * width, 3), dtype=np.uint8)
        for index, image in enumerate(images):
            row, column = divmod(index, ACROSS)
            sheet[row * height : (row + 1) * height, column * width : (column + 1) * width] = image
        file = io.BytesIO()
        Image.fromarray(sheet).save(file, "WEBP", quality=QUALITY, method=4)
        return {"address": f"data:image/webp;base64,{base64.b64encode(file.getvalue()).decode()}", "across": ACROSS}


def _small(image: NDArray[np.uint8]) -> Image.Image:
    made = Image.fromarray(image)
    made.thumbnail((LARGEST, LARGEST))
    return made
