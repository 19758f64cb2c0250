"""Which clusters help and which harm, overall and for each group: the score that orders, and the effect that is predicted."""

import streamlit as st

from influencespace.ui import effect_panels, influence_detail, influence_panels, workspaces
from influencespace.ui.guard import guarded
from influencespace.ui.influence_rows import level_rows, standing, subjects
from influencespace.ui.road import need

ORDER, SHARES, GROUPS, REPEATS, REMOVAL = "Help and harm", "Data and benefit", "Groups and gaps", "Redundancy", "Removal effect"


def page() -> None:
    workspace = workspaces.current()
    scores = need(workspace, "scores")
    if scores is None:
        return
    clusters = workspace.artifact("clusters")
    theme = st.context.theme.type or "light"
    chosen = influence_panels.chosen(workspace)

    with st.container(horizontal=True, vertical_alignment="bottom"):
        found = subjects(scores.json("targets"))
        subject = influence_panels.choose_subject(found)
        level = influence_panels.choose_level()
        rows = level_rows(clusters, scores, level)
        view = standing(rows, subject, level)
        text = influence_panels.search()
        wanted = influence_panels.named(view, text)
        st.caption(f"Judged by {subject.photos:,} validation photos.", width="content")
    if not wanted.any():
        st.info(f"No {level} has that in its name. Clear the search to see all {len(view):,}.", icon=":material/search_off:")
        return
    place, was_chosen = influence_panels.shown(view, level, chosen)
    label = view["label"].iloc[place]
    influence_panels.write_address(level, str(label) if was_chosen else None)

    left, right = st.columns([1.35, 1], gap="large")
    with left, st.container(gap="xsmall"), guarded():
        charted = st.segmented_control(
            "Chart", [ORDER, SHARES, GROUPS, REPEATS, REMOVAL], default=ORDER, required=True, key="influence_view",
            label_visibility="collapsed", persist_state="session",
        )
        if charted == REMOVAL:
            with st.container(horizontal=True, vertical_alignment="center"):
                st.subheader("Removal effect", width="content")
                effect_panels.badge(effect_panels.verdict(workspace, subject), subject)
                st.caption("It predicts what taking a cluster out does.", width="content")
            effect_panels.effects(workspace, clusters, subject, label, text)
        else:
            with st.container(horizontal=True, vertical_alignment="center"):
                st.subheader("Redundancy" if charted == REPEATS else "Selection score", width="content")
                st.caption(
                    "The colour is the selection score." if charted == REPEATS else
                    "It orders pairs and clusters for the plan; its size means nothing.", width="content",
                )
            some = view[wanted]
            if charted == SHARES:
                influence_panels.share_chart(workspace, some, subject, level, label, theme)
            elif charted == GROUPS:
                influence_panels.group_chart(workspace, rows, some, found, level, theme)
            elif charted == REPEATS:
                influence_panels.redundancy_chart(workspace, some, level, label, theme)
            else:
                influence_panels.order_chart(workspace, some, subject, level, label)
    with right, st.container(gap="xsmall"), guarded():
        influence_detail.heading(workspace, rows, view, place, subject, level, was_chosen)
        influence_detail.photos(workspace, label, subject, level)
        influence_detail.figures(workspace, rows, place, found, level)
    influence_panels.table(workspace, view, wanted, subject, level)


page()
