"""Which engine the jobs of a workspace are computed by: a setting of the app, which no stage's options need to repeat."""

from __future__ import annotations

import dataclasses
import json

from influencespace.engines.options import EngineOptions
from influencespace.errors import WorkspaceError
from influencespace.jobs import roots
from influencespace.options import restore
from influencespace.workspace import Workspace

FILE = "engine.json"


def chosen(workspace: Workspace) -> EngineOptions:
    """The engine that was chosen, or this machine's own processes."""
    try:
        file = workspace.private("jobs") / FILE
    except WorkspaceError:
        return EngineOptions()  # where nothing can be written, nothing was chosen
    return restore(EngineOptions, json.loads(file.read_text(encoding="utf-8"))) if file.exists() else EngineOptions()


def choose(workspace: Workspace, engine: EngineOptions) -> None:
    """Have the jobs that start from now on computed by another engine.

    Raises
    ------
    OptionError
        If it is a cluster that this process may not use (``roots.py``).
    """
    roots.check(dataclasses.asdict(engine))
    file = workspace.private("jobs") / FILE
    draft = file.with_suffix(".draft")
    draft.write_text(json.dumps(dataclasses.asdict(engine)) + "\n", encoding="utf-8")
    draft.replace(file)
