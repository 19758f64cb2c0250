"""What the captions and the photos are like, worked out while one looks."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pyarrow as pa
import streamlit as st

from influencespace.pairs.statistics import CaptionStatistics, PhotoStatistics, caption_statistics, photo_statistics
from influencespace.spreadsheets import harmless_table
from influencespace.ui import background, colours
from influencespace.ui.columns import TrainingPairs
from influencespace.ui.guard import guarded
from influencespace.ui.influence_charts import plain
from influencespace.ui.workspaces import in_bytes

PHOTOS = 400
# Longer captions share the last bar.
LONGEST = 40
COMMONEST = 12


@guarded()
def captions(pairs: TrainingPairs) -> None:
    """Lengths, frequent words and repetitions of the training captions."""
    found: CaptionStatistics | None = background.result(
        f"captions-{pairs.key}", lambda progress: caption_statistics(pairs.text("caption"), progress), "Reading the captions",
        patience=background.LITTLE,
    )
    if found is None:
        return
    middle = _median(found.lengths)
    with st.container(horizontal=True):
        st.metric("Words in a caption", f"{middle:.0f}", help="The median over all training captions.", border=True)
        st.metric(
            "Repeated captions", f"{100 * found.repeated / max(found.captions, 1):.1f} %", border=True,
            help="Share of the training captions whose text occurs more than once.",
        )
    left, right = st.columns(2, gap="medium")
    left.plotly_chart(
        lengths_chart(found), key="data_lengths", config={"displayModeBar": False},
        alt=f"How many captions have how many words; the median is {middle:.0f}",
    )
    right.plotly_chart(
        words_chart(found), key="data_words", config={"displayModeBar": False},
        alt="The commonest words: " + ", ".join(word for word, _ in found.words[:COMMONEST]),
    )
    if found.most_repeated:
        with st.expander(f"Captions that occur most often ({len(found.most_repeated)})"):
            st.dataframe(
                harmless_table(pd.DataFrame(found.most_repeated, columns=["caption", "times"])), hide_index=True,
                alt="The captions that occur most often", column_config={
                    "caption": st.column_config.TextColumn("Caption", width="large"),
                    "times": st.column_config.NumberColumn("Times", format="localized"),
                },
            )


@guarded()
def photos(pairs: TrainingPairs) -> None:
    """Sizes, shapes and files of a sample of the training photos."""
    found: PhotoStatistics | None = background.result(
        f"photos-{pairs.key}", lambda progress: photo_statistics(_sample(pairs), progress),
        "Looking at a sample of the photos", patience=background.LITTLE,
    )
    if found is None:
        return
    if not len(found.width):
        st.caption("The pairs came without photos." if not found.asked else "None of the photos that were tried is there.")
        return
    side = np.minimum(found.width, found.height)
    with st.container(horizontal=True):
        st.metric(
            "Size", f"{np.median(found.width):.0f} × {np.median(found.height):.0f}", border=True,
            help="Median width and height in pixels, as the photos are stored.",
        )
        st.metric("File", in_bytes(float(np.median(found.size))), border=True, help="Median size of a photo's file.")
    st.plotly_chart(
        shapes_chart(found), key="data_shapes", config={"displayModeBar": False},
        alt="; ".join(f"{100 * share:.0f} % {name}" for name, share in found.shapes.items()),
    )
    missing, sides = found.asked - len(found.width), dict.fromkeys((f"{side.min():,}", f"{side.max():,}"))
    st.caption(
        f"From a sample of {found.asked:,} photos, spread evenly over the training pairs. The shorter side has "
        f"{' to '.join(sides)} pixels." + (f" {missing:,} of them cannot be read any more." if missing else "")
    )


def lengths_chart(found: CaptionStatistics) -> go.Figure:
    """How many captions have how many words."""
    shown = found.lengths[:LONGEST].astype(float)
    beyond = float(found.lengths[LONGEST:].sum())
    names = [str(i) for i in range(len(shown))] + [f"{LONGEST}+"] * bool(beyond)
    percent = 100 * np.append(shown, [beyond] * bool(beyond)) / max(found.captions, 1)
    figure = go.Figure(go.Bar(
        x=list(range(len(percent))), y=percent, customdata=names, marker={"color": colours.CATEGORIES[0]},
        hovertemplate="%{customdata} words: %{y:.1f} % of the captions<extra></extra>",
    ))
    figure.update_layout(title={"text": "Length of the captions", "font": {"size": 15}})
    figure.update_xaxes(title="words")
    figure.update_yaxes(title="% of the captions", rangemode="tozero")
    return plain(figure, height=300).update_layout(margin={"t": 44})


def words_chart(found: CaptionStatistics) -> go.Figure:
    """How often the commonest words occur."""
    words = found.words[:COMMONEST][::-1]
    figure = go.Figure(go.Bar(
        x=[count for _, count in words], y=[word for word, _ in words], orientation="h",
        marker={"color": colours.CATEGORIES[0]}, hovertemplate="%{y}: %{x:,} times<extra></extra>",
    ))
    figure.update_layout(title={"text": "Commonest words", "font": {"size": 15}})
    figure.update_xaxes(title="times", rangemode="tozero")
    return plain(figure, height=300).update_layout(margin={"t": 44})


def shapes_chart(found: PhotoStatistics) -> go.Figure:
    """Shares of landscape, portrait and square photos."""
    figure = go.Figure(go.Bar(
        x=[100 * share for share in found.shapes.values()], y=list(found.shapes), orientation="h", texttemplate="%{x:.0f}",
        textposition="outside", cliponaxis=False, marker={"color": colours.CATEGORIES[0]},
        hovertemplate="%{y}: %{x:.1f} % of the sample<extra></extra>",
    ))
    figure.update_layout(title={"text": "Shape of the photos", "font": {"size": 15}})
    figure.update_xaxes(title="% of the sample", rangemode="tozero")
    return plain(figure, height=190).update_layout(margin={"t": 44, "r": 30})


def _sample(pairs: TrainingPairs) -> list[str]:
    """The files of photos that are spread evenly over the training pairs."""
    index = np.unique(np.linspace(0, len(pairs) - 1, min(PHOTOS, len(pairs))).round().astype(np.int64)) if len(pairs) else []
    paths = pairs.text("image_path").take(pa.array(index, type=pa.int64())).to_pylist()
    return list(dict.fromkeys(path for path in paths if path))


def _median(counts: np.ndarray) -> float:
    """The median of whole numbers of which ``counts`` says how often each occurs."""
    total = np.cumsum(counts)
    return float(np.searchsorted(total, total[-1] / 2)) if len(counts) and total[-1] else 0.0
