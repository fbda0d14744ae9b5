"""The page of models measured elsewhere: the same verdicts, charts and words as of a trained study, without the parts
that only training has.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from analysis.audit.schema import COMPARISONS, ESTIMATES, FRAGILITY, LADDER, MARGINS, VERDICTS
from analysis.audit.settings import AuditSettings
from analysis.findings import SCORE
from analysis.jumps.schema import JUMP_FITS, JUMPS
from analysis.label_fragility import LABEL_FRAGILITY
from analysis.model_scores import COMPONENT, MEAN, SAFETYWASHING
from analysis.observational import POOLED, WITHIN
from analysis.pairs.structure import LEFT_OUT, PAIRS
from analysis.partial import PARTIAL
from analysis.tables import BASELINE, CAPABILITY, RISKS
from analysis.words import several
from stages.artifacts import by_task
from stages.page import charts
from stages.page.format import DASH, interval, measures
from stages.page.item_section import item_section
from stages.page.margins_section import SOURCES, margins_section
from stages.page.measurement_charts import measurement_charts
from stages.page.reader_parts import parts_of
from stages.page.rendering import rendered
from stages.page.tasks import Specs, TaskResults
from stages.page.verdict_section import verdict_parts
from stages.page.verdicts import legend

SCORE_IS = {
    COMPONENT: "the first principal component, kept by models that lack some of them",
    MEAN: "the mean of their z-scores, of models that have all",
    SAFETYWASHING: "that of Ren et al. (2024)",
}
ASKS = {  # what gates ask of pairs, where it is another thing than of trained runs
    "pairs": "enough pairs have the measurement and a capability score on both sides",
    "families": "enough families have pairs, and these are even enough between them",
    "ladder": "there are enough baseline models for a ladder",
    "range": "the ladder covers the capability of both sides of enough pairs",
}
Tables = Mapping[str, pl.DataFrame]
OTHERS = {  # tables that have no part of the page
    PARTIAL.name: "correlations with release dates and labs taken out",
    LABEL_FRAGILITY.name: "how the labels of measurements hang on single models",
    JUMPS.name: "jumps over training",
}
OWN = ("verdicts", "estimates", "ladder", "margins", "gates", "fragility")  # tables that pairs have as training has


def write_page(
    study: str,
    results: pl.DataFrame,
    models: pl.DataFrame,
    found: Tables,
    score: str,
    settings: AuditSettings,
    notes: Sequence[str],
    out: Path,
) -> None:
    """Write index.html into the folder. The same input gives the same bytes.

    `results` is the table RESULTS, `models` what is known of each row of the table, `found` the tables of
    `analysis.elsewhere` with this capability score and these settings, `notes` what is to be said of who takes no part.
    """
    out.mkdir(parents=True, exist_ok=True)
    task, section, specs = charted(study, results, models, found, score)
    levels = {"alpha": settings.alpha, "rate": settings.false_discovery_rate}
    judged = [(task, section["rows"])]
    page = rendered(
        "imported.html",
        title=study,
        **parts_of(judged, made="default", **levels, placebos=settings.placebos, weigh=settings.weigh_claims),
        section=section | {"notes": notes},
        specs=specs,
        alpha=settings.alpha,
        rate=settings.false_discovery_rate,
        **legend(),
        margin_sources=SOURCES | {"given": "the spec"},
    )
    (out / "index.html").write_text(page, encoding="utf-8")


def charted(
    study: str, results: pl.DataFrame, models: pl.DataFrame, found: Tables, score: str
) -> tuple[TaskResults, dict[str, Any], Specs]:
    """The study as a task, what the template shows of it, and its charts."""
    task, specs = _task(study, results, found, score), Specs()
    return task, _section(task, results, models, found, score, specs), specs


def _task(study: str, results: pl.DataFrame, found: Tables, score: str) -> TaskResults:
    """The study as one task, with every table that the charts and words of a trained one ask for."""
    runs = results.select("domain", "dataset", "method", "model", "family", "parameters", "flops", "seed", "step")
    scores = found["capability"].filter(score_name=score).select("model", "score")
    scored = runs.unique(maintain_order=True).join(scores, on="model").with_columns(score_name=pl.lit(SCORE))
    known = (VERDICTS, ESTIMATES, LADDER, MARGINS, FRAGILITY, COMPARISONS, JUMPS, JUMP_FITS, RISKS)
    empty = {table.name: by_task(table).empty() for table in known}
    own = {name: found[name] for name in OWN if name in found}
    capability = scored.select(*CAPABILITY.columns)
    shown = {
        name: measure if name == SCORE else replace(measure, label=name) for name, measure in measures(results).items()
    }
    return TaskResults(study, study, "", results, {**empty, **own, "capability": capability}, shown)


def _section(
    task: TaskResults, results: pl.DataFrame, models: pl.DataFrame, found: Tables, score: str, specs: Specs
) -> dict[str, Any]:
    paired = "pairs" in found
    order = pl.col("measurement").replace_strict(list(task.shown), range(len(task.shown)), default=99)
    verdicts = task.found["verdicts"].with_columns(order.alias("order"), pl.lit("").alias("about"))
    left_out = found.get("left_out", LEFT_OUT.empty())
    pairs = found.get("pairs", PAIRS.empty())
    parts = _verdict_parts(task, verdicts, specs) if paired and len(verdicts) else {}
    nothing: dict[str, Any] = {
        "verdict_table": None,
        "verdicts": [],
        "gates": [],
        "failed_gates": [],
        "claims": 0,
        "rows": [],
    }
    correlations = _correlations(task, found, specs)
    return {
        "paired": paired,
        **nothing,
        **parts,
        "facts": _facts(results, models, found, score),
        "left_out": left_out.to_dicts(),
        "reasons": left_out["reason"].value_counts(sort=True).sort("count", "reason", descending=[True, False]).rows(),
        "pairs": pairs.to_dicts(),
        "by_item": item_section(task, found),
        "margins": margins_section(task),
        "picks": measurement_charts(task, verdicts, specs),
        "correlations": correlations,
        "rough": any(row["rough"] for row in correlations),
        "weights": found["capability_weights"].filter(score_name=score).to_dicts(),
        "models": _models(results, models, found, score),
        "score_is": SCORE_IS.get(score, f"here {score}"),
        "others": [said for name, said in OTHERS.items() if name in found and len(found[name])],
    }


def _verdict_parts(task: TaskResults, verdicts: pl.DataFrame, specs: Specs) -> dict[str, Any]:
    """As of a trained study, in the words of pairs; an area is a measurement."""
    parts = verdict_parts(task, verdicts, specs)
    table = parts["verdict_table"]
    if table is not None and table["corner"] == "area":
        table["corner"] = "measurement"
    for row in parts["gates"]:
        row["asks"] = ASKS.get(row["gate"], row["asks"])
    return parts


def _facts(results: pl.DataFrame, models: pl.DataFrame, found: Tables, score: str) -> list[tuple[str, str]]:
    axes = results.select("measurement", "axis").unique().sort("axis", "measurement")
    named = {axis: axes.filter(axis=axis)["measurement"].to_list() for axis in ("capability", "safety")}
    families = results["family"].filter(results["family"] != "").n_unique()
    rows = [("models", f"{results['model'].n_unique()} with values, of {len(models)} rows")]
    rows += [(axis, f"{len(names)}: {', '.join(names)}") for axis, names in named.items()]
    falling = results.filter(~pl.col("higher_is_better"))["measurement"].unique().sort()
    rows.append(("better when lower", ", ".join(falling) or "none of these"))
    rows += [("families", str(families) if families else "none known"), ("capability score", score)]
    if "pairs" in found:
        pairs = found["pairs"]
        ladder = results.filter(method=BASELINE)["model"].n_unique()
        methods, of = pairs["method"].n_unique(), pairs["family"].n_unique()
        said = f"{len(pairs)} of {several(methods, 'method')}, in {several(of, 'family')}"
        rows += [("baseline models", str(ladder)), ("pairs", said), ("in a chain", str(int(pairs["chain"].sum())))]
    return rows


def _correlations(task: TaskResults, found: Tables, specs: Specs) -> list[dict[str, Any]]:
    labels = dict(found["metric_labels"].select("measurement", "label").iter_rows())
    names = list(task.shown)
    rows = [
        {
            **row,
            "measurement": task.label(row["measurement"]),
            "interval": DASH if row["low"] is None else interval(row["low"], row["high"]),
            "label": (labels.get(row["measurement"]) or "") if row["population"] == POOLED else "",
            "order": names.index(row["measurement"]) if row["measurement"] in names else len(names),
        }
        for row in found["correlations"].to_dicts()
    ]
    rows.sort(key=lambda row: (row["order"], row["population"]))
    if rows:
        columns = ("measurement", "population", "estimate", "low", "high", "n", "families")
        specs["correlations"] = charts.correlation_intervals(
            pl.DataFrame([{name: row[name] for name in columns} for row in rows], infer_schema_length=None),
            measurements=list(dict.fromkeys(row["measurement"] for row in rows)),
            populations=(POOLED, WITHIN),
        )
    return rows


def _models(results: pl.DataFrame, models: pl.DataFrame, found: Tables, score: str) -> list[dict[str, Any]]:
    scores = found["capability"].filter(score_name=score).select("model", "score", "standard_error")
    known = results["model"].unique()
    rows = models.filter(pl.col("model").is_in(known.implode())).join(scores, on="model", how="left")
    blank = [pl.lit(None, dtype=pl.String).alias(name) for name in ("method", "baseline") if name not in rows.columns]
    return rows.with_columns(blank).sort(pl.col("score").fill_null(-1e9), "model", descending=[True, False]).to_dicts()
