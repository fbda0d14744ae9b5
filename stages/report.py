"""The report: one page that works offline, and its charts as pictures and tables beside it."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import numpy.typing as npt
import polars as pl
import vl_convert

from analysis.capability import BASELINE, CLEAN_ACCURACY, at_last_step
from stages import charts, params, predict, tables, train
from stages.analyse import FINDINGS
from stages.collect import RESULTS
from stages.plan import RETRY
from stages.train import RUNS
from stages.wording import Measure, Row, answer, difference, effect_rows, interval, measures, number

Array = npt.NDArray[np.float64]

REPORT = Path("report")
SCORE = "pc1"  # the capability score of the charts
RUN_COLUMNS = (
    "domain",
    "dataset",
    "method",
    "model",
    "family",
    "parameters",
    "flops",
    "seed",
    "seconds",
    "status",
    "reason",
)


@dataclass(frozen=True)
class Place:
    """One domain and data set of the study: its rows of the tables, and how its measurements are shown."""

    name: str
    slug: str  # goes into file names; empty where the study has one place
    results: pl.DataFrame  # last steps, part "all"
    effects: pl.DataFrame
    correlations: pl.DataFrame
    capability: pl.DataFrame
    shown: dict[str, Measure]

    @property
    def methods(self) -> list[str]:
        return self.results["method"].unique().sort().to_list()


def build(
    results: pl.DataFrame, runs: pl.DataFrame, findings: Mapping[str, pl.DataFrame], folder: Path, *, study: str
) -> None:
    """Write index.html, the charts as SVG and PNG and plots/*.csv into the folder. The same input gives the same bytes.

    `results` is the table RESULTS; `runs` has a row per planned run, with those of RUN_COLUMNS that are known;
    `findings` has at least capability, capability_weights, correlations and effects. `study` is the page's title.
    """
    (folder / "plots").mkdir(parents=True, exist_ok=True)
    specs: dict[str, charts.Spec] = {}
    sections = []
    for place in _places(results, findings):
        points = _points(place)
        sections.append(_section(place, points, specs))
        points.write_csv(folder / "plots" / f"safety_against_accuracy{place.slug}.csv")
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
        bundle=_bundle(),
    )
    (folder / "index.html").write_text(page, encoding="utf-8")


@cache
def _bundle() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script that defines vegaEmbed; the converter takes a second to make it."""
    return vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"difference": difference, "number": number}
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
                correlations=findings["correlations"].filter(here, pl.col("score_name") == SCORE),
                capability=at_last_step(findings["capability"].filter(here)),
                shown=measures(rows),
            )
        )
    return places


def _section(place: Place, points: pl.DataFrame, specs: dict[str, charts.Spec]) -> dict[str, Any]:
    """What the template shows of one place. Its charts go into `specs`, under the names of their files."""
    picks = []
    for index, name in enumerate(points["measurement"].unique(maintain_order=True)):
        chart = f"safety{place.slug}_{index + 1}_{_slug(name)}"
        specs[chart] = _safety_chart(place, points.filter(pl.col("measurement") == name), place.shown[name])
        picks.append({"chart": chart, "label": place.shown[name].label})
    effects = effect_rows(place.effects, place.shown)
    labels = [measure.label for measure in place.shown.values()]
    others = [method for method in place.methods if method != BASELINE]
    cells = [row for row in effects if row["standardised"] is not None]
    if cells:
        specs[f"effects{place.slug}"] = charts.effect_map(_cells(cells), methods=others, measurements=labels)
    correlations = [
        {**row, "measurement": place.shown[row["measurement"]].label} for row in place.correlations.to_dicts()
    ]
    if correlations:
        specs[f"correlations{place.slug}"] = charts.correlation_intervals(
            pl.DataFrame(correlations), measurements=labels
        )
    tested = [row for row in effects if row["axis"] == "safety" and row["low"] is not None]
    return {
        "name": place.name,
        "slug": place.slug,
        "picks": picks,
        "effects": effects,
        "correlations": [{**row, "interval": interval(row["low"], row["high"])} for row in correlations],
        "rough": any(row["rough"] for row in correlations),
        "answers": [answer(effects, method) for method in others],
        "tested": len(tested),
        "beyond": sum(row["beyond"] != 0 for row in tested),
        "chance": f"{0.05 * len(tested):.1f}",
    }


def _cells(rows: list[Row]) -> pl.DataFrame:
    names = ["method", "measurement", "group", "standardised", "effect", "interval", "standardised_interval", "pairs"]
    names += ["models", "beyond"]
    frame = pl.DataFrame([{name: row[name] for name in names} for row in rows], infer_schema_length=None)
    return frame.rename({"standardised_interval": "standardised interval"})


def _points(place: Place) -> pl.DataFrame:
    """A row per run and safety measurement: the value as y, and as x clean accuracy, or the capability score where it
    isn't measured.
    """
    run = ["method", "model", "family", "parameters", "flops", "seed"]
    if CLEAN_ACCURACY in place.shown:
        x = place.results.filter(pl.col("measurement") == CLEAN_ACCURACY).select("method", "model", "seed", x="value")
    else:
        x = place.capability.filter(pl.col("score_name") == SCORE).select("method", "model", "seed", x="score")
    order = pl.DataFrame({"measurement": list(place.shown), "order": range(len(place.shown))})
    return (
        place.results.filter(pl.col("axis") == "safety")
        .join(x, on=["method", "model", "seed"])
        .join(order, on="measurement")
        .sort("order", "method", "model", "seed")
        .select("measurement", *run, "x", y="value")
    )


def _safety_chart(place: Place, points: pl.DataFrame, measure: Measure) -> charts.Spec:
    x = place.shown[CLEAN_ACCURACY if CLEAN_ACCURACY in place.shown else SCORE]
    return charts.safety_against_capability(
        points,
        baseline_trend(points.filter(pl.col("method") == BASELINE), percent=(x.percent, measure.percent)),
        methods=place.methods,
        titles=(x.title, measure.title),
        percent=(x.percent, measure.percent),
        falling=measure.falling,
    )


def baseline_trend(standard: pl.DataFrame, *, percent: tuple[bool, bool]) -> pl.DataFrame:
    """The least-squares line through the standard runs' x and y as 40 points (x, y) over their range; shares are fitted
    as logits (Taori et al. 2020), clipped to [0.001, 0.999]. Empty with fewer than 3 runs or a single x.
    """
    x, y = standard["x"].to_numpy(), standard["y"].to_numpy()
    if len(x) < 3 or np.ptp(x) == 0:
        return pl.DataFrame(schema={"x": pl.Float64, "y": pl.Float64})
    grid = np.linspace(x.min(), x.max(), 40)
    slope, intercept = np.polyfit(_logit(x) if percent[0] else x, _logit(y) if percent[1] else y, 1)
    line = intercept + slope * (_logit(grid) if percent[0] else grid)
    return pl.DataFrame({"x": grid, "y": 1 / (1 + np.exp(-line)) if percent[1] else line})


def _logit(share: Array) -> Array:
    clipped = np.clip(share, 0.001, 0.999)
    return np.log(clipped / (1 - clipped))


def _runs(runs: pl.DataFrame) -> dict[str, Any]:
    """The table of runs, the failed ones first, with the columns that are known and hold anything."""
    columns = [name for name in RUN_COLUMNS if name in runs.columns and runs[name].null_count() < len(runs)]
    keys = [name for name in ("method", "model", "seed") if name in columns]
    rows = runs.select(columns).sort(pl.col("status") != "failed", *keys).to_dicts()
    failed = [row for row in rows if row["status"] == "failed"]
    return {"columns": columns, "rows": rows, "failed": failed}


def _slug(name: str) -> str:
    """The name with everything but plain letters and digits as hyphens, fit for a file's name."""
    return re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-").lower()[:60]


def main() -> None:
    """Write report/."""
    results = tables.read(tables.RESULTS, RESULTS)
    runs = tables.read(tables.RUNS, RUNS)
    found = {path.stem: pl.read_parquet(path) for path in sorted(FINDINGS.glob("*.parquet"))}
    build(results, runs, found, REPORT, study=params.study_name())
    failures = {path.stem: json.loads(path.read_text()) for path in (train.FAILURES, predict.FAILURES)}
    if any(failures.values()):
        tables.write_json(failures, RETRY)
    print(f"the report is at {REPORT / 'index.html'}")
