"""Names in charts are text: Plotly would make links and pictures of some."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from influencespace.ui.chart_text import show_as_written

NAME = "<a href='http://outside.invalid'>a</a><b>dog</b>"
SHOWN = "&lt;a href='http://outside.invalid'>a&lt;/a>&lt;b>dog&lt;/b>"


def test_markup_in_names_is_shown_as_written_wherever_names_stand():
    figure = go.Figure(go.Scatter(x=[1.0], y=[NAME], text=[NAME], name=NAME, hovertemplate=f"{NAME}<br>%{{x}}<extra></extra>"))
    figure.update_xaxes(title=NAME, tickvals=[1.0], ticktext=[NAME])
    figure.update_layout(title=NAME)
    figure.add_annotation(x=1.0, y=0, text=NAME)
    show_as_written(figure)
    [points] = figure.data
    found = (
        *points.y, *points.text, points.name, figure.layout.xaxis.title.text, *figure.layout.xaxis.ticktext,
        figure.layout.title.text, figure.layout.annotations[0].text,
    )
    assert set(found) == {SHOWN}
    assert points.hovertemplate == f"{SHOWN}<br>%{{x}}<extra></extra>"


def test_numbers_and_plain_names_stay_what_they_are():
    figure = go.Figure(go.Scatter(x=np.arange(3.0), y=["a", "c > d", None], name="R@5 & more", customdata=["<kept>"] * 3))
    before = figure.to_dict()
    show_as_written(figure)
    np.testing.assert_equal(figure.to_dict(), before)
