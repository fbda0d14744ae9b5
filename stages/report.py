"""The report: one page that works offline, and its charts as pictures."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import polars as pl
import vl_convert

from analysis.capability import CLEAN_ACCURACY, at_last_step
from stages import charts

BASELINE = "standard"
PRIMARY_SCORE = "pc1"
SCORE_LABELS = {"pc1": "capability score (pc1)", "clean_accuracy": "capability score (clean accuracy)"}
# Metrics that are shares of examples or of pairs; they are shown in percent as long as their values are in [0, 1].
SHARE = re.compile(r"accuracy|fpr|rate|success|share|calibration")
RUN_COLUMNS = ("method", "model", "family", "parameters", "flops", "seed", "status", "reason", "seconds")


@dataclass(frozen=True)
class Measure:
    """How one measurement, or capability score, is shown."""

    name: str
    label: str
    percent: bool
    falling: bool  # lower is better
    group: str  # its pillar, or capability


@dataclass(frozen=True)
class Place:
    """One domain and data set of the study, with its own rows of the tables."""

    name: str
    slug: str
    results: pl.DataFrame  # the last step of every run, part "all"
    effects: pl.DataFrame
    correlations: pl.DataFrame
    capability: pl.DataFrame
    measures: dict[str, Measure]


def build(
    results: pl.DataFrame, runs: pl.DataFrame, findings: Mapping[str, pl.DataFrame], folder: Path, *, study: str
) -> None:
    """Write index.html and the pictures and tables beside it into the folder. The same input gives the same bytes.

    `results` is the table RESULTS, `findings` has at least capability, capability_weights, correlations and effects; `runs` has a row per
    planned run, with those of RUN_COLUMNS that are known. `study` is the title.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "plots").mkdir(exist_ok=True)
    sections = []
    specs: dict[str, charts.Spec] = {}
    for place in _places(results, findings):
        sections.append(_section(place, specs))
        _points(place).write_csv(folder / "plots" / f"safety_against_accuracy{place.slug}.csv")
        place.effects.write_csv(folder / "plots" / f"effects{place.slug}.csv")
    for name, spec in specs.items():
        svg, png = charts.pictures(spec)
        (folder / f"{name}.svg").write_text(svg, encoding="utf-8")
        (folder / f"{name}.png").write_bytes(png)
    page = _template().render(
        study=study,
        sections=sections,
        weights=findings["capability_weights"].to_dicts(),
        runs=_runs(runs),
        specs=specs,
        bundle=vl_convert.javascript_bundle(),
    )
    (folder / "index.html").write_text(page, encoding="utf-8")


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["signed"] = _signed
    environment.filters["plain"] = _plain
    return environment.from_string(files("stages").joinpath("report.html").read_text(encoding="utf-8"))


def _places(results: pl.DataFrame, findings: Mapping[str, pl.DataFrame]) -> list[Place]:
    measured = at_last_step(results).filter(pl.col("part") == "all")
    keys = measured.select("domain", "dataset").unique().sort("domain", "dataset").rows()
    places = []
    for index, (domain, dataset) in enumerate(keys):
        here = (pl.col("domain") == domain) & (pl.col("dataset") == dataset)
        rows = measured.filter(here)
        places.append(
            Place(
                name=f"{domain}: {dataset}",
                slug="" if len(keys) == 1 else f"_{index + 1}_{_slug(dataset)}",
                results=rows,
                effects=findings["effects"].filter(here),
                correlations=findings["correlations"].filter(here),
                capability=findings["capability"].filter(here),
                measures=_measures(rows)
                | {n: Measure(n, t, False, False, "capability") for n, t in SCORE_LABELS.items()},
            )
        )
    return places


def _measures(rows: pl.DataFrame) -> dict[str, Measure]:
    """The measurements in the order they are shown: capability, then safety by pillar."""
    columns = ["axis", "pillar", "measurement", "metric", "higher_is_better"]
    shares = (
        rows.group_by(columns).agg(share=pl.col("value").is_between(0, 1).all()).sort("axis", "pillar", "measurement")
    )
    return {
        name: Measure(
            name=name,
            label=name.replace("/", ": ").replace("_", " "),
            percent=bool(share and SHARE.search(metric)),
            falling=not higher,
            group="capability" if axis == "capability" else (pillar or "safety"),
        )
        for axis, pillar, name, metric, higher, share in shares.iter_rows()
    }


def _section(place: Place, specs: dict[str, charts.Spec]) -> dict[str, Any]:
    """What the template shows of one place; its charts go into `specs` under the names of their files."""
    points, methods = _points(place), place.results["method"].unique().sort().to_list()
    picks = []
    for index, name in enumerate(points["measurement"].unique(maintain_order=True)):
        chart = f"safety{place.slug}_{index + 1}_{_slug(name)}"
        specs[chart] = _safety_chart(place, points.filter(pl.col("measurement") == name), name, methods)
        picks.append({"chart": chart, "label": place.measures[name].label})
    effects = _effect_rows(place)
    shown = [row for row in effects if row["standardised"] is not None]
    if shown:
        specs[f"effects{place.slug}"] = charts.effect_map(
            pl.DataFrame(shown, infer_schema_length=None)
            .rename({"label": "text"})
            .rename({"text": "measurement"}, strict=False),
            methods=[name for name in methods if name != BASELINE],
            measurements=[measure.label for measure in place.measures.values()],
        )
    return {"name": place.name, "slug": place.slug, "picks": picks, "effects": effects}
