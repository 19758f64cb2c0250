"""Kill every stage at random moments, and look at what is left, what comes of going on, and what was computed twice.

    python benchmarks/faults.py [--runs 100] [--seed 0] [--stages embed train ...] [--json PATH]

Each run copies a small workspace that lacks one stage, starts the stage in a process of its own and ends that with SIGKILL
after a random part of the time that it took undisturbed. Then it looks whether the workspace can be read and all that was there
before is whole, runs the stage again to its end, and compares every file of what comes out with the undisturbed result. What is
computed in pieces is counted when it is begun: photos checked, photos and captions embedded, epochs trained, and whatever else
passes an engine. What both runs began, less what an undisturbed run begins, was computed twice.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import checkout  # noqa: F401

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from encoder_cases import make_encoder, make_photos
from engine_cases import SMALL, planted_folder, planted_import
from PIL import Image

from influencespace import integrity
from influencespace.curation.history import History
from influencespace.engines import Here, Piece, Work
from influencespace.evaluation.ablation_options import AblationOptions
from influencespace.evaluation.runner import Trials
from influencespace.export.options import ExportOptions
from influencespace.export.subset import export_subset
from influencespace.features.encoder import Encoder
from influencespace.features.options import EmbedOptions
from influencespace.features.store import CaptionBatches, PhotoBatches
from influencespace.pairs import images
from influencespace.pairs.options import ImportOptions
from influencespace.stages import STAGES, run_stages
from influencespace.training import loop
from influencespace.training.options import TrainOptions
from influencespace.workspace import NEEDS, Workspace

PHOTOS, BATCH, ATTEMPTS = 300, 16, 5
EXPORT, LOOKING = "export", ("import", "embed")
# What is counted.
PHOTO, EMBEDDED, PIECE, EPOCH = "photos", "embedded", "pieces", "epochs"
# What is written with the time that it took.
TIMED = {"results.json", "run.json", "runs.parquet", "curves.parquet", "figures.parquet"}
TRAIN = TrainOptions(arms=("influence", "random", "full"), seeds=2, learning_rate=0.003, epochs=12)


@dataclass(frozen=True)
class Trial:
    """A stage, the options it is called with, and a workspace that lacks only it."""

    name: str
    options: Any
    template: Path

    @property
    def artifact(self) -> str | None:
        """What the stage makes; None for the export."""
        return None if self.name == EXPORT else STAGES[self.name].artifact

    def run(self, path: Path) -> None:
        """The stage, to its end."""
        workspace = Workspace(path)
        if self.name == EXPORT:
            export_subset(workspace, self.options)
        else:
            run_stages(workspace, {self.name: self.options})

    def made(self, path: Path) -> dict[str, str] | None:
        """Digests of the files that the stage has made, those with times in them aside; None if it has made none."""
        if self.name == EXPORT:
            file = path.parent / "subset.jsonl"
            return {"subset.jsonl": integrity.sha256(file)} if file.exists() else None
        found = Workspace(path).find(self.artifact)
        files = found.record["files"] if found else None
        return files and {name: file["sha256"] for name, file in files.items() if name not in TIMED}


def main() -> None:
    """Print a line a stage."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--stages", nargs="+", choices=[*STAGES, EXPORT], default=[*STAGES, EXPORT])
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    draw, rows = random.Random(asked.seed), []
    with tempfile.TemporaryDirectory() as folder:
        makers = [make for make, kind in ((photographed, True), (planted, False))
                  if any((name in LOOKING) is kind for name in asked.stages)]
        built = {trial.name: trial for make in makers for trial in make(Path(folder))}
        for i, name in enumerate(asked.stages):
            share = asked.runs // len(asked.stages) + (i < asked.runs % len(asked.stages))
            rows.append(killed(built[name], share, draw, Path(folder) / "runs" / name))
            print(line(rows[-1], heading=i == 0), flush=True)
    total = Counter()
    for row in rows:
        total.update({key: row[key] for key in ("runs", "killed", "readable", "same")})
    print(f"{'in all':<10}" + "".join(f"{total[key]:<10}" for key in ("runs", "killed", "readable", "same")))
    if asked.json:
        asked.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


def line(row: dict[str, Any], heading: bool) -> str:
    """One row of the table, below the heading where that is wanted."""
    columns = ("stage", "runs", "killed", "readable", "same", "seconds", "twice")
    rows = [columns] * heading + [[row[key] for key in columns]]
    return "\n".join("".join(f"{cell:<10}" for cell in cells[:-1]) + str(cells[-1]) for cells in rows)


def photographed(folder: Path) -> list[Trial]:
    """The stages that look at photos, each with a workspace that lacks it."""
    paths = make_photos(folder / "photos", PHOTOS)
    for path in paths:  # as large as photos are, so that looking at them takes its time
        with Image.open(path) as photo:
            photo.resize((640, 480)).save(path)
    table = folder / "pairs.jsonl"
    rows = ({"image": str(path), "caption": f"a red dog runs {i}"} for i, path in enumerate(paths))
    table.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    bring = ImportOptions(source=str(table))
    see = EmbedOptions(encoder=str(make_encoder("clip", folder / "encoder")), batch_size=BATCH, device="cpu")
    Workspace(folder / "empty", create=True)
    shutil.copytree(folder / "empty", folder / "imported")
    apart(lambda: run_stages(Workspace(folder / "imported"), {"import": bring}))
    return [Trial("import", bring, folder / "empty"), Trial("embed", see, folder / "imported")]


