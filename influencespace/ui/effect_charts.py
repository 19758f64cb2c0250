"""Charts of removal effects: of every cluster, beside retraining, and of whole plans along the reduction ratio."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from influencespace.influence.targets import OVERALL
from influencespace.ui import colours
from influencespace.ui.influence_charts import plain, short, stops
from influencespace.ui.prediction import Preview

# More bars than this leave no room for their outlines.
OUTLINED = 150
AS_PROPOSED = "plan of %{x:.0f} % as proposed,<br>up-weight cap %{customdata:g} ×, no decisions"


def effects(rows: pd.DataFrame, target: str, theme: str) -> go.Figure:
    """The removal effect of every cluster on a target, one bar each, from the least missed to the most missed.

    Parameters
    ----------
    rows
        ``name`` and the effect under the target's name.
    target
        What the effect is on.
    theme
        ``light`` or ``dark``.
    """
    ordered = rows.sort_values(target)
    values = ordered[target].to_numpy(dtype=np.float32)
    end = colours.reach(values)
    figure = go.Figure(go.Bar(
        x=short(ordered["name"], 70), y=values,
        marker={
            "color": values, "cmin": -end, "cmax": end, "colorscale": stops(colours.diverging(theme)),
            "line": {"width": 1 if len(values) <= OUTLINED else 0, "color": colours.GREY},
        },
        hovertemplate="%{y:+.3g}<extra></extra>",
    ))
    figure.add_hline(y=0, line={"width": 1, "color": colours.GREY})
    figure.update_xaxes(title="clusters, from the least missed to the most missed", showticklabels=False, showgrid=False)
    figure.update_yaxes(title=f"rise of the loss ({target}) without it")
    # The name shows wherever the pointer is above or below a bar, for many are too short to be hit.
    return plain(figure, height=270).update_layout(bargap=0.15, hovermode="x unified")


def check(rows: pd.DataFrame, names: dict[str, str]) -> go.Figure:
    """Predicted against retrained effects of the clusters that were left out, on one target.

    Parameters
    ----------
    rows
        ``cluster, predicted, first_order, actual``.
    names
        The names of clusters.
    """
    named = [names.get(cluster, cluster) for cluster in rows["cluster"]]
    every = rows[["predicted", "first_order", "actual"]].to_numpy()
    ends = [float(every.min()), float(every.max())]
    figure = go.Figure()
    figure.add_shape(
        type="line", x0=ends[0], y0=ends[0], x1=ends[1], y1=ends[1], line={"width": 1, "dash": "dot", "color": colours.GREY}
    )
    for column, label, marker in (
        ("first_order", "first order, for comparison", {"size": 8, "symbol": "circle-open", "color": colours.GREY}),
        ("predicted", "removal effect", {"size": 9, "color": colours.HELPS}),
    ):
        figure.add_scatter(
            x=rows[column], y=rows["actual"], text=named, name=label, mode="markers", marker=marker,
            hovertemplate=f"%{{text}}<br>{label}: %{{x:+.3g}}<br>retrained: %{{y:+.3g}}<extra></extra>",
        )
    figure.update_xaxes(title="predicted rise of the loss")
    figure.update_yaxes(title="after retraining")
    return plain(figure, height=320, legend=True)


def tradeoff(preview: Preview, present: float, plans: pd.DataFrame | None) -> go.Figure:
    """Predicted gains of every target along the reduction ratio, the gaps dashed, the present ratio marked.

    Parameters
    ----------
    preview
        What is predicted.
    present
        The present reduction ratio.
    plans
        ``reduction, cap, target, actual`` of plans that were retrained; None where none were.
    """
    percent, now = 100 * preview.ratios, int(np.argmin(np.abs(preview.ratios - present)))
    figure = go.Figure()
    lines = preview.gains | {f"gap: {name}": narrowing for name, narrowing in preview.gaps.items()}
    tints = dict(zip(lines, colours.categories(len(lines)), strict=True))
    for name, gain in lines.items():
        look = {"color": tints[name], "width": 3 if name == OVERALL else 2, "dash": "solid" if name in preview.gains else "dash"}
        _line(figure, percent, gain, now, name, look)
    for name, rows in [] if plans is None else plans.groupby("target", sort=False):
        figure.add_scatter(
            x=100 * rows["reduction"], y=rows["actual"], customdata=rows["cap"], mode="markers",
            showlegend=False, legendgroup=name, marker={"size": 7, "color": tints[name], "symbol": "diamond"},
            hovertemplate=f"{name}, retrained: %{{y:+.3g}}<br>{AS_PROPOSED}<extra></extra>",
        )
    figure.add_vline(x=100 * present, line={"width": 1, "dash": "dot", "color": colours.GREY})
    figure.add_hline(y=0, line={"width": 1, "color": colours.GREY})
    figure.update_xaxes(title="reduction ratio, %", dtick=20)
    figure.update_yaxes(title="fall of the loss")
    # Many short names have to fit above a narrow chart.
    return plain(figure, height=320, legend=True).update_layout(legend={"font": {"size": 11}, "itemwidth": 30})


def _line(figure: go.Figure, percent: np.ndarray, gain: np.ndarray, now: int, name: str, line: dict) -> None:
    size = np.zeros(len(percent))
    size[now] = 9
    figure.add_scatter(
        x=percent, y=gain.astype(np.float32), name=name, legendgroup=name, mode="lines+markers", line=line,
        marker={"size": size, "color": line["color"]}, hovertemplate=f"{name} at %{{x:.0f}} %: %{{y:+.3g}}<extra></extra>",
    )
