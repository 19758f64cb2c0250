"""Artifacts of a workspace that hold next to nothing."""

from dataclasses import dataclass

import pandas as pd

from influencespace.options import Options, option
from influencespace.workspace import NEEDS


@dataclass(frozen=True)
class Made(Options):
    level: float = option(1.0, "What comes out.")
    chunk: int = option(8, "How fast it comes.", recipe=False)


def make(workspace, name, options=None, content="", value=0):
    with workspace.write(name, options or Made()) as draft:
        draft.content = content
        draft.facts = {"value": value}
        draft.table("numbers", pd.DataFrame({"n": [value]}))


def make_road(workspace):
    for name in NEEDS:
        make(workspace, name)


def states(workspace):
    return {name: workspace.state(name) for name in NEEDS}
