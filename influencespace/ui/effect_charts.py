"""Charts of removal effects beside retraining."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from influencespace.ui import colours
from influencespace.ui.influence_charts import plain


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
