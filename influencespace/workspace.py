"""One folder on disk is one curation project; this file, and finding, artifact, curated and holding alone know what lies in it.

A workspace holds one *artifact* a stage: a folder with tables (Parquet), arrays (npy), tensors (safetensors) and facts
(JSON), beside an ``artifact.json`` that says which stage made it, with which options, from which inputs. From that
record alone follows whether an artifact is current, stale, damaged or missing. Artifacts are written beside the old one, which
steps aside for the new one and is found there until that is in place, so that a reader never sees half of one and a kill
leaves the old one whole.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from influencespace import __version__, integrity
from influencespace.artifact import MADE_BY, NEEDS, Artifact, Draft, canonical, hashed
from influencespace.engines.kept import Pieces
from influencespace.errors import WorkspaceError
from influencespace.finding import Artifacts
from influencespace.holding import hold, now
from influencespace.integrity import RECORD
from influencespace.options import Options

__all__ = ["MADE_BY", "NEEDS", "Artifact", "Draft", "Workspace", "canonical"]

FORMAT = 1


class Workspace(Artifacts):
    """A curation project on disk.

    Parameters
    ----------
    path
        The folder. ``create=True`` makes it when it is absent; else an absent one is an error.

    Raises
    ------
    WorkspaceError
        If the folder is absent, is no workspace though it holds other files, or was written by a newer version.
    """

    def __init__(self, path: str | Path, *, create: bool = False) -> None:
        self.path = Path(path).expanduser().absolute()
        marker = self.path / "workspace.json"
        if not marker.exists():
            if not create:
                raise WorkspaceError(f"{self.path} is no workspace. Make one with: python -m influencespace import")
            if self.path.exists() and (not self.path.is_dir() or any(self.path.iterdir())):
                raise WorkspaceError(f"{self.path} exists and is no workspace; choose a new or an empty folder.")
            with self._explained("be created"):
                self.path.mkdir(parents=True, exist_ok=True)
                marker.write_text(json.dumps({"format": FORMAT, "created": now()}) + "\n", encoding="utf-8")
        try:
            form = int(json.loads(marker.read_text(encoding="utf-8"))["format"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise WorkspaceError(f"{marker} cannot be read ({error}); the workspace is damaged.") from None
        if form > FORMAT:
            raise WorkspaceError(f"{self.path} was written by a newer version of InfluenceSpace (format {form}).")

    @property
    def name(self) -> str:
        """The folder's name, for people."""
        return self.path.name

    @property
    def jobs(self) -> Path:
        """The database of jobs."""
        return self.path / "jobs.sqlite"

    @property
    def history(self) -> Path:
        """The database of versions."""
        return self.path / "history.sqlite"

    def private(self, name: str) -> Path:
        """A folder for what is no artifact but helps to make one (a partial result, thumbnails); it may be deleted.

        Raises
        ------
        WorkspaceError
            If the workspace was deleted meanwhile, or cannot be written.
        """
        if not (self.path / "workspace.json").exists():  # it must not come back as a folder with nothing but a cache
            raise WorkspaceError(f"The workspace {self.path} is gone.")
        folder = self.path / "cache" / name
        with self._explained("be written"):
            folder.mkdir(parents=True, exist_ok=True)
        return folder

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the workspace for writing; whoever comes second is told so at once.

        Raises
        ------
        WorkspaceError
            If another process holds it or the folder cannot be written.
        """
        with self._explained("be written"):
            if not os.access(self.path, os.W_OK):
                raise PermissionError("permission denied, or the disk is read-only")
            holding = hold(self.path)
        with holding:
            yield

    def needs_room(self, size: int, what: str) -> None:
        """Refuse what needs more bytes than the disk has left, before hours of work come to nothing.

        Raises
        ------
        WorkspaceError
            If the disk has less left.
        """
        free = shutil.disk_usage(self.path).free
        if free < size:
            raise WorkspaceError(
                f"{what} needs {size / 1e6:,.1f} MB on the disk of {self.path}, which has {free / 1e6:,.1f} MB left. Free "
                "some, or make the workspace on another disk."
            )

    def plan_digest(self, options: Options, decisions: dict[str, Any]) -> str:
        """The digest that a plan with these options and decisions would have, made from what there is now.

        Raises
        ------
        WorkspaceError
            If something that a plan is made from is not there yet.
        """
        return self.plan_digests([(options, decisions)])[0]

    def plan_digests(self, plans: Iterable[tuple[Options, dict[str, Any]]]) -> list[str]:
        """The same for many plans."""
        inputs = self._inputs("plan")
        return [_recipe("plan", options, inputs, hashed(canonical(decisions)))[1] for options, decisions in plans]

    @contextlib.contextmanager
    def write(self, name: str, options: Options) -> Iterator[Draft]:
        """Write an artifact: fill the draft inside the block; it is put in place when the block ends without an error.

        Raises
        ------
        WorkspaceError
            If the workspace cannot be written.
        """
        began = time.monotonic()
        inputs = self._inputs(name)
        # Taken before the stage reads them: a plan during whose making the curator decides otherwise must come out stale.
        decided = hashed(canonical(self.decisions())) if name == "plan" else None
        folder = self.path / f".{name}.draft"
        with self._explained("be written"):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            try:
                draft = Draft(folder, pieces=self.pieces(name, options))
                yield draft
                recipe, digest = _recipe(name, options, inputs, decided or draft.content)
                record = recipe | {
                    "digest": digest, "created": now(), "seconds": time.monotonic() - began + draft.spent + draft.pieces.spared,
                    "version": __version__, "facts": draft.facts, "files": integrity.listing(folder),
                }
                with (folder / RECORD).open("w", encoding="utf-8") as file:
                    file.write(json.dumps(record, indent=1) + "\n")
                    file.flush()
                    # With the record on the disk, whatever else a power cut takes is found by its size and digest.
                    os.fsync(file.fileno())
                self._put_in_place(folder, name)
                draft.pieces.clear()
            finally:
                shutil.rmtree(folder, ignore_errors=True)

    def pieces(self, name: str, options: Options, content: str = "") -> Pieces:
        """What an earlier run with these options, inputs and ``content`` (as of a draft) has finished of an artifact before it
        was killed."""
        recipe = {
            "options": options.recipe(), "inputs": self._inputs(name), "content": content,
            "device": getattr(options, "device", None),
        }
        return Pieces(self.path / "cache" / "pieces" / name, recipe, self._keeping)

    @contextlib.contextmanager
    def _keeping(self) -> Iterator[None]:
        self.private("pieces")  # an error where the workspace is gone, which must not come back as a cache
        with self._explained("be written"):
            yield

    def _inputs(self, name: str) -> dict[str, str]:
        return {need: self.artifact(need).digest for need in NEEDS[name]}

    def _put_in_place(self, folder: Path, name: str) -> None:
        # A folder cannot be replaced in one step; the old one steps aside first, and comes back if the second step fails.
        final, aside = self.path / name, self._aside(name)
        if final.exists():
            shutil.rmtree(aside, ignore_errors=True)
            final.rename(aside)
        try:
            folder.rename(final)
        except OSError:
            if aside.exists():
                aside.rename(final)
            raise
        shutil.rmtree(aside, ignore_errors=True)


def _recipe(name: str, options: Options, inputs: dict[str, str], content: str) -> tuple[dict[str, Any], str]:
    """What decides an artifact, and its digest."""
    recipe = {"stage": name, "options": options.recipe(), "inputs": inputs, "content": content}
    return recipe, hashed(canonical(recipe))
