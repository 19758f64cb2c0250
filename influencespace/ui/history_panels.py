"""The steps of curation: which version is shown, undo and redo, the list of versions with their names, and two compared."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pandas as pd
import streamlit as st

from influencespace.curation.history import History, Version
from influencespace.spreadsheets import harmless_table
from influencespace.ui import once, plan_panel, planning, version_comparison
from influencespace.ui.guard import guarded
from influencespace.ui.markdown import escaped
from influencespace.ui.version_comparison import title
from influencespace.workspace import Workspace

LISTED = 200
_VALUES = [(name, label.split()[0]) for name, (label, *_) in plan_panel.SLIDERS.items()]
_SEEN, _OTHERS = "curate_seen", "curate_others"


def notices(workspace: Workspace) -> None:
    """Whether the version that is shown is not the newest, or not there, and whether others have made a newer one."""
    head, shown, absent = planning.head(workspace), planning.shown(workspace), planning.not_found(workspace)
    _tell_of_others(workspace)
    if absent is not None:
        st.warning(f"There is no version “{escaped(absent)}”; this is the newest.", icon=":material/history:")
    if shown.id != head.id:
        _banner(workspace, head, shown)


def bar(workspace: Workspace) -> None:
    """The version that is shown, undo, redo, and the history; to stand in a line."""
    history, shown = History(workspace), planning.shown(workspace)
    old = shown.id != planning.head(workspace).id
    st.markdown(f"**{escaped(title(shown))}** :small[:gray[{escaped(shown.what)}]]", width="stretch")
    st.button(
        "Undo", icon=":material/undo:", shortcut="Z", disabled=old or not history.can_undo, help="Take back the last step.",
        key="history_undo", on_click=_undo, args=(workspace,),
    )
    st.button(
        "Redo", icon=":material/redo:", shortcut="Y", disabled=old or not history.can_redo, help="Do it again.",
        key="history_redo", on_click=_redo, args=(workspace,),
    )
    help = "Every step, to name, open, compare or return to."
    if st.button("History", icon=":material/history:", key="history_open", help=help):
        versions(workspace, history, shown)


def table(versions: list[Version]) -> pd.DataFrame:
    """Versions as rows: number, name, what, the values, and when."""
    return pd.DataFrame([
        {
            "Version": version.id, "Name": version.name or "", "Step": version.what,
            **{label: plan_panel.valued(name, getattr(version.options, name)) for name, label in _VALUES},
            "When": datetime.fromisoformat(version.created), "After": version.parent,
        }
        for version in versions
    ])


def step(workspace: Workspace, take: Callable[[], Version]) -> None:
    """Take a step of this visitor's own; what others had done before it is told of with the next run."""
    head = History(workspace).head()
    _notice_others(workspace, head)
    after = take()
    if after.parent is not None and after.parent > head.id:  # somebody was faster, and the step is one from his
        _notice_others(workspace, History(workspace).version(after.parent))
    once.again()
    _see(workspace, after)


def _tell_of_others(workspace: Workspace) -> None:
    _notice_others(workspace, planning.head(workspace))
    path, told = st.session_state.pop(_OTHERS, ("", ""))
    if path == str(workspace.path):
        st.toast(told, icon=":material/sync:", duration="long")


def _notice_others(workspace: Workspace, newest: Version) -> None:
    path, seen = st.session_state.get(_SEEN, ("", 0))
    if path == str(workspace.path) and seen != newest.id:
        said = f"Changed elsewhere meanwhile: {escaped(title(newest))}, {escaped(newest.what)}."
        st.session_state[_OTHERS] = (path, said)
    _see(workspace, newest)


def _see(workspace: Workspace, head: Version) -> None:
    st.session_state[_SEEN] = (str(workspace.path), head.id)


def _banner(workspace: Workspace, head: Version, shown: Version) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key="history_banner", border=True):
        st.markdown(
            f":material/history: This is **{escaped(title(shown))}**, not the newest ({escaped(title(head))}). "
            "A change starts a branch from it.",
            width="stretch",
        )
        st.button("Return to this version", on_click=_return, args=(workspace, shown.id), key="history_return")
        st.button("Go to the newest", on_click=open_version, args=(None,), key="history_newest")


@st.dialog("History", width="large", icon=":material/history:", on_dismiss="rerun")
def versions(workspace: Workspace, history: History, shown: Version) -> None:
    """All versions, to name, open, return to, and compare with the one that is shown."""
    with guarded():
        listed = history.versions()[:LISTED]
        chosen = _pick(listed) or shown
        with st.container(horizontal=True, vertical_alignment="bottom"):
            st.text_input(
                f"Name of version {chosen.id}", chosen.name or "", key=f"history_name_{chosen.id}", width=260,
                placeholder="such as: for review", on_change=_name, args=(workspace, chosen.id),
            )
            opened = st.button(
                "Open", key="history_look", disabled=chosen.id == shown.id, on_click=open_version, args=(chosen.id,),
                help="Look at it; its address can be sent to others.",
            )
            returned = st.button(
                "Return to it", key="history_go", disabled=chosen.id == history.head().id, on_click=_return,
                args=(workspace, chosen.id), help="Make it the newest; nothing is lost.",
            )
            compared = st.button(
                "Compare", key="history_compare", disabled=chosen.id == shown.id,
                help="What the version that is shown keeps and prunes beside it.",
            )
        if opened or returned:
            st.rerun()  # closes the list
        if compared:
            version_comparison.show(workspace, chosen, shown)
        else:
            st.caption("Choose a row to name it, open it, return to it, or compare it with the version that is shown.")


def _pick(versions: list[Version]) -> Version | None:
    """The versions as a table; the one whose row is chosen."""
    rows = table(versions)
    picked = st.dataframe(
        harmless_table(rows), hide_index=True, key="history_table", height=min(36 * len(rows) + 38, 250), on_select="rerun",
        selection_mode="single-row", placeholder="", alt="The versions, newest first: what each step was and with which values",
        column_order=["Version", "Name", "Step", *(label for _, label in _VALUES), "When", "After"],
        column_config={
            "Version": st.column_config.NumberColumn(width=62), "Name": st.column_config.TextColumn(width=110),
            "Step": st.column_config.TextColumn(width=330),
            **{label: st.column_config.TextColumn(width=82) for _, label in _VALUES},
            "When": st.column_config.DatetimeColumn(format="D MMM, HH:mm", width=110),
            "After": st.column_config.NumberColumn(width=52, help="The version that this step was taken from."),
        },
    )
    return versions[picked.selection.rows[0]] if picked.selection.rows else None


def open_version(version: int | None) -> None:
    """Have the page's address name a version; None for the newest."""
    if version is None:
        st.query_params.pop(planning.VERSION, None)
    else:
        st.query_params[planning.VERSION] = str(version)


@guarded()
def _undo(workspace: Workspace) -> None:
    step(workspace, History(workspace).undo)


@guarded()
def _redo(workspace: Workspace) -> None:
    step(workspace, History(workspace).redo)


@guarded()
def _return(workspace: Workspace, version: int) -> None:
    step(workspace, lambda: History(workspace).go_to(version))
    open_version(None)


@guarded()
def _name(workspace: Workspace, version: int) -> None:
    History(workspace).name(version, st.session_state[f"history_name_{version}"].strip() or None)
