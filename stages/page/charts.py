"""The report's charts, as Vega-Lite specifications with their data inside. Same tables, same bytes: every name in them
is given here.
"""

from collections.abc import Sequence
from typing import Any

import altair as alt
import polars as pl

from analysis.tables import BASELINE
from stages.page.format import MINUS

Spec = dict[str, Any]

STANDARD_COLOUR = "#7a7a7a"
# Okabe and Ito (2008), less black and yellow: distinct under colour blindness, readable on white and on black.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
SHAPES = ("square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-right", "triangle-left")
CLAMP = 3.0  # standard deviations at which the heat map's colour ends

# currentColor follows the page, light, dark or printed; on its own a picture reads it as black.
CONFIG: Spec = {
    "font": "sans-serif",
    "background": "transparent",
    "view": {"stroke": None},
    "axis": {
        "labelColor": "currentColor",
        "titleColor": "currentColor",
        "domainColor": "currentColor",
        "tickColor": "currentColor",
        "gridColor": "#808080",
        "gridOpacity": 0.25,
        "labelFontSize": 12,
        "titleFontSize": 13,
        "labelLimit": 400,
    },
    "legend": {
        "labelColor": "currentColor",
        "titleColor": "currentColor",
        "labelFontSize": 12,
        "symbolLimit": 0,
        "symbolBaseFillColor": "#808080",
    },
    "title": {"color": "currentColor", "fontSize": 14, "anchor": "start"},
    "header": {
        "labelColor": "currentColor",
        "titleColor": "currentColor",
        "labelFontSize": 12,
        "labelFontWeight": "bold",
    },
}


def method_scales(methods: list[str]) -> tuple[alt.Scale, alt.Scale]:
    """Colour and shape of each method, the same in every chart of a page; standard is a grey circle."""
    others = [name for name in methods if name != BASELINE]
    order = [*([BASELINE] if BASELINE in methods else []), *others]
    extra = len(order) - len(others)
    colours = [STANDARD_COLOUR] * extra + [COLOURS[i % len(COLOURS)] for i in range(len(others))]
    shapes = ["circle"] * extra + [SHAPES[i % len(SHAPES)] for i in range(len(others))]
    return alt.Scale(domain=order, range=colours), alt.Scale(domain=order, range=shapes)


def safety_against_capability(
    points: pl.DataFrame,
    ladder: pl.DataFrame,
    *,
    methods: list[str],
    titles: tuple[str, str],
    percent: bool,
    falling: bool,
    shares: bool = False,
) -> Spec:
    """A point per run, its method as colour and shape, its parameters as size, and the ladder of the standard runs with
    its band.

    `points` has x, y, method, model, family, parameters, seed; `ladder` has x, y, lower and upper, all as measured.
    `titles` are of x and y; percent and shares say whether y and x are shares in [0, 1]; `falling` turns the y axis so
    that up is safer where lower is.
    """
    x, y = titles
    x_axis = alt.X("x:Q", title=x, scale=alt.Scale(zero=False), axis=_axis(shares))
    scale = alt.Scale(zero=False, reverse=falling)
    y_axis = alt.Y("y:Q", title=y, scale=scale, axis=_axis(percent))
    colours, shapes = method_scales(methods)
    picked = alt.selection_point(name="picked", fields=["method"], bind="legend")
    encoding: dict[str, Any] = {
        "x": x_axis,
        "y": y_axis,
        "color": alt.Color("method:N", title="method", scale=colours),
        "shape": alt.Shape("method:N", title="method", scale=shapes),
        "opacity": alt.condition(picked, alt.value(0.75), alt.value(0.06)),
        "tooltip": [
            *("method:N", "model:N", "family:N", alt.Tooltip("parameters:Q", format=".3s"), "seed:O"),
            alt.Tooltip("x:Q", title=x, format=_format(shares)),
            alt.Tooltip("y:Q", title=y, format=_format(percent)),
        ],
    }
    if points["parameters"].null_count() == 0:
        encoding["size"] = alt.Size(
            "parameters:Q",
            title="parameters",
            scale=alt.Scale(type="log", range=[20, 200]),
            legend=alt.Legend(format=".1s", tickCount=4),
        )
    dots = alt.Chart(rows_of(points), name="runs").mark_point(filled=True).encode(**encoding).add_params(picked)
    fitted = alt.Chart(rows_of(ladder))
    band = (
        fitted.mark_area(color="#808080", opacity=0.2)
        .properties(name="band")
        .encode(x=x_axis, y=alt.Y("lower:Q", scale=scale), y2="upper:Q")
    )
    line = (
        fitted.mark_line(color="currentColor", strokeDash=[6, 4]).properties(name="ladder").encode(x=x_axis, y=y_axis)
    )
    return spec_of(alt.layer(band, line, dots).properties(width=620, height=420))


