"""The charts of verdicts and of jumps, as Vega-Lite specifications with their data inside."""

from typing import Any

import altair as alt
import polars as pl

from stages.page.charts import COLOURS, Spec, rows_of, spec_of
from stages.page.verdicts import VERDICTS

UNITS = {"logit": "logits", "log": "log error", "identity": "unit of the measurement"}
SIZES = {"log2_flops": "training FLOPs", "log2_parameters": "parameters", "step": "training step"}


def label_scales() -> tuple[alt.Scale, alt.Scale]:
    """Colour and shape of each verdict."""
    names, shown = list(VERDICTS), VERDICTS.values()
    return (
        alt.Scale(domain=names, range=[each.colour for each in shown]),
        alt.Scale(domain=names, range=[each.shape for each in shown]),
    )


def verdict_intervals(rows: pl.DataFrame, *, methods: list[str], areas: list[str]) -> Spec:
    """D of every method in every area in margins, with its interval: beyond 1 is more than the margin.

    `rows` has method, area, label, d, low, high (in margins) and hover.
    """
    colours, shapes = label_scales()
    y = alt.Y("method:N", sort=methods, title=None)
    x = alt.X("d:Q", title=None, axis=alt.Axis(tickCount=4))
    legend = alt.Legend(orient="bottom", columns=4)
    ends = (
        alt.Chart()
        .mark_rule(strokeWidth=2)
        .encode(
            x=alt.X("low:Q", title=None),
            x2="high:Q",
            y=y,
            color=alt.Color("label:N", title="verdict", scale=colours, legend=legend),
        )
    )
    dots = (
        alt.Chart()
        .mark_point(filled=True, size=80, opacity=1)
        .encode(
            x=x,
            y=y,
            color=alt.Color("label:N", title="verdict", scale=colours, legend=legend),
            shape=alt.Shape("label:N", title="verdict", scale=shapes, legend=legend),
            tooltip=["method:N", "area:N", "label:N", "hover:N"],
        )
    )
    # One row of each area carries the band: a band for each row of the data would darken it.
    here = pl.when(pl.int_range(pl.len()).over("area") == 0)
    rows = rows.with_columns(least=here.then(-1.0), most=here.then(1.0))
    band = alt.Chart().mark_rect(color="#808080", opacity=0.2)
    margin = band.encode(x=alt.X("least:Q", title=None), x2="most:Q")
    layered = alt.layer(margin, ends, dots, data=rows_of(rows)).properties(width=230, height=alt.Step(22))
    faceted = layered.facet(facet=alt.Facet("area:N", sort=areas, title=None), columns=3)
    return spec_of(faceted.resolve_scale(x="independent").properties(title="Safety beyond capability (D), in margins"))


def forest(rows: pl.DataFrame, *, methods: list[str], unit: str) -> Spec:
    """Every method's D and T on one measurement with intervals, within the margin's band.

    `rows` has method, label, margin, kind (beyond capability or in all), value, low, high, pairs, models.
    """
    kinds = ["beyond capability (D)", "in all (T)"]
    y = alt.Y("method:N", sort=methods, title=None)
    offset = alt.YOffset("kind:N", sort=kinds)
    colour = alt.Color("kind:N", title=None, sort=kinds, scale=alt.Scale(domain=kinds, range=list(COLOURS[:2])))
    shape = alt.Shape("kind:N", title=None, sort=kinds, scale=alt.Scale(domain=kinds, range=["circle", "diamond"]))
    title = f"difference from standard ({unit}; right is safer)"
    margin = pl.DataFrame({"x": [-rows["margin"][0]], "x2": [rows["margin"][0]]})
    band = alt.Chart(rows_of(margin), name="margin").mark_rect(color="#808080", opacity=0.2).encode(x="x:Q", x2="x2:Q")
    zero = alt.Chart(rows_of(pl.DataFrame({"x": [0]})), name="zero").mark_rule(color="#808080").encode(x="x:Q")
    tooltip = ["method:N", "kind:N", *(number_tooltip(name) for name in ("value", "low", "high", "margin")), "label:N"]
    ends = (
        alt.Chart()
        .mark_rule(strokeWidth=2)
        .encode(x=alt.X("low:Q", title=title), x2="high:Q", y=y, yOffset=offset, color=colour)
    )
    dots = (
        alt.Chart()
        .mark_point(filled=True, size=70, opacity=1)
        .encode(
            x=alt.X("value:Q", title=title),
            y=y,
            yOffset=offset,
            color=colour,
            shape=shape,
            tooltip=[*tooltip, "pairs:Q", "models:Q"],
        )
    )
    layered = alt.layer(band, zero, alt.layer(ends, dots, data=rows_of(rows)))
    return spec_of(layered.properties(width=560, height=alt.Step(16)))


