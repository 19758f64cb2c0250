"""What tests of the page Influence ask of it, and scores as they are written now."""

from __future__ import annotations

import base64
import json

import numpy as np
import pandas as pd
from fabricated import TARGETS, TRAIN, VALUES, AnyOptions
from page_cases import fine

from influencespace import jobs
from influencespace.jobs import Job
from influencespace.workspace import Workspace

STRATUM = (np.arange(TRAIN) // 3) % 2
CLUSTER = np.array([f"{i % 3}.{s}" for i, s in enumerate(STRATUM)])


def score_again(workspace: Workspace, error: float = 0.001) -> None:
    """Scores as the stage writes them now, under the same digest: of topic 0 the pairs help women alone, of topic 1 men alone,
    and the later of a cluster's pairs help more."""
    topic, own = np.arange(TRAIN) % 3, np.where(STRATUM == 0, -0.02, 0.03) + 0.0001 * np.arange(TRAIN)
    scores = pd.DataFrame({
        "overall": own, TARGETS[1]: own + 0.02 * (topic == 0), TARGETS[2]: own + 0.02 * (topic == 1)
    }).astype(np.float32)
    gap = scores[TARGETS[1]] - scores[TARGETS[2]]
    targets = [
        {"name": name, "attribute": attribute, "value": value, "photos": photos, "loss": loss, "loss_error": 0.1}
        for name, attribute, value, photos, loss in zip(
            TARGETS, (None, "gender", "gender"), (None, *VALUES), (12, 5, 7), (2.0, 2.6, 1.9), strict=True
        )
    ]
    with workspace.write("scores", AnyOptions()) as draft:
        draft.table("pairs", scores)
        draft.json("targets", targets)
        for level, labels in (("clusters", CLUSTER), ("topics", topic)):
            grouped = scores.assign(**{"gap.gender": gap}).groupby(labels)
            table = grouped.sum().join(grouped.mean().add_suffix(".mean"))
            for name in (*TARGETS, "gap.gender"):
                table[f"{name}.error"] = error
            count = len(table)
            table = table.assign(
                share_pairs=grouped.size() / TRAIN, share_benefit=0.0, repeated=np.arange(count) / 10,
                likeness=np.linspace(0.1, 0.8, count),
            )
            draft.table(level, table.rename_axis(level.removesuffix("s")).reset_index())


def chart(page, key: str) -> list[dict]:
    """The traces of a chart."""
    return next(json.loads(c.proto.spec)["data"] for c in page.get("plotly_chart") if c.proto.id.endswith(f"-{key}"))


def numbers(values) -> np.ndarray:
    """Numbers of a chart, which travel as typed arrays or as lists."""
    if not isinstance(values, dict):
        return np.array(values)
    shape = [int(size) for size in values.get("shape", "-1").split(",")]
    return np.frombuffer(base64.b64decode(values["bdata"]), values["dtype"]).reshape(shape)


def show(page, **state):
    """The page after some of its widgets were set."""
    for key, value in state.items():
        page.session_state[key] = value
    return fine(page.run())


def table(page) -> pd.DataFrame:
    """All topics or clusters, the last table of the page."""
    return page.dataframe[-1].value


def running(monkeypatch, command: str) -> None:
    """A job of one command is being done."""
    now = job(status="running", commands=[[command, {}]], started=1.0, done=3, total=12)
    monkeypatch.setattr(jobs, "active", lambda workspace: now)
    monkeypatch.setattr(jobs, "jobs", lambda workspace: [now])


def job(**values) -> Job:
    plain = {
        "id": 7, "title": "Training", "commands": [], "status": "queued", "done": 0, "total": 0, "what": "",
        "message": "", "pid": 1, "submitted": 0.0, "started": None, "heartbeat": None, "cancelled": None, "finished": None,
    }
    return Job(**plain | values)
