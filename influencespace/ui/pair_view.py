"""One pair in large, with all that is known of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from influencespace.features.duplicates import stored_duplicates
from influencespace.features.search import in_set_of
from influencespace.pairs.views import GROUP
from influencespace.ui import gallery, planned, reading, selection, thumbnails, wording
from influencespace.ui.columns import INFLUENCE, TrainingPairs
from influencespace.ui.guard import guarded
from influencespace.ui.markdown import escaped
from influencespace.ui.road import fitting
from influencespace.workspace import Workspace


@st.dialog("A pair", width="large", icon=":material/image:")
def show(workspace: Workspace, pairs: TrainingPairs, index: int) -> None:
    """The photo, the caption, the scores on every target, groups, cluster, near-duplicates, and what the plan does with it."""
    with guarded():
        [pair] = pairs.rows(np.array([index])).to_dict("records")
        left, right = st.columns([1.1, 1], gap="medium")
        with left:
            photo = thumbnails.large(pair["image_path"])
            if photo is None:
                st.caption("The photo is not there." if pair["image_path"] else "This pair came without its photo.")
            else:
                st.image(photo, alt=pair["caption"][:400])
            st.text(pair["caption"])
        with right:
            copies = _copies(workspace, pairs, index)
            st.table(pd.DataFrame(_facts(workspace, pairs, pair, index, copies), columns=["What", "Value"]), border="horizontal")
        with st.container(horizontal=True):
            _go(workspace, "Most alike", selection.ALIKE, str(index), "The pairs whose photo and caption are most like these.")
            if copies > 1:
                _go(workspace, f"Near-duplicates ({copies - 1:,})", selection.COPIES, str(index), "Those that repeat this one.")
            if "cluster" in pair:
                _go(workspace, "Its cluster", selection.CLUSTER, pair["cluster"], "All pairs of its cluster.")
                _go(workspace, "Its topic", selection.TOPIC, str(pair["topic"]), "All pairs of its topic.")


def _go(workspace: Workspace, label: str, kind: str, value: str, help: str) -> None:
    if st.button(label, key=f"pair_{kind}", help=help):
        selection.choose(workspace, kind, value)
        st.rerun()  # closes the view


def _facts(
    workspace: Workspace, pairs: TrainingPairs, pair: dict[str, Any], index: int, copies: int
) -> list[tuple[str, str]]:
    facts = [("Name", str(pair["id"]))]
    if "cluster" in pair:
        topics, clusters = reading.names(fitting(workspace, "clusters"))
        facts += [("Topic", topics[pair["topic"]]), ("Cluster", wording.cluster(clusters[pair["cluster"]]))]
    facts += [(wording.group(name).capitalize(), wording.group(str(pair[GROUP + name]))) for name in pairs.attributes]
    if "agreement" in pair:
        facts.append(("Caption fit (0 is the mean)", gallery.signed(pair["agreement"], 2)))
    for target in pairs.targets:
        value = pair[INFLUENCE + target]
        said = f"{gallery.signed(value, gallery.decimals(pairs, target))} ({gallery.helps(value)})"
        facts.append((f"Influence on {wording.target(target)}", said))
    facts.append(("Near-duplicates", f"{copies - 1:,}" if copies > 1 else "none"))
    word = planned.of_pair(workspace, index)
    facts += [("In the plan", word)] if word else []
    return [(escaped(what), escaped(value)) for what, value in facts]


def _copies(workspace: Workspace, pairs: TrainingPairs, index: int) -> int:
    features = fitting(workspace, "features")
    return 1 if features is None else len(in_set_of(stored_duplicates(features)[pairs.training_rows], index))
