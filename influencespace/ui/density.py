"""How dense pairs lie on the map: what a machine without WebGL is shown."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from influencespace.ui import colours
from influencespace.ui.columns import TrainingPairs
from influencespace.ui.influence_charts import plain

CELLS = 120
ABOVE = 110  # pixels that title and sentence take
WHY = (
    "This browser cannot draw single points (it has no WebGL), so the picture shows how many pairs lie where. "
    "Topics, clusters and searches are chosen beside it as ever."
)


def draw(pairs: TrainingPairs, mask: np.ndarray | None, *, key: str, height: int) -> None:
    """The picture and a sentence; parameters as of :func:`influencespace.ui.pair_map.draw`."""
    x, y = pairs.numbers("x"), pairs.numbers("y")
    everywhere, title = counts(x, y), "Where the pairs lie"
    if mask is not None:
        x, y, title = x[mask.astype(bool)], y[mask.astype(bool)], "Where the selected pairs lie, in grey all others"
    st.markdown(f"**{title}: how many in each place**")
    st.caption(WHY)
    st.plotly_chart(
        figure(counts(x, y), everywhere, max(height - ABOVE, 200)), key=f"{key}_density", theme="streamlit",
        config={"displayModeBar": False}, alt=f"How dense {len(x):,} pairs lie on the map",
    )


def counts(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(CELLS, CELLS) how many of the places in [0, 1] lie in each cell; the first index goes along y."""
    column, row = (np.minimum((np.clip(side, 0, 1) * CELLS).astype(np.int64), CELLS - 1) for side in (x, y))
    return np.bincount(row * CELLS + column, minlength=CELLS * CELLS).reshape(CELLS, CELLS)


def figure(count: np.ndarray, everywhere: np.ndarray, height: int) -> go.Figure:
    """How many pairs to show lie in each cell, in front of where there are pairs at all.

    Cells without a pair are left empty; the colour goes by the logarithm, for dense places are a thousand times denser.
    """
    with np.errstate(divide="ignore"):
        shade = np.where(count > 0, np.log10(count), np.nan).astype(np.float32)
    top = max(int(np.nanmax(shade, initial=0)), 1)
    others = go.Heatmap(
        z=np.where(everywhere > 0, 0.0, np.nan).astype(np.float32), colorscale=[colours.GREY] * 2, opacity=0.3, showscale=False,
        hoverinfo="skip",
    )
    selected = go.Heatmap(
        z=shade, customdata=count, colorscale=list(colours.CIVIDIS), hovertemplate="%{customdata:,} pairs<extra></extra>",
        colorbar={"title": "pairs", "tickvals": list(range(top + 1)), "ticktext": [f"{10**i:,}" for i in range(top + 1)]},
    )
    figure = go.Figure([others, selected])
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    return plain(figure, height=height)
