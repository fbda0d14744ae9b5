"""The report's charts as pictures."""

import math
import re
from collections.abc import Mapping
from html import escape
from pathlib import Path

import vl_convert

from stages.page.charts import Spec

PNG_SCALE = 1.5
PARTS = re.compile(r' (?:role|aria-[a-z]+)="[^"]*"')  # what the converter says of each mark to a screen reader
TITLE_HEIGHT = 24  # of a chart among others, in pixels


def write_pictures(specs: Mapping[str, Spec], folder: Path, suffix: str) -> list[Path]:
    """Each chart as a picture of its name in the folder; the files. suffix: svg or png."""
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"{name}.{suffix}" for name in specs]
    for file, spec in zip(files, specs.values(), strict=True):
        picture = svg(spec)
        file.write_bytes(picture.encode() if suffix == "svg" else vl_convert.svg_to_png(picture, scale=PNG_SCALE))
    return files


def svg(spec: Spec) -> str:
    """The chart as SVG, on white; to a screen reader it is one picture, not hundreds of marks."""
    made: str = vl_convert.vegalite_to_svg({**spec, "background": "white"}, allowed_base_urls=[])
    made = PARTS.sub("", made)
    # The converter numbers gradients on from one picture of a process to the next.
    for index, name in enumerate(re.findall(r'id="(gradient_\d+)"', made)):
        made = made.replace(f'id="{name}"', f'id="colours_{index}"').replace(f"url(#{name})", f"url(#colours_{index})")
    return made


def stacked(charts: Mapping[str, str]) -> str:
    """The SVGs below each other, each under its title, as one."""
    width = height = 0
    parts = []
    for index, (title, svg) in enumerate(charts.items()):
        size = re.search(r'width="([\d.]+)" height="([\d.]+)"', svg)
        wide, high = (math.ceil(float(number)) for number in size.groups()) if size else (0, 0)
        text = f'<text x="6" y="{height + 18}" font-family="sans-serif" font-size="14">{escape(title)}</text>'
        own = re.sub(r'(id="|url\(#)colours_', rf"\1colours_{index}_", svg)
        parts.append(text + own.replace("<svg ", f'<svg y="{height + TITLE_HEIGHT}" ', 1))
        width, height = max(width, wide), height + TITLE_HEIGHT + high
    opening = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}">'
    return f'{opening}<rect width="{width}" height="{height}" fill="white"/>{"".join(parts)}</svg>'
