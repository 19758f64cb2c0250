"""Words of others in charts: Plotly takes some HTML in every text for markup, links among it."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import plotly.graph_objects as go

# What texts of ours are made with; all other markup is shown as it is written.
_MARKUP = re.compile(r"<(?!(br|extra|/extra)>)")
_OF_TRACES = ("text", "name", "hovertemplate", "x", "y")


def show_as_written(figure: go.Figure) -> None:
    """Let names in a figure be text and nothing else: in points, axes, legends and annotations."""
    for trace in figure.data:
        for part in _OF_TRACES:
            if part in trace and (value := _as_written(trace[part])) is not trace[part]:
                trace[part] = value
    for axis in (*figure.select_xaxes(), *figure.select_yaxes()):
        axis.ticktext, axis.title.text = _as_written(axis.ticktext), _as_written(axis.title.text)
    figure.layout.title.text = _as_written(figure.layout.title.text)
    figure.for_each_annotation(lambda annotation: annotation.update(text=_as_written(annotation.text)))


def _as_written(value: Any) -> Any:
    """The same object where there is nothing to do: arrays of numbers may be large."""
    if isinstance(value, str):
        return _MARKUP.sub("&lt;", value)
    if value is None or isinstance(value, int | float) or getattr(value, "dtype", np.dtype(object)).kind in "biuf":
        return value
    return [_as_written(one) for one in value] if any(isinstance(one, str) and "<" in one for one in value) else value