def planted(folder: Path) -> list[Trial]:
    """The stages after them, each with a workspace of planted pairs that lacks it and all that is made from it."""
    planted_folder(folder / "source")
    whole = Workspace(folder / "whole", create=True)
    apart(lambda: run_stages(whole, {"import": planted_import(folder / "source")} | SMALL))
    options = SMALL | {"train": TRAIN, "ablate": AblationOptions(knobs=("cap",), cap=(1.0, 8.0), seeds=2)}
    found = [Trial(EXPORT, ExportOptions(output="subset.jsonl", format="jsonl", overwrite=True), whole.path)]
    for name in [name for name in STAGES if name not in LOOKING]:
        template = folder / f"before-{name}"
        shutil.copytree(whole.path, template)
        for made in NEEDS:
            if made == STAGES[name].artifact or STAGES[name].artifact in NEEDS[made]:
                shutil.rmtree(template / made, ignore_errors=True)
        found.append(Trial(name, options[name], template))
    return found


def killed(trial: Trial, runs: int, draw: random.Random, folder: Path) -> dict[str, Any]:
    """The stage once undisturbed, and so many times killed and gone on with."""
    began = time.monotonic()
    whole = in_process(trial, copied(trial, folder / "undisturbed"), folder / "undisturbed.tally")
    seconds = time.monotonic() - began
    assert whole == 0, f"{trial.name} ends with {whole} undisturbed"
    expected, needed = trial.made(folder / "undisturbed" / "w"), tally(folder / "undisturbed.tally")
    row = {"stage": trial.name, "runs": runs, "killed": 0, "readable": 0, "same": 0}
    twice: Counter[str] = Counter()
    window = seconds
    for number in range(runs):
        ended = 0
        for attempt in range(ATTEMPTS):  # what has ended before it could be killed is no kill, and was faster than was thought
            place, told = copied(trial, folder / f"{number}.{attempt}"), folder / f"{number}.{attempt}.tally"
            began = time.monotonic()
            ended = in_process(trial, place, told, draw.uniform(0, window))
            if ended == -signal.SIGKILL:
                break
            window = min(window, time.monotonic() - began)
        row["killed"] += ended == -signal.SIGKILL
        row["readable"] += readable(trial, place, expected)
        in_process(trial, place, told)
        row["same"] += trial.made(place) == expected
        twice |= tally(told) - needed  # the most of each
        shutil.rmtree(place.parent)
    return row | {
        "seconds": f"{seconds:.1f}", "most_twice": {what: twice[what] for what in needed}, "in_all": dict(needed),
        "twice": ", ".join(f"{twice[what]} of {count} {what}" for what, count in needed.items()) or "all of it",
    }


def apart(function: Callable[[], object]) -> None:
    """Call it in another process: what is forked later must come from one in which OpenMP has never run."""
    process = multiprocessing.get_context("fork").Process(target=function)
    process.start()
    process.join()
    assert process.exitcode == 0


def copied(trial: Trial, folder: Path) -> Path:
    """A copy of the workspace that lacks the stage."""
    folder.mkdir(parents=True)
    return Path(shutil.copytree(trial.template, folder / "w"))


def in_process(trial: Trial, path: Path, told: Path, after: float | None = None) -> int:
    """Run the stage in a process of its own, which is killed after so many seconds if it has not ended by then."""
    process = multiprocessing.get_context("fork").Process(target=counted, args=(trial, path, told))
    process.start()
    process.join(after)
    if process.is_alive() and after is not None:
        os.kill(process.pid, signal.SIGKILL)
    process.join()
    return process.exitcode


def counted(trial: Trial, path: Path, told: Path) -> None:
    """The stage, which notes whatever it begins to compute."""
    os.chdir(path.parent)

    def note(what: str, count: int = 1) -> None:
        with told.open("a") as file:
            file.write(f"{what} {count}\n")

    def noting(owner: object, name: str, what: str, count: Callable[..., int]) -> None:
        original = getattr(owner, name)

        def noted(*values: Any, **named: Any) -> Any:
            note(what, count(*values))
            return original(*values, **named)

        setattr(owner, name, noted)

    noting(images, "_examine", PHOTO, lambda photo: 1)
    # Loading tries an encoder on one photo and one caption, which is no work.
    for name in ("embed_photos", "embed_captions"):
        noting(Encoder, name, EMBEDDED, lambda encoder, batch: len(batch) if len(batch) > 1 else 0)
    noting(loop, "_epoch", EPOCH, lambda *values: 1)
    noting(Here, "once", PIECE, lambda *values: 1)
    mapped = Here.map

    def pieces(self: Here, work: Work, count: int) -> Iterator[Piece]:
        if isinstance(work, Trials | PhotoBatches | CaptionBatches):  # which are counted by what they consist of
            return mapped(self, work, count)
        return mapped(self, lambda numbers: work(number for number in numbers if note(PIECE) is None), count)

    Here.map = pieces
    trial.run(path)


def tally(told: Path) -> Counter[str]:
    """How much of what was begun."""
    begun: Counter[str] = Counter()
    for line in told.read_text().splitlines() if told.exists() else ():
        what, _, count = line.partition(" ")
        begun[what] += int(count)
    return begun


def readable(trial: Trial, path: Path, expected: dict[str, str]) -> bool:
    """Whether all that was there before is whole, and what the stage was making is there whole or not at all."""
    workspace = Workspace(path)
    History(workspace).head()
    before = [name for name in NEEDS if (trial.template / name).exists()]
    whole = workspace.check() == {} and all(workspace.state(name) == "current" for name in before)
    return whole and trial.made(path) in (None, expected)


if __name__ == "__main__":
    main()
