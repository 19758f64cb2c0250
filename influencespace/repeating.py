"""A training done again from its record, and how what came out differs from what is on record.

On the same device, with the same versions and from the same pairs, nothing does: every figure is the same to the last bit,
times and energy aside.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from influencespace.curation.history import History
from influencespace.curation.options import PlanOptions
from influencespace.errors import TrainingError
from influencespace.options import restore
from influencespace.progress import Progress, silent
from influencespace.stages import STAGES, run_stages
from influencespace.training.record import RUN
from influencespace.workspace import MADE_BY, Workspace

# Measured anew every time.
TIMES = re.compile(r"seconds|efficiency|convergence|joules|energy")


@dataclass(frozen=True)
class Repeated:
    """What repeating a run has shown.

    Attributes
    ----------
    workspace
        Where it was repeated; its artifact ``training`` holds what came out.
    compared
        How many figures were compared.
    differing
        Figures that came out otherwise, as ``path: recorded, repeated``.
    otherwise
        What computes that is not as on record, such as a device or a version.
    """

    workspace: Workspace
    compared: int
    differing: list[str]
    otherwise: list[str]


def repeat(run: str | Path, elsewhere: str | Path, progress: Progress = silent) -> Repeated:
    """Train again what a record says.

    Parameters
    ----------
    run
        A workspace, its folder ``training``, or a ``run.json`` with its ``results.json`` beside it.
    elsewhere
        The workspace to repeat it in, where the record does not lie in one itself.

    Raises
    ------
    TrainingError
        If there is no readable record, or the workspace holds other pairs than those that were trained on.
    """
    file = _file(Path(run).expanduser().absolute())
    record, results = _read(file), _read(file.with_name("results.json"))
    own = file.parent.parent
    workspace = Workspace(own if (own / "workspace.json").exists() else elsewhere)
    missing = {"stages", "digests", "decisions", "device", "versions"} - record.keys()
    if missing:
        raise TrainingError(f"{file} is no record of a training: it lacks {', '.join(sorted(missing))}.")
    pairs = workspace.artifact("pairs")
    if pairs.digest != record["digests"]["pairs"]:
        raise TrainingError(
            f"{workspace.path} holds other pairs than those of {file}; import the same pairs, with the options "
            f"{json.dumps(record['stages']['import'])}, or name their workspace with --workspace."
        )
    wanted = {name: restore(STAGES[name].options, options) for name, options in record["stages"].items() if name != "import"}
    _plan_as_recorded(workspace, record, wanted["plan"])
    # Without this the training that is there would be current, and nothing would be done.
    stages = {name: options for name, options in wanted.items() if name != "train"}
    run_stages(workspace, stages, progress)
    changed = [name for name, digest in record["digests"].items() if workspace.artifact(name).digest != digest]
    if changed:
        raise TrainingError(
            f"{workspace.path}: {MADE_BY[changed[0]]} does not give what is on record in {file}, although its options are the "
            "same; another version of InfluenceSpace or of the encoder made it."
        )
    with workspace.lock():
        STAGES["train"].run(workspace, wanted["train"], progress, fresh=True)
    training = workspace.artifact("training")
    before, after = dict(_figures(results)), dict(_figures(training.json("results")))
    both = {path: (before.get(path), after.get(path)) for path in before | after}
    differing = [f"{path}: {old}, {new}" for path, (old, new) in both.items() if old != new]
    return Repeated(workspace, len(both), differing, _otherwise(record, training.json(RUN)))


def _file(path: Path) -> Path:
    places = [path / "training" / "run.json", path / "run.json", path]
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        raise TrainingError(f"{path} is no record of a training; give a workspace that was trained, or a run.json.")
    return found


def _read(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TrainingError(f"{file} cannot be read ({error}).") from None
    if not isinstance(content, dict):
        raise TrainingError(f"{file} is no record of a training.")
    return content


def _plan_as_recorded(workspace: Workspace, record: dict[str, Any], options: PlanOptions) -> None:
    """Make the plan of the record the present version, as a step that can be undone, where it is not."""
    head = History(workspace).head()
    if (head.options, head.decisions) != (options, record["decisions"]):
        History(workspace).record("the plan of a training that is repeated", options, record["decisions"])


def _figures(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """All figures of a document by their path, those aside that are measured times."""
    if isinstance(value, dict | list):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            if not TIMES.search(str(key)):
                yield from _figures(part, f"{path}/{key}")
    else:
        yield path, value


def _otherwise(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    return [
        f"{name}: {before[part].get(name)} on record, {value} now"
        for part in ("device", "versions") for name, value in after[part].items() if before[part].get(name) != value
    ]
