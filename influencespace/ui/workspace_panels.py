"""The list of workspaces: how far each is, how large, and when it was last worked on."""

from __future__ import annotations

import datetime
from pathlib import Path

import streamlit as st

from influencespace.progress import Progress
from influencespace.ui import background, workspaces
from influencespace.ui.guard import guarded
from influencespace.ui.workspaces import Entry, in_bytes
from influencespace.workspace import Workspace

PAGE = 10
WIDTHS = (2, 2.4, 1.3, 1.1, 1.6, 1)


@guarded()
def listed(root: Path, current: Workspace) -> None:
    """One line a workspace with a button that opens it."""
    found = sorted(workspaces.entries(root), key=lambda entry: (entry.name != current.name, -(entry.changed or 0)))
    sizes = _sizes(root, found)
    with st.container(gap="xsmall"):
        for column, title in zip(st.columns(WIDTHS), ("Name", "State", "Training pairs", "On disk", "Last change"), strict=False):
            column.caption(title)
        slot, pages = st.container(gap="xsmall"), -(-len(found) // PAGE)
        page = st.pagination(pages, key=f"workspaces_page_{pages}") if pages > 1 else 1
        with slot:
            for entry in found[(page - 1) * PAGE : page * PAGE]:
                _line(entry, sizes.get(entry.name), is_open=entry.name == current.name)


def make_new() -> None:
    """A field and a button for an empty workspace."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.text_input("New workspace", key="new_workspace", placeholder="a name for its folder", width=280)
        if st.button("Make it", icon=":material/create_new_folder:", disabled=not name):
            with guarded():
                workspaces.go_to(workspaces.make(name.strip()))
                st.rerun()


def _line(entry: Entry, size: int | None, *, is_open: bool) -> None:
    name, state, pairs, disk, changed, button = st.columns(WIDTHS, vertical_alignment="center")
    name.text(entry.name)
    state.text(entry.state)
    pairs.text("none yet" if entry.pairs is None else f"{entry.pairs:,}")
    disk.text("…" if size is None else in_bytes(size))
    changed.text("never" if entry.changed is None else f"{datetime.datetime.fromtimestamp(entry.changed):%d %b %Y, %H:%M}")
    if is_open:
        button.badge("open", icon=":material/check:", color="blue")
    else:
        button.button("Open", key=f"open_{entry.name}", on_click=workspaces.go_to_name, args=(entry.name,))


def _sizes(root: Path, found: list[Entry]) -> dict[str, int]:
    """The sizes that are known by now; of a workspace with many thumbnails that takes a while."""
    def measure(progress: Progress) -> dict[str, int]:
        return {entry.name: workspaces.size(root, entry.name) for entry in found}

    stand = ",".join(f"{entry.name}:{entry.changed}" for entry in found)
    return background.result(f"sizes-{root}-{stand}", measure, "Measuring the workspaces", patience=background.LITTLE) or {}
