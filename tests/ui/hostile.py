"""The fabricated workspace with hostile words wherever words come from data: captions, names, groups, files, versions, jobs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import fabricated
import pandas as pd
import pytest

from influencespace.curation.history import History
from influencespace.jobs.store import Store
from influencespace.workspace import Workspace

# What would run a script, leave the machine, set a formula, draw an icon, colour a word, or turn the line around. ``hack`` is
# defined by the browser's test and counts.
SCRIPT = "<script>hack()</script><img src=x onerror=hack()><svg onload=hack()><b>bold</b>"
LINKS = "[link](javascript:hack()) ![seen](http://outside.invalid/seen.png) <a href='http://outside.invalid'>a</a>"
MARKS = "$\\alpha$ :material/bomb: :bomb: :red[red] **strong** `code` \u202egnorw\u202c \x07"
ALL = f"{SCRIPT} {LINKS} {MARKS} ={{=}} \" ' </style></title></table>"
# In the name of an attribute an equals sign would end it; in that of a folder there is no slash.
ATTRIBUTE = "<script>hack()</script><b>kind</b> [l](javascript:hack()) ![p](//outside.invalid/p.png) $\\beta$ :red[x]"
FOLDER = "<b>w<img src=x onerror=hack()> [l](javascript:hack()) ![p](__outside.invalid) $x$ :material_bomb: \u202ex"
VALUES = [f"woman {ALL}", f"man {ALL}"]


class Planting:
    """A draft of an artifact that puts hostile words in the place of plain ones."""

    def __init__(self, draft: Any) -> None:
        self.__dict__["draft"] = draft

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self.draft, name, planted(value))

    def table(self, name: str, frame: pd.DataFrame) -> None:
        frame = frame.rename(columns=planted)
        if name == "pairs" and "caption" in frame:
            numbers = frame.index.astype(str)
            frame = frame.assign(id="id " + numbers + ALL, image="image " + numbers + ALL, caption="caption " + numbers + ALL)
        texts = [column for column in frame if pd.api.types.is_string_dtype(frame[column]) or frame[column].dtype == object]
        self.draft.table(name, frame.assign(**{column: frame[column].map(planted) for column in texts if column != "image_path"}))

    def json(self, name: str, value: Any) -> None:
        self.draft.json(name, planted(value))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.draft, name)


def planted(value: Any) -> Any:
    """The same with the names of the group, of its values and of the file exchanged, wherever they stand."""
    if isinstance(value, dict):
        return {planted(key): planted(one) for key, one in value.items()}
    if isinstance(value, list):
        return [planted(one) for one in value]
    if not isinstance(value, str):
        return value
    exact = {"woman": VALUES[0], "man": VALUES[1], "pairs.csv": f"pairs {ALL}.csv", "truncated": ALL, "demo": f"encoder {ALL}"}
    return exact.get(value, value.replace("gender", ATTRIBUTE))


def plant(folder: Path) -> Workspace:
    """Write the workspace into ``folder``, with a version and a failed job that are named alike."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fabricated, "TOPICS", [f"topic {i}, {ALL}" for i in range(3)])
        patch.setattr(fabricated, "VALUES", VALUES)
        patch.setattr(fabricated, "TARGETS", ["overall", *(f"{ATTRIBUTE}={value}" for value in VALUES)])
        writers = {
            name: lambda draft, workspace, write=write: write(Planting(draft), workspace)
            for name, write in fabricated.WRITERS.items()
        }
        patch.setattr(fabricated, "WRITERS", writers)
        workspace = fabricated.fabricate(folder / FOLDER)
    history = History(workspace)
    history.name(history.head().id, ALL)
    store = Store(workspace)
    store.finish(store.insert(ALL, [("export", {"output": f"/nowhere/{ALL.replace('/', '')}"})], ""), "failed", ALL)
    return workspace