def residual_risks(rows: pl.DataFrame, *, methods: list[str], hazards: list[str]) -> Spec:
    """The risk that passes every barrier, a bar per method, a piece per hazard: its length is exposure x vulnerability.

    `rows` has method, hazard, exposure, vulnerability, risk, low and high (of the vulnerability).
    """
    order = alt.Scale(domain=hazards, range=[COLOURS[i % len(COLOURS)] for i in range(len(hazards))])
    tooltip = ["method:N", "hazard:N", alt.Tooltip("exposure:Q", format=".2f")]
    tooltip += [alt.Tooltip(f"{name}:Q", format=".1%") for name in ("vulnerability", "low", "high", "risk")]
    title = "share of inputs that pass every barrier (exposure x vulnerability)"
    bars = (
        alt.Chart(rows_of(rows), name="risks")
        .mark_bar(stroke="white", strokeWidth=0.6)
        .encode(
            x=alt.X("risk:Q", title=title, axis=alt.Axis(format="~%")),
            y=alt.Y("method:N", sort=methods, title=None),
            color=alt.Color("hazard:N", title="hazard", scale=order),
            order=alt.Order("task:Q"),
            tooltip=tooltip,
        )
    )
    return spec_of(bars.properties(width=620, height=alt.Step(22)))


def jump_curves(panels: list[tuple[str, pl.DataFrame]], *, axis: str, title: str) -> Spec:
    """The measured curve of standard runs with the best smooth fit and the best fit with a jump; its companion beside
    it. Each panel is a title and rows of JUMP_FITS; `axis` is its axis; `title` says which curve it is and its verdict.
    """
    size = SIZES[axis]
    charts = [
        _curve(label, rows.with_columns(size=2 ** pl.col("x")), size, number)
        for number, (label, rows) in enumerate(panels)
    ]
    return spec_of(alt.hconcat(*charts).properties(title=title))


def _curve(title: str, rows: pl.DataFrame, size: str, number: int) -> alt.LayerChart | alt.FacetChart:
    x = alt.X(
        "size:Q", title=size, scale=alt.Scale(type="log"), axis=alt.Axis(format=".0e", tickCount=4, labelOverlap=True)
    )
    y = alt.Y("value:Q", title=title, scale=alt.Scale(zero=False))
    names = ["smooth fit", "fit with a jump"]
    fits = rows.select("size", pl.col("smooth").alias(names[0]), pl.col("jump").alias(names[1])).unpivot(
        index="size", variable_name="fit"
    )
    colour = alt.Color(
        "fit:N", title=None, scale=alt.Scale(domain=names, range=list(COLOURS[:2])), legend=alt.Legend(orient="bottom")
    )
    dash = alt.StrokeDash("fit:N", title=None, scale=alt.Scale(domain=names, range=[[1, 0], [6, 3]]))
    lines = alt.Chart(rows_of(fits), name=f"fits_{number}").mark_line().encode(x=x, y=y, color=colour, strokeDash=dash)
    spread = pl.col("spread").fill_null(0)
    seen = rows.select("size", value="observed", low=pl.col("observed") - spread, high=pl.col("observed") + spread)
    base = alt.Chart(rows_of(seen))
    ends = (
        base.mark_rule(color="currentColor")
        .properties(name=f"spread_{number}")
        .encode(x=x, y=alt.Y("low:Q", title=title), y2="high:Q")
    )
    tooltip = [
        alt.Tooltip("size:Q", title=size, format=".3g"),
        alt.Tooltip("value:Q", title="mean over seeds", format=".3g"),
    ]
    dots = (
        base.mark_point(filled=True, color="currentColor", size=50, opacity=1)
        .properties(name=f"observed_{number}")
        .encode(x=x, y=y, tooltip=tooltip)
    )
    return alt.layer(lines, ends, dots).properties(width=400, height=260)


def number_tooltip(name: str) -> Any:
    return alt.Tooltip(f"{name}:Q", format="+.2f" if name != "margin" else ".2f")
