"""Charts of what a method does to capability and to safety beyond it, with their Pareto front."""

import altair as alt
import numpy as np
import polars as pl
from scipy import stats

from stages.page.charts import Spec, method_scales, rows_of, spec_of
from stages.page.pareto import pareto_front
from stages.page.verdict_charts import number_tooltip


def capability_plane(rows: pl.DataFrame, *, methods: list[str], unit: str) -> Spec:
    """A method's effect on capability (E) against its effect on safety beyond it (D), with joint ellipses, the front
    of both and the margins as a box. `rows` is of VERDICTS, of one measurement.
    """
    colours, shapes = method_scales(methods)
    colour = alt.Color("method:N", title="method", scale=colours)
    titles = "effect on capability, E (capability score)", f"safety beyond capability, D ({unit})"
    x, y = alt.X("capability:Q", title=titles[0]), alt.Y("beyond:Q", title=titles[1])
    box = pl.DataFrame({"x": [-rows["capability_margin"][0]], "y": [-rows["margin"][0]]})
    box = box.with_columns(x2=-pl.col("x"), y2=-pl.col("y"))
    inside = alt.Chart(rows_of(box), name="margins").mark_rect(color="#808080", opacity=0.2)
    axes = [
        alt.Chart(rows_of(pl.DataFrame({name: [0]})), name=f"no_{name}")
        .mark_rule(color="#808080")
        .encode(**{name: f"{name}:Q"})
        for name in ("x", "y")
    ]
    columns = ["method", "label", "capability", "beyond", "total", "margin", "pairs", "models"]
    picked = alt.selection_point(name="picked", fields=["method"], bind="legend")
    faded = alt.condition(picked, alt.value(1), alt.value(0.08))
    rings = (
        alt.Chart(rows_of(ellipses(rows)), name="ellipses")
        .mark_line(strokeWidth=1.5)
        .encode(x=x, y=y, color=colour, order="order:Q", opacity=faded)
    )
    dots = (
        alt.Chart(rows_of(rows.select(columns)), name="methods")
        .mark_point(filled=True, size=90)
        .encode(
            x=x,
            y=y,
            color=colour,
            shape=alt.Shape("method:N", title="method", scale=shapes),
            opacity=faded,
            tooltip=["method:N", "label:N", *(number_tooltip(name) for name in columns[2:6]), "pairs:Q", "models:Q"],
        )
        .add_params(picked)
    )
    box_drawn = inside.encode(x="x:Q", x2="x2:Q", y="y:Q", y2="y2:Q")
    layered = alt.layer(box_drawn, *axes, _front_line(rows, x, y), rings, dots)
    return spec_of(layered.properties(width=620, height=380))


def ellipses(rows: pl.DataFrame, points: int = 60) -> pl.DataFrame:
    """The joint region of E and D of each row at its level (an ellipse from their standard errors and correlation, with
    F(2, df - 1) for the few units): method, capability, beyond, order.
    """
    angle = np.linspace(0, 2 * np.pi, points + 1)
    frames = []
    needed = ("capability_se", "beyond_se", "capability_beyond_correlation")
    for row in rows.iter_rows(named=True):
        if any(row[name] is None for name in needed) or row["beyond_df"] < 2:
            continue
        df, rho = min(row["capability_df"], row["beyond_df"]), row["capability_beyond_correlation"]
        radius = float(np.sqrt(2 * df / (df - 1) * stats.f.isf(row["alpha"], 2, df - 1)))
        u, v = np.cos(angle), rho * np.cos(angle) + np.sqrt(max(1 - rho**2, 0)) * np.sin(angle)
        frames.append(
            pl.DataFrame(
                {
                    "method": row["method"],
                    "capability": row["capability"] + radius * row["capability_se"] * u,
                    "beyond": row["beyond"] + radius * row["beyond_se"] * v,
                    "order": np.arange(points + 1),
                }
            )
        )
    empty = {"method": pl.String, "capability": pl.Float64, "beyond": pl.Float64, "order": pl.Int64}
    return pl.concat(frames) if frames else pl.DataFrame(schema=empty)


def pillar_fronts(rows: pl.DataFrame, *, methods: list[str]) -> Spec:
    """E against D over each pillar in margins, with the interval of each, and the front: a panel a pillar. `rows` has
    method, placebo, pillar, capability and beyond, both with `_lower` and `_upper`.
    """
    colours, shapes = method_scales(methods)
    colour = alt.Color("method:N", title="method", scale=colours)
    x = alt.X("capability:Q", title="effect on capability, E")
    y = alt.Y("beyond:Q", title="safety beyond capability, in margins")
    panels = []
    for (pillar,), own in rows.sort("pillar", "method").group_by("pillar", maintain_order=True):
        base = alt.Chart(rows_of(own))
        across = base.mark_rule(strokeWidth=1.5, opacity=0.45).encode(
            x=alt.X("capability_lower:Q"), x2="capability_upper:Q", y=y, color=colour
        )
        up = base.mark_rule(strokeWidth=1.5, opacity=0.45).encode(
            x=x, y=alt.Y("beyond_lower:Q"), y2="beyond_upper:Q", color=colour
        )
        names = ("capability", "beyond")
        ends = [f"{name}{end}" for name in names for end in ("", "_lower", "_upper")]
        dots = base.mark_point(filled=True, size=80, opacity=1).encode(
            x=x,
            y=y,
            color=colour,
            shape=alt.Shape("method:N", title="method", scale=shapes),
            tooltip=["method:N", *map(number_tooltip, ends)],
        )
        layered = alt.layer(_front_line(own, x, y, f"front_{pillar}"), across, up, dots)
        panels.append(layered.properties(width=300, height=240, title=str(pillar)))
    return spec_of(alt.concat(*panels, columns=2))


def _front_line(rows: pl.DataFrame, x: alt.X, y: alt.Y, name: str = "front") -> alt.Chart:
    """The front as steps; placebos have no place on it."""
    front = pareto_front(rows.filter(~pl.col("placebo")).drop_nulls(["capability", "beyond"]))
    line = alt.Chart(rows_of(front), name=name).mark_line(
        color="currentColor", strokeDash=[2, 3], interpolate="step-before"
    )
    drawn: alt.Chart = line.encode(x=x, y=y, order=alt.Order("capability:Q"))
    return drawn
