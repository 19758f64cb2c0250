"""Charts of trained arms: recall and differences with intervals, gaps, and the course of training."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from influencespace.evaluation.compare import verdict
from influencespace.metrics.recall import BOTH
from influencespace.ui import colours
from influencespace.ui.influence_charts import plain

_BLUE, _ORANGE, _GREEN, _PINK, _SKY, _VERMILION, _YELLOW = colours.CATEGORIES
# Two more than the palette has, and a grey, chosen so that all are apart for colour-blind eyes as well (CIE76 of 11 or more
# under the simulations of Machado et al. 2009) and from both backgrounds; its yellow would be taken for its orange.
ARMS = {
    "influence": _BLUE, "random": "#5f6b7a", "clip-score": _PINK, "agreement": _GREEN, "full": _ORANGE, "start": _SKY,
    "near-duplicates": _VERMILION, "semantic": "#8f5530", "dynamic": "#7f49f2",
}
VERDICTS = {"above": colours.HELPS, "below": colours.HARMS, "not worse": _SKY, "undecided": colours.GREY}


def recall(results: dict, metric: str, direction: str = BOTH) -> go.Figure:
    """Recall of each arm in a direction with its interval, the best on top."""
    arms = sorted(results["arms"], key=lambda arm: _sortable(arm["recall"][metric][direction]))
    figures = [arm["recall"][metric][direction] for arm in arms]
    names = [arm["arm"] for arm in arms]
    figure = dots(names, figures, [arm_colour(name) for name in names], "%{y}: %{x:.1f} %<extra></extra>")
    figure.update_xaxes(title=f"{metric} on {results['photos']:,} test photos, %, with 95 % interval")
    return plain(figure, height=36 * len(arms) + 80)


def differences(results: dict, metric: str, against: str) -> go.Figure:
    """Paired differences of every arm from one of them; blue is surely above it, orange surely below."""
    entries = [e for e in results["differences"] if e["against"] == against and e["metric"] == metric]
    entries.sort(key=_sortable)
    tints = [VERDICTS[verdict(entry)] for entry in entries]
    figure = dots([entry["arm"] for entry in entries], entries, tints, "%{y}: %{x:+.1f} points<extra></extra>")
    figure.add_vline(x=0, line={"width": 1, "color": colours.GREY})
    figure.update_xaxes(title=f"{metric}: points above {against}, paired, with 95 % interval")
    return plain(figure, height=36 * len(entries) + 80)


def gaps(results: dict, attribute: str) -> go.Figure:
    """The gap in recall between the groups of an attribute, with its interval, the smallest on top."""
    arms = sorted(results["arms"], key=lambda arm: -_sortable(arm["gaps"][attribute]["gap"]))
    figures = [arm["gaps"][attribute]["gap"] for arm in arms]
    names = [arm["arm"] for arm in arms]
    figure = dots(names, figures, [arm_colour(name) for name in names], "%{y}: %{x:.1f} points<extra></extra>")
    figure.update_xaxes(title=f"gap in {results['decides']} between groups of {attribute}, points", rangemode="tozero")
    return plain(figure, height=36 * len(arms) + 80)


def gap_changes(results: dict, attribute: str) -> go.Figure:
    """The paired change of the gap of an attribute from full, the best on top: blue surely shrinks, orange surely widens."""
    entries = [
        entry for entry in results["differences"]
        if entry["metric"] == "gap" and entry["attribute"] == attribute and entry["mean"] is not None
    ]
    entries.sort(key=lambda entry: -entry["mean"])
    tints = [
        colours.HELPS if entry["high"] < 0 else colours.HARMS if entry["low"] > 0 else colours.GREY for entry in entries
    ]
    figure = dots([entry["arm"] for entry in entries], entries, tints, "%{y}: %{x:+.1f} points<extra></extra>")
    figure.add_vline(x=0, line={"width": 1, "color": colours.GREY})
    if entries:
        between = f"{entries[0]['highest']} − {entries[0]['lowest']}"
        figure.update_xaxes(title=f"change of the gap {between}, points: below 0 it shrinks")
    return plain(figure, height=36 * len(entries) + 80)


def curves(table: pd.DataFrame, column: str) -> go.Figure:
    """``loss`` or ``recall`` over the epochs, the mean of the seeds, one line an arm."""
    figure = go.Figure()
    for arm, rows in table.groupby("arm", sort=False):
        mean = rows.groupby("epoch")[column].mean()
        figure.add_scatter(
            x=mean.index, y=mean, name=arm, mode="lines+markers", line={"color": arm_colour(arm), "width": 2},
            marker={"size": 5}, hovertemplate=f"{arm}, epoch %{{x}}: %{{y:.2f}}<extra></extra>",
        )
    figure.update_xaxes(title="epoch", dtick=1 if table["epoch"].max() <= 20 else None)
    figure.update_yaxes(title="validation Recall@10, %" if column == "recall" else "training loss")
    return plain(figure, height=320, legend=True)


def dots(names: list[str], figures: list[dict], tints: list[str], hover: str) -> go.Figure:
    """One dot a name at the mean, with a line from the interval's low to its high end."""
    there = [(n, f, t) for n, f, t in zip(names, figures, tints, strict=True) if f["mean"] is not None]
    figure = go.Figure()
    for name, entry, tint in there:
        low, high = ((entry["mean"] if entry[end] is None else entry[end]) for end in ("low", "high"))
        figure.add_scatter(
            x=[entry["mean"]], y=[name], mode="markers", marker={"size": 11, "color": tint}, hovertemplate=hover,
            error_x={
                "type": "data", "symmetric": False, "array": [high - entry["mean"]], "arrayminus": [entry["mean"] - low],
                "color": tint, "thickness": 2, "width": 0,
            },
        )
    return figure


def arm_colour(arm: str) -> str:
    """The colour of an arm, the same in every chart."""
    return ARMS.get(arm, _YELLOW)


def _sortable(entry: dict) -> float:
    return float("-inf") if entry["mean"] is None else entry["mean"]
