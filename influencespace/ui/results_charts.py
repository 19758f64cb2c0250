"""Charts of what training has shown beside the recalls: further measures, predicted against measured, plans retrained, time."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from influencespace.evaluation.compare import BASELINE
from influencespace.evaluation.further import Measure
from influencespace.ui import colours, wording
from influencespace.ui.influence_charts import plain
from influencespace.ui.training_charts import arm_colour, dots


def predicted(rows: pd.DataFrame) -> go.Figure:
    """The predicted fall of each target's loss against the measured rise of its recall, with intervals.

    Parameters
    ----------
    rows
        Of :func:`influencespace.evaluation.report.predictions`.
    """
    figure = go.Figure()
    for row, tint in zip(rows.to_dict("records"), colours.categories(len(rows)), strict=True):
        low, high, name = row["low"], row["high"], wording.target(row["target"])
        figure.add_scatter(
            x=[row["predicted"]], y=[row["mean"]], name=name, mode="markers", marker={"size": 11, "color": tint},
            error_y={
                "type": "data", "symmetric": False, "array": [high - row["mean"]], "arrayminus": [row["mean"] - low],
                "color": tint, "thickness": 2, "width": 0,
            },
            hovertemplate=f"{name}<br>predicted: loss falls by %{{x:.3f}}<br>measured: recall rises by %{{y:.1f}} points"
            f" [{low:.1f}, {high:.1f}]<extra></extra>",
        )
    for line in (figure.add_hline, figure.add_vline):
        line(0, line={"width": 1, "color": colours.GREY})
    figure.update_xaxes(title="predicted: fall of the validation loss", rangemode="tozero")
    figure.update_yaxes(title="measured: R@10 above full, points", rangemode="tozero")
    return plain(figure, height=340, legend=True)


def retrained(plans: pd.DataFrame) -> go.Figure:
    """Predicted against retrained gains of whole plans, one colour a target, with the line of equality.

    Parameters
    ----------
    plans
        ``reduction, cap, target, predicted, actual``.
    """
    values = plans[["predicted", "actual"]].to_numpy()
    ends = [float(min(values.min(), 0)), float(values.max())]
    figure = go.Figure()
    figure.add_shape(
        type="line", x0=ends[0], y0=ends[0], x1=ends[1], y1=ends[1], line={"width": 1, "dash": "dot", "color": colours.GREY}
    )
    targets = plans["target"].drop_duplicates()
    for target, tint in zip(targets, colours.categories(len(targets)), strict=True):
        rows, name = plans[plans["target"] == target], wording.target(target)
        figure.add_scatter(
            x=rows["predicted"], y=rows["actual"], customdata=100 * rows["reduction"], name=name, mode="markers",
            marker={"size": 9, "color": tint, "symbol": "diamond"},
            hovertemplate=f"{name}, without %{{customdata:.0f}} % of the pairs<br>predicted: %{{x:+.3f}}<br>"
            "retrained: %{y:+.3f}<extra></extra>",
        )
    figure.update_xaxes(title="predicted: fall of the validation loss")
    figure.update_yaxes(title="after retraining")
    return plain(figure, height=340, legend=True)


def seconds(results: dict) -> go.Figure:
    """Seconds that each arm took, training in its colour and before it, in grey, what choosing its pairs took."""
    arms = [arm for arm in reversed(results["arms"]) if arm["seconds"]["training"] is not None]
    names = [arm["arm"] for arm in arms]
    figure = go.Figure()
    for part, tint, label in (
        ("scoring", colours.mix(colours.GREY, "#ffffff", 0.35), "choosing the pairs"),
        ("training", [arm_colour(name) for name in names], "training"),
    ):
        figure.add_bar(
            x=[arm["seconds"][part] for arm in arms], y=names, orientation="h", name=label, marker={"color": tint},
            hovertemplate=f"%{{y}}, {label}: %{{x:.1f}} s<extra></extra>",
        )
    figure.update_layout(barmode="stack")
    figure.update_xaxes(title="seconds, mean of the seeds: grey for choosing the pairs, in colour for training")
    return plain(figure, height=34 * len(arms) + 80)


def measure(of: Measure) -> go.Figure:
    """A measure of each arm with its interval, the best on top."""
    there = sorted(
        ((arm, figure) for arm, figure in of.figures.items() if figure["mean"] is not None),
        key=lambda item: item[1]["mean"] if of.higher else -item[1]["mean"],
    )
    figure = dots(
        [arm for arm, _ in there], [entry for _, entry in there], [arm_colour(arm) for arm, _ in there],
        f"%{{y}}: %{{x:.{of.digits}f}}{of.unit}<extra></extra>",
    )
    figure.update_xaxes(title=f"{of.name}{_in(of.unit)}, with 95 % interval")
    return plain(figure, height=36 * len(there) + 80)


def measure_differences(of: Measure) -> go.Figure:
    """Paired differences of a measure from the arm that has all pairs: blue is surely better, orange surely worse."""
    there = sorted(
        ((arm, entry) for arm, entry in of.differences.items() if entry["mean"] is not None),
        key=lambda item: item[1]["mean"] if of.higher else -item[1]["mean"],
    )
    tints = {"better": colours.HELPS, "worse": colours.HARMS, "undecided": colours.GREY}
    unit = " points" if of.unit == " %" else of.unit
    figure = dots(
        [arm for arm, _ in there], [entry for _, entry in there], [tints[of.verdict(arm)] for arm, _ in there],
        f"%{{y}}: %{{x:+.{of.digits}f}}{unit}<extra></extra>",
    )
    figure.add_vline(x=0, line={"width": 1, "color": colours.GREY})
    figure.update_xaxes(title=f"{of.name}{_in(unit)}, difference from {BASELINE}, with 95 % interval")
    return plain(figure, height=36 * len(there) + 80)


def _in(unit: str) -> str:
    return f" ({unit.strip()})" if unit else ""
