"""Charts of the ablations: a figure over the values of one setting, each value with its interval, the own one marked."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from influencespace.evaluation.ablation_figures import GAP
from influencespace.evaluation.compare import verdict
from influencespace.ui import colours
from influencespace.ui.influence_charts import plain
from influencespace.ui.training_charts import VERDICTS

HEIGHT = 240


def over_values(rows: pd.DataFrame, differences: bool) -> go.Figure:
    """One figure over the values of a setting: where it stands, or its paired difference from the workspace's own.

    Parameters
    ----------
    rows
        Those of one setting and one metric, in the order of the values.
    differences
        Whether differences are drawn.
    """
    # Values are a step apart each, however far the numbers are: dampings lie decades apart.
    values = [f"{value:g}" for value in rows["value"]]
    level, low, high = ("change", "change_low", "change_high") if differences else ("mean", "low", "high")
    heights = rows[level].fillna(0.0)
    figure = go.Figure()
    figure.add_scatter(
        x=values, y=heights, mode="lines", line={"color": colours.GREY, "width": 1}, hoverinfo="skip", showlegend=False
    )
    for value, row in zip(values, rows.to_dict("records"), strict=True):
        height = 0.0 if differences and row["own"] else row[level]
        tint = colours.CHOSEN if row["own"] else _tint(row)
        marker = {"size": 13, "color": tint, "symbol": "diamond"} if row["own"] else {"size": 10, "color": tint}
        bare = differences and row["own"]
        figure.add_scatter(
            x=[value], y=[height], mode="markers", marker=marker, showlegend=False,
            error_y=None if bare else {
                "type": "data", "symmetric": False, "array": [row[high] - height], "arrayminus": [height - row[low]],
                "color": tint, "thickness": 2, "width": 0,
            },
            hovertemplate=f"{row['knob']} {value}{' (own)' if row['own'] else ''}: "
            + ("%{y:+.1f} points" if differences or row["metric"] == GAP else "%{y:.1f} %")
            + ("" if bare else f" [{row[low]:.1f}, {row[high]:.1f}]") + "<extra></extra>",
        )
    if differences or rows["metric"].iloc[0] == GAP:
        figure.add_hline(y=0, line={"width": 1, "color": colours.GREY})
    figure.update_xaxes(type="category", categoryorder="array", categoryarray=values)
    figure.update_yaxes(title=_title(rows.iloc[0], differences))
    return plain(figure, height=HEIGHT)


def _tint(row: dict) -> str:
    """Blue where it is surely better than the own value, orange where surely worse: a gap is better where it is smaller."""
    if row["metric"] != GAP:
        return VERDICTS[verdict({"low": row["change_low"], "high": row["change_high"]})]
    return colours.HELPS if row["change_high"] < 0 else colours.HARMS if row["change_low"] > 0 else colours.GREY


def _title(row: pd.Series, differences: bool) -> str:
    what = f"gap {row['ahead']} − {row['behind']}" if row["metric"] == GAP else row["metric"]
    return f"{what}: points from own" if differences else f"{what}, {'points' if row['metric'] == GAP else '%'}"
