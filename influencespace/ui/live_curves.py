"""The course of a training while it runs: what is measured after each epoch, by arm."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from influencespace.training.journal import Course
from influencespace.ui.influence_charts import plain
from influencespace.ui.training_charts import arm_colour

TITLES = {"recall": "validation Recall@10, %", "loss": "training loss"}


def figure(course: Course, arms: list[str], column: str) -> go.Figure:
    """``recall`` or ``loss`` over the epochs: a line an arm, the mean of its finished runs, and the run at hand dotted.

    Every arm that will be trained has its place in the legend from the start, so that nothing moves when it comes in.
    """
    drawn = go.Figure()
    for arm in arms:
        own = [
            [step[column] for step in steps] for (other, seed), steps in course.curves.items()
            if other == arm and (arm, seed) in course.seconds and steps
        ]
        mean = np.mean(own, axis=0) if own else [np.nan]
        _line(drawn, arm, mean, f"{arm}, mean of {len(own)} run{'s' * (len(own) != 1)}", "solid")
    if course.present and course.curves.get(course.present):
        arm, seed = course.present
        _line(drawn, arm, [step[column] for step in course.curves[course.present]], f"{arm}, seed {seed}", "dot", legend=False)
    longest = max((len(curve) for curve in course.curves.values()), default=1)
    drawn.update_xaxes(title="epoch", range=[0.8, max(longest, 2) + 0.2], dtick=1 if longest <= 20 else None)
    drawn.update_yaxes(title=TITLES[column])
    return plain(drawn, height=270, legend=True)


def _line(drawn: go.Figure, arm: str, values: Sequence[float], what: str, dash: str, *, legend: bool = True) -> None:
    tint = arm_colour(arm)
    drawn.add_scatter(
        x=np.arange(1, len(values) + 1, dtype=np.int16), y=np.asarray(values, dtype=np.float32), name=arm, mode="lines+markers",
        line={"width": 2, "dash": dash, "color": tint}, marker={"size": 5, "color": tint}, showlegend=legend,
        hovertemplate=f"{what}, epoch %{{x}}: %{{y:.2f}}<extra></extra>",
    )