def effect_map(cells: pl.DataFrame, *, methods: list[str], measurements: list[str]) -> Spec:
    """Method by measurement, the standardised effect as colour and number, a dot where the 95 % interval leaves out 0.

    `cells` has method, measurement, group, standardised, interval, standardised interval, effect, pairs, models, beyond
    (not 0 where the interval leaves out 0).
    """
    x = alt.X(
        "method:N", sort=methods, title=None, axis=alt.Axis(orient="top", labelAngle=-40, domain=False, ticks=False)
    )
    y = alt.Y("measurement:N", sort=measurements, title=None, axis=alt.Axis(domain=False, ticks=False))
    colour = alt.Color(
        "standardised:Q",
        title="effect (standard deviations)",
        scale=alt.Scale(scheme="blueorange", domain=[-CLAMP, CLAMP], reverse=True, clamp=True),
        legend=alt.Legend(orient="bottom", gradientLength=240),
    )
    tooltip = ["method:N", "measurement:N", "effect:N", "interval:N", "standardised interval:N", "pairs:Q", "models:Q"]
    strong = f"abs(datum.standardised) > {0.65 * CLAMP}"
    ink = alt.condition(strong, alt.value("white"), alt.value("black"))
    boxes = alt.Chart().mark_rect(stroke="#80808040").encode(x=x, y=y, color=colour, tooltip=tooltip)
    words = alt.Chart().mark_text(fontSize=11).encode(x=x, y=y, text=alt.Text("shown:N"), color=ink, tooltip=tooltip)
    shown = pl.format(
        "{}{}",
        pl.when(pl.col("beyond") != 0).then(pl.lit("•\u2009")).otherwise(pl.lit("")),
        pl.col("standardised").map_elements(_signed, pl.String),
    )
    layered = alt.layer(boxes, words, data=rows_of(cells.with_columns(shown=shown))).properties(
        width=alt.Step(max(42, min(64, 900 // max(1, len(methods))))), height=alt.Step(24)
    )
    faceted = layered.facet(
        row=alt.Row(
            "group:N",
            title=None,
            sort=_groups(cells),
            header=alt.Header(labelAngle=0, labelAnchor="start", labelOrient="top", labelPadding=2),
        )
    )
    return spec_of(faceted.resolve_scale(y="independent").properties(spacing=6))


def correlation_intervals(rows: pl.DataFrame, *, measurements: list[str], populations: Sequence[str]) -> Spec:
    """Spearman's correlation with capability per measurement and population, with its 95 % interval.

    `rows` has measurement, population, estimate, low, high, n, families.
    """
    order = list(populations)
    y = alt.Y("measurement:N", sort=measurements, title=None)
    offset = alt.YOffset("population:N", sort=order)
    colour = alt.Color(
        "population:N", sort=order, title="population", scale=alt.Scale(domain=order, range=list(COLOURS[: len(order)]))
    )
    shape = alt.Shape(
        "population:N", title="population", scale=alt.Scale(domain=order, range=["circle", *SHAPES][: len(order)])
    )
    domain = alt.Scale(domain=[-1, 1])
    tooltip = ["measurement:N", "population:N"] + [
        alt.Tooltip(f"{name}:Q", format=".2f") for name in ("estimate", "low", "high")
    ]
    tooltip += ["n:Q", "families:Q"]
    title = "Spearman correlation with the capability score (95 % interval)"
    bars = (
        alt.Chart()
        .mark_rule(strokeWidth=2)
        .encode(x=alt.X("low:Q", title=title, scale=domain), x2="high:Q", y=y, yOffset=offset, color=colour)
    )
    dots = (
        alt.Chart()
        .mark_point(filled=True, size=55, opacity=1)
        .encode(
            x=alt.X("estimate:Q", title=title, scale=domain),
            y=y,
            yOffset=offset,
            color=colour,
            shape=shape,
            tooltip=tooltip,
        )
    )
    zero = alt.Chart(rows_of(pl.DataFrame({"x": [0]})), name="zero").mark_rule(color="#808080").encode(x=alt.X("x:Q"))
    return spec_of(
        alt.layer(zero, alt.layer(bars, dots, data=rows_of(rows))).properties(width=560, height=alt.Step(14))
    )


def rows_of(frame: pl.DataFrame) -> alt.InlineData:
    """The frame as inline data: altair's own way refuses more than 5,000 rows."""
    return alt.InlineData(values=frame.to_dicts())


def _axis(percent: bool) -> alt.Axis:
    return alt.Axis(format="~%") if percent else alt.Axis(format="~g")


def _format(percent: bool) -> str:
    return ".1%" if percent else ".3g"


def _signed(value: float) -> str:
    text = f"{value:+.1f}".replace("-", MINUS)
    return "0.0" if text[1:] == "0.0" else text


def _groups(cells: pl.DataFrame) -> list[str]:
    return cells["group"].unique(maintain_order=True).to_list()


def spec_of(chart: alt.TopLevelMixin) -> Spec:
    """The chart as plain JSON, data and all, without the address of its schema (the page loads nothing)."""
    spec: Spec = chart.to_dict()
    spec.pop("$schema", None)
    return {**spec, "config": CONFIG}
