"""Charts of the selection score: by cluster with intervals, against the share of the data, and by group."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from influencespace.ui import colours

# Of an error of the mean, a 95 % interval.
Z = 1.96


def intervals(clusters: pd.DataFrame, target: str) -> go.Figure:
    """Mean selection score on a target with its 95 % interval, one line a cluster, the most helpful on top.

    Parameters
    ----------
    clusters
        ``name``, ``TARGET.mean`` and ``TARGET.error``.
    target
        What the score is about.
    """
    rows = clusters.sort_values(f"{target}.mean")
    mean, reach = rows[f"{target}.mean"].to_numpy(), Z * rows[f"{target}.error"].fillna(0).to_numpy()
    figure = go.Figure(go.Scatter(
        x=mean, y=short(rows["name"]), mode="markers",
        marker={"size": 9, "color": np.where(mean >= 0, colours.HELPS, colours.HARMS)},
        error_x={"type": "data", "array": reach, "thickness": 1.4, "width": 0, "color": colours.GREY},
        hovertemplate="%{y}<br>%{x:+.3g} ± %{error_x.array:.2g}<extra></extra>",
    ))
    figure.add_vline(x=0, line={"width": 1, "color": colours.GREY})
    figure.update_xaxes(title=f"selection score on {target}: mean, 95 % interval   (harms ◂ 0 ▸ helps)")
    return plain(figure, height=max(220, 21 * len(rows) + 90))


def shares(clusters: pd.DataFrame) -> go.Figure:
    """Share of the pairs against share of the positive influence; above the diagonal are the under-represented."""
    end = 1.08 * max(clusters["share_pairs"].max(), clusters["share_benefit"].max(), 1e-9) * 100
    above = (clusters["share_benefit"] > clusters["share_pairs"]).to_numpy()
    figure = go.Figure()
    figure.add_shape(type="line", x0=0, y0=0, x1=end, y1=end, line={"width": 1, "dash": "dot", "color": colours.GREY})
    for rows, colour, label in (
        (clusters[above], colours.HELPS, "gives more than its share"), (clusters[~above], colours.GREY, "gives less"),
    ):
        figure.add_scatter(
            x=100 * rows["share_pairs"], y=100 * rows["share_benefit"], text=short(rows["name"]),
            mode="markers", name=label,
            marker={"size": 10, "color": colour, "line": {"width": 1, "color": "rgba(255,255,255,.7)"}},
            hovertemplate="%{text}<br>%{x:.1f} % of the pairs<br>%{y:.1f} % of the benefit<extra></extra>",
        )
    figure.update_xaxes(title="share of the pairs, %", range=[0, end])
    figure.update_yaxes(title="share of the benefit, %", range=[0, end])
    return plain(figure, height=380, legend=True)


def heat(clusters: pd.DataFrame, targets: list[str], theme: str) -> go.Figure:
    """Clusters by targets: blue helps, orange harms. Each target has its own measure, for their losses differ in size."""
    rows = clusters.sort_values(f"{targets[0]}.mean")
    values = rows[[f"{target}.mean" for target in targets]].to_numpy(dtype=np.float32)
    ends = np.array([colours.reach(column) for column in values.T], dtype=np.float32)
    figure = go.Figure(go.Heatmap(
        z=values / ends, x=targets, y=short(rows["name"]), customdata=values, zmin=-1, zmax=1, xgap=2, ygap=1,
        colorscale=stops(colours.diverging(theme)),
        colorbar={"tickvals": [-1, 0, 1], "ticktext": ["harms", "0", "helps"], "thickness": 12, "outlinewidth": 0},
        hovertemplate="%{y}<br>on %{x}: %{customdata:+.3g}<extra></extra>",
    ))
    figure.update_xaxes(side="top")
    return plain(figure, height=max(240, 19 * len(rows) + 90))


def stops(scale: list[str]) -> list[list]:
    """A scale of equal steps as Plotly takes it."""
    return [[i / (len(scale) - 1), colour] for i, colour in enumerate(scale)]


def short(names: pd.Series, width: int = 44) -> list[str]:
    """Names cut to a width, still different from each other."""
    taken: dict[str, int] = {}
    cut = []
    for name in names:
        text = name if len(name) <= width else name[: width - 1] + "…"
        taken[text] = taken.get(text, 0) + 1
        cut.append(text if taken[text] == 1 else f"{text} ({taken[text]})")
    return cut


def plain(figure: go.Figure, *, height: int, legend: bool = False) -> go.Figure:
    """No background of its own, little room around, and a legend on top if there is one."""
    figure.update_layout(
        height=height, margin={"l": 8, "r": 8, "t": 34 if legend else 12, "b": 8}, showlegend=legend,
        paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="rgba(0,0,0,0)",
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0}, bargap=0.35,
    )
    figure.update_yaxes(automargin=True)
    figure.update_xaxes(automargin=True)
    return figure
