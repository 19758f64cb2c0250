"""What a training has finished, kept until it is whole: a training that was cancelled or killed goes on where it stopped.

It lies in the workspace's private cache, in a folder named by the digest of the recipe: of everything that decides how a run
comes out but not of which runs are wanted, so that a further arm or seed adds to what is there. The folder of each
finished run appears in one step, so that half a run is never taken for a whole one.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib.metadata
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file

import influencespace
from influencespace import integrity
from influencespace.artifact import told_by_safetensors
from influencespace.engines import HERE, Engine
from influencespace.engines.kept import Keeping, Pieces
from influencespace.features.hub import at_hand, other_files, weight_files
from influencespace.options import Options
from influencespace.progress import Progress, silent
from influencespace.training import sealed
from influencespace.training.arms import ArmWeights
from influencespace.training.journal import Journal
from influencespace.training.loop import Settings
from influencespace.training.options import TrainOptions
from influencespace.workspace import NEEDS, Workspace, canonical

# What lists the files of a finished run, with their digests.
LISTED = "kept.json"
# A training with other options is another recipe; so many are kept, the latest ones.
RECIPES = 10
# The stations whose code a run goes through.
STATIONS = ("pairs", "features", "metrics", "proxy", "clusters", "influence", "curation", "training", "evaluation")
LIBRARIES = ("torch", "numpy", "scikit-learn", "transformers", "peft")


@dataclass(frozen=True)
class Kept:
    """The finished runs and tried settings of one recipe, and the journal of its training."""

    folder: Path

    @classmethod
    def of(cls, workspace: Workspace, options: TrainOptions, plan: Options, decisions: dict[str, Any]) -> Kept:
        """What is kept of training under these options, from the plan that these options and decisions make.

        The plan itself need not be there yet: what decides it is what decides the recipe.
        """
        inputs = {name: found.digest if (found := workspace.find(name)) else None for name in NEEDS["training"] if name != "plan"}
        # A further arm or seed adds to what is there; anything else makes other runs.
        asked = {name: value for name, value in options.recipe().items() if name not in ("arms", "seeds")}
        recipe = {
            "inputs": inputs, "plan": plan.recipe(), "decisions": decisions, "options": asked, "device": options.device,
            "code": code_digest(), "libraries": {name: importlib.metadata.version(name) for name in LIBRARIES},
            "model": _files(options.model),
        }
        return cls(workspace.private("training") / hashlib.sha256(canonical(recipe).encode()).hexdigest()[:32])

    @classmethod
    def latest(cls, workspace: Workspace, since: float) -> Kept | None:
        """That of the latest training, if it has kept anything after ``since`` (seconds since the epoch)."""
        worked = {folder.stat().st_mtime: folder for folder in workspace.private("training").iterdir()}
        return cls(worked[max(worked)]) if worked and max(worked) >= since else None

    @property
    def journal(self) -> Path:
        """The file that the training tells its course to."""
        return self.folder / "journal.jsonl"

    def forget(self) -> None:
        """Let go of all of it."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def open(self, progress: Progress = silent) -> Journal:
        """Make the folder if it is not there, let go of the oldest ones and of what is damaged, and go on with the journal.

        ``progress`` is told in a sentence of what is damaged, and so made again.
        """
        self.folder.mkdir(exist_ok=True)
        os.utime(self.folder)
        worked = sorted(self.folder.parent.iterdir(), key=lambda folder: folder.stat().st_mtime)
        for old in worked[:-RECIPES]:
            shutil.rmtree(old, ignore_errors=True)
        for begun in self.folder.glob("draft=*"):
            shutil.rmtree(begun, ignore_errors=True)
        self._let_go_of_damaged(progress)
        return Journal(self.journal)

    def _let_go_of_damaged(self, progress: Progress) -> None:
        """Remove what is no longer as it was written, so that it is made again, and tell ``progress`` of it."""
        for run in sorted(self.folder.glob("run=*")):
            why = _altered(run)
            if why is not None:
                progress(0, 1, f"{why}; the run is trained again")
                shutil.rmtree(run)
        for file in sorted(file for file in self.folder.iterdir() if file.suffix in (".safetensors", ".npy")):
            why = sealed.broken(file)
            if why is not None:
                progress(0, 1, f"{why}; what it kept is computed again")
                sealed.remove(file)

    def finished(self) -> set[tuple[str, int]]:
        """The runs that are there, as (arm, seed)."""
        names = (folder.name.rpartition("=") for folder in self.folder.glob("run=*"))
        return {(arm.removeprefix("run="), int(seed)) for arm, _, seed in names}

    def run(self, arm: str, seed: int) -> Path:
        """The folder of a run; it is there only when the run is finished."""
        return self.folder / f"run={arm}={seed}"

    @contextlib.contextmanager
    def finishing(self, arm: str, seed: int) -> Iterator[Path]:
        """A folder to write a finished run to, which becomes its own when the block ends without an error.

        A run that another process has finished meanwhile (one that was thought dead) stays as it is; both are the same.
        """
        draft = self.folder / f"draft={arm}={seed}={os.getpid()}"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir()
        yield draft
        (draft / LISTED).write_text(json.dumps(integrity.listing(draft)), encoding="utf-8")
        try:
            draft.rename(self.run(arm, seed))
        except OSError:
            if not self.run(arm, seed).exists():
                raise
            shutil.rmtree(draft)
        for begun in (self.checkpoint(arm, seed), self._drawn(arm, seed)):
            sealed.remove(begun)
        shutil.rmtree(self._drawing(arm, seed), ignore_errors=True)

    def checkpoint(self, arm: str, seed: int) -> Path:
        """The file that a run at hand goes on from after each of its epochs; gone when it is finished."""
        return self.folder / f"checkpoint={arm}={seed}.safetensors"

    def drawn(self, arm: str, seed: int) -> ArmWeights | None:
        """The weights that a run was begun with, or None; finding them may have taken longer than the training does."""
        file = self._drawn(arm, seed)
        if not file.exists():
            return None
        found = load_file(file)
        return ArmWeights(found["weights"], float(found["seconds"]))

    def keep_drawn(self, arm: str, seed: int, found: ArmWeights) -> None:
        """Keep the weights of a run that begins."""
        file = self._drawn(arm, seed)
        with sealed.replacing(file) as draft, told_by_safetensors():
            save_file({"weights": found.weights, "seconds": np.array(found.seconds)}, draft)

    def drawing(self, seed: int, name: str = "") -> Engine:
        """An engine that keeps what comes of drawing a seed anew: for the run of that name, or without one for all of the seed.

        It is kept until that run is finished, another seed is drawn, or :meth:`all_drawn` is called.
        """
        self._let_go_of_drawings(but=seed)
        return Keeping(HERE, Pieces(self._drawing(name, seed), {}))

    def all_drawn(self) -> None:
        """Let go of what was kept of drawing seeds anew: all runs are finished."""
        self._let_go_of_drawings()

    def _let_go_of_drawings(self, but: int | None = None) -> None:
        for folder in self.folder.glob("drawing=*"):
            if folder.name.rpartition("=")[2] != str(but):
                shutil.rmtree(folder, ignore_errors=True)

    def tried(self, settings: Settings) -> np.ndarray | None:
        """(photos,) validation recalls under settings that were tried before, or None."""
        file = self._trial(settings)
        return np.load(file, allow_pickle=False) if file.exists() else None

    def keep_trial(self, settings: Settings, scores: np.ndarray) -> None:
        """Keep what settings have given."""
        with sealed.replacing(self._trial(settings)) as draft, draft.open("wb") as file:
            np.save(file, scores, allow_pickle=False)
        for begun in self.folder.glob(f"trying={_named(settings)}=*"):
            begun.unlink(missing_ok=True)

    def trying(self, settings: Settings, seed: int) -> Path:
        """The checkpoint of settings that are being tried; gone when they have been."""
        return self.folder / f"trying={_named(settings)}={seed}.safetensors"

    def _drawing(self, name: str, seed: int) -> Path:
        return self.folder / f"drawing={name}={seed}"

    def _trial(self, settings: Settings) -> Path:
        return self.folder / f"tried={_named(settings)}.npy"

    def _drawn(self, arm: str, seed: int) -> Path:
        return self.folder / f"drawn={arm}={seed}.safetensors"


def _altered(run: Path) -> str | None:
    """What is wrong with the folder of a finished run, in words; None if all is as it was written."""
    try:
        return integrity.altered(run, json.loads((run / LISTED).read_text(encoding="utf-8")))
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return f"{run / LISTED} cannot be read"


def _named(settings: Settings) -> str:
    return f"{settings.learning_rate:g}={settings.epochs}"


def _files(model: str | None) -> list[tuple[str, int, int]]:
    """The files of a named model as they are now: their name, size and time; another model may take the place of one."""
    folder = at_hand(model) if model is not None else None
    files = [*weight_files(folder), *other_files(folder)] if folder is not None else []
    return [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files]


@functools.cache
def code_digest() -> str:
    """Digest of the code: runs of an earlier version are not taken for those of this one."""
    root = Path(influencespace.__file__).parent
    files = sorted(file for station in STATIONS for file in (root / station).glob("*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:32]
