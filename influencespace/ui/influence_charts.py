"""Charts of clusters: in their order with intervals, by their shares, by group, and by how they repeat themselves.

Every point carries its row in ``customdata``, so that clicking it says which cluster it is. Of many clusters only the labelled
ones are named in the figure: names of thousands would be most of what is sent.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from influencespace.influence.chance import Z
from influencespace.ui import colours, wording
from influencespace.ui.chart_labels import arrange
from influencespace.ui.chart_text import show_as_written

# Names of more rows than this do not travel.
NAMED = 300
# The most names beside points, and how many are tried to find room for.
LABELLED, TRIED = 8, 14
ROW = 19
# What lies within chance is so much paler in a heat map.
PALE = 0.3
# Room around the points of a chart with labels, in pixels.
TOP, BOTTOM = 34, 48


def ranked(view: pd.DataFrame, *, axis: str, words: tuple[str, str], chosen: object = None) -> go.Figure:
    """One line a row, from top to bottom: its value with its 95 % interval; a ring where it lies within chance.

    Parameters
    ----------
    view
        ``label``, ``name``, ``value``, ``error`` (NaN where it is not known), ``beyond``; the index goes into ``customdata``.
    axis, words
        What the values are, and what they do above and below zero.
    chosen
        The label of the row that stands out.
    """
    value, names = view["value"].to_numpy(dtype=np.float32), short(view["name"])
    tint = np.where(value >= 0, colours.HELPS, colours.HARMS)
    figure = go.Figure(go.Scatter(
        x=value, y=np.arange(len(view), dtype=np.int32), text=names, customdata=_places(view), mode="markers",
        marker={
            "size": 9, "color": tint, "symbol": np.where(view["beyond"], "circle", "circle-open"),
            "line": {"width": 1.6, "color": tint},
        },
        error_x={
            "type": "data", "array": (Z * view["error"].fillna(0)).to_numpy(dtype=np.float32), "thickness": 1.4, "width": 0,
            "color": colours.GREY,
        },
        hovertemplate="%{text}<br>%{x:+.3~g} ± %{error_x.array:.2g}<extra></extra>",
        selected={"marker": {"opacity": 1}}, unselected={"marker": {"opacity": 1}},
    ))
    figure.add_vline(x=0, line={"width": 1, "color": colours.GREY})
    for place in np.flatnonzero((view["label"] == chosen).to_numpy()):
        figure.add_hrect(y0=place - 0.5, y1=place + 0.5, fillcolor=colours.HELPS, opacity=0.13, line_width=0)
    figure.update_xaxes(title=f"{axis}   ({words[1]} ◂ 0 ▸ {words[0]})", zeroline=False)
    figure.update_yaxes(
        tickvals=np.arange(len(view)), ticktext=names, range=[len(view) - 0.5, -0.5], showgrid=False, zeroline=False,
        automargin=True,
    )
    return plain(figure, height=max(200, ROW * len(view) + 70))


def shares(view: pd.DataFrame, *, chosen: object = None, theme: str, height: int = 430) -> go.Figure:
    """Share of the pairs against share of the benefit; above the diagonal the under-represented, the main ones by name.

    Parameters
    ----------
    view
        ``label``, ``name``, ``data``, ``benefit`` in percent, ``beyond``.
    chosen
        The label of the row that is circled.
    """
    data, benefit = view["data"].to_numpy(dtype=np.float32), view["benefit"].to_numpy(dtype=np.float32)
    tops = [1.08 * max(float(values.max(initial=0)), 1e-9) for values in (data, benefit)]
    ends = [[-0.02 * top, top] for top in tops]
    above = benefit > data
    figure = go.Figure()
    reach = min(tops)
    figure.add_shape(type="line", x0=0, y0=0, x1=reach, y1=reach, line={"width": 1, "dash": "dot", "color": colours.GREY})
    for own, colour, label in ((above, colours.HELPS, "gives more than its share"), (~above, colours.GREY, "gives less")):
        _points(figure, view[own], data[own], benefit[own], f"{label} ({own.sum():,})", {"color": colour})
    figure.update_xaxes(title="share of the pairs, %", range=ends[0], zeroline=False)
    figure.update_yaxes(title="share of the benefit, %", range=ends[1], zeroline=False)
    main = np.flatnonzero(above & view["beyond"].to_numpy())
    _label(figure, view, data, benefit, main[np.argsort(data[main] - benefit[main])], ends, height, theme)
    _circle(figure, view, data, benefit, chosen)
    return plain(figure, height=height, legend=True)


def redundancy(view: pd.DataFrame, *, chosen: object = None, theme: str, height: int = 430) -> go.Figure:
    """How alike the pairs of each are against how many repeat others, coloured by influence; those that repeat most by name.

    Parameters
    ----------
    view
        ``label``, ``name``, ``likeness``, ``repeated`` in percent, ``value``.
    """
    view = view.dropna(subset=["likeness", "repeated"])
    alike, repeated = view["likeness"].to_numpy(dtype=np.float32), view["repeated"].to_numpy(dtype=np.float32)
    ends = [[min(-0.02, 1.08 * float(alike.min(initial=0))), max(1.08 * float(alike.max(initial=0)), 0.1)]]
    top = max(1.08 * float(repeated.max(initial=0)), 1.0)
    ends.append([-0.02 * top, top])
    value, end = view["value"].to_numpy(dtype=np.float32), colours.reach(view["value"])
    figure = go.Figure()
    _points(figure, view, alike, repeated, "", {
        "color": value, "cmin": -end, "cmax": end, "colorscale": stops(colours.diverging(theme)),
        "colorbar": {"tickvals": [-end, 0, end], "ticktext": ["harms", "0", "helps"], "thickness": 12, "outlinewidth": 0},
        "line": {"width": 1, "color": colours.GREY},
    })
    figure.update_xaxes(title="likeness of its pairs (0 = as any two pairs, 1 = all the same)", range=ends[0], zeroline=False)
    figure.update_yaxes(title="pairs that repeat others, %", range=ends[1], zeroline=False)
    most = np.argsort(-repeated, kind="stable")
    _label(figure, view, alike, repeated, most[repeated[most] > 0], ends, height, theme)
    _circle(figure, view, alike, repeated, chosen)
    return plain(figure, height=height).update_layout(margin={"t": TOP})


def heat(values: np.ndarray, beyond: np.ndarray, columns: list[str], rows: pd.DataFrame, *, theme: str) -> go.Figure:
    """Clusters by what they have influence on: blue helps, orange harms, with a sign beyond chance and pale within it.

    Parameters
    ----------
    values, beyond
        (k, columns), and whether they lie beyond chance. Each column has its own measure, for losses differ in size.
    rows
        ``name`` of the k rows; the index goes into ``customdata``.
    """
    values = values.astype(np.float32)
    ends = np.array([colours.reach(column) for column in values.T], dtype=np.float32)
    lines = np.arange(len(rows), dtype=np.int32)
    figure = go.Figure(go.Heatmap(
        z=np.where(beyond, 1, PALE).astype(np.float32) * values / ends, x=columns, y=lines, zmin=-1, zmax=1, xgap=2, ygap=1,
        text=np.where(beyond, np.where(values > 0, "+", "−"), ""), texttemplate="%{text}", hoverinfo="skip",
        colorscale=stops(colours.diverging(theme)),
        colorbar={"tickvals": [-1, 0, 1], "ticktext": ["harms", "0", "helps"], "thickness": 12, "outlinewidth": 0},
    ))
    # Cells cannot be clicked; points that cannot be seen can.
    figure.add_scatter(
        x=columns * len(rows), y=np.repeat(lines, len(columns)), mode="markers", marker={"size": 14, "opacity": 0},
        customdata=np.repeat(_places(rows), len(columns)), text=[f"{value:+.2f}" for value in values.ravel()], showlegend=False,
        hovertemplate="on %{x}: %{text}<extra></extra>", selected={"marker": {"opacity": 0}},
        unselected={"marker": {"opacity": 0}},
    )
    figure.update_xaxes(side="top", tickangle=-30)
    figure.update_yaxes(
        tickvals=np.arange(len(rows)), ticktext=short(rows["name"]), range=[len(rows) - 0.5, -0.5], automargin=True,
    )
    return plain(figure, height=max(220, ROW * len(rows) + 80)).update_layout(margin={"t": 80})


def stops(scale: list[str]) -> list[list]:
    """A scale of equal steps as Plotly takes it."""
    return [[i / (len(scale) - 1), colour] for i, colour in enumerate(scale)]


def short(names: Iterable[str], width: int = 40) -> list[str]:
    """Names cut to a width, still different from each other; what sets the strata of a topic apart is kept."""
    taken: dict[str, int] = {}
    cut = []
    for name in names:
        head, found, tail = wording.cluster(name).partition(" · ")
        tail = found + tail
        text = head + tail if len(head + tail) <= width else head[: width - 1 - len(tail)] + "…" + tail
        taken[text] = taken.get(text, 0) + 1
        cut.append(text if taken[text] == 1 else f"{text} ({taken[text]})")
    return cut


def plain(figure: go.Figure, *, height: int, legend: bool = False) -> go.Figure:
    """No background of its own, little room around, and a legend on top if there is one; names are text, whatever they hold."""
    show_as_written(figure)
    figure.update_layout(
        height=height, margin={"l": 8, "r": 8, "t": TOP if legend else 12, "b": 8}, showlegend=legend,
        paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="rgba(0,0,0,0)",
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0}, bargap=0.35,
    )
    figure.update_yaxes(automargin=True)
    figure.update_xaxes(automargin=True)
    return figure


def _places(rows: pd.DataFrame) -> np.ndarray:
    return rows.index.to_numpy(dtype=np.int32)


def _points(figure: go.Figure, rows: pd.DataFrame, x: np.ndarray, y: np.ndarray, name: str, marker: dict) -> None:
    named = len(rows) <= NAMED
    figure.add_scatter(
        x=x, y=y, text=short(rows["name"]) if named else None, customdata=_places(rows), name=name,
        mode="markers", showlegend=bool(name), marker={"size": 9, "line": {"width": 1, "color": "rgba(255,255,255,.7)"}} | marker,
        hovertemplate=("%{text}<br>" if named else "") + "%{x:.3~g}, %{y:.3~g} %<extra></extra>",
        selected={"marker": {"opacity": 1}}, unselected={"marker": {"opacity": 1}},
    )


def _label(
    figure: go.Figure, view: pd.DataFrame, x: np.ndarray, y: np.ndarray, which: np.ndarray, ends: list[list[float]], height: int,
    theme: str,
) -> None:
    """Names beside the first of some points for which there is room."""
    across, upward = ((values - low) / (high - low) for values, (low, high) in zip((x, y), ends, strict=True))
    names = short(view["name"].iloc[which[:TRIED]])
    places = arrange(across, upward, which[:TRIED], names, height - TOP - BOTTOM)
    labelled = [(row, name, place) for row, name, place in zip(which, names, places, strict=False) if place is not None]
    for row, name, place in labelled[:LABELLED]:
        figure.add_annotation(
            x=x[row], y=y[row], text=name, ax=place.right, ay=-place.up, xanchor="left" if place.right > 0 else "right",
            showarrow=True, arrowhead=0, arrowwidth=1, arrowcolor=colours.GREY, standoff=5, borderpad=0,
            font={"size": 12, "color": colours.INK[theme]},
        )


def _circle(figure: go.Figure, view: pd.DataFrame, x: np.ndarray, y: np.ndarray, chosen: object) -> None:
    own = (view["label"] == chosen).to_numpy()
    figure.add_scatter(
        x=x[own], y=y[own], mode="markers", showlegend=False, hoverinfo="skip",
        marker={"size": 17, "symbol": "circle-open", "color": colours.CHOSEN, "line": {"width": 2.5}},
    )
