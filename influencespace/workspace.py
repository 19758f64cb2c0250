"""One folder on disk is one curation project; this file alone knows what lies where in it.

A workspace holds one *artifact* a stage: a folder with tables (Parquet), arrays (npy), tensors (safetensors) and facts
(JSON), beside an ``artifact.json`` that says which stage made it, with which options, from which inputs. From that
record alone follows whether an artifact is current, stale or missing. Artifacts are written beside the old one, which
steps aside for the new one and is found there until that is in place, so that a reader never sees half of one and a kill
leaves the old one whole.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock, Timeout
from safetensors.numpy import load_file, save_file

from influencespace import __version__
from influencespace.errors import InfluenceSpaceError, WorkspaceError
from influencespace.options import Options

FORMAT = 1
RECORD = "artifact.json"
PLAN_OPTIONS = "plan_options.json"
RECORDED = {"stage", "options", "inputs", "content", "digest", "created", "seconds", "version", "facts"}
# The stages in the order of the road, and what each reads. stages.py says what they do.
NEEDS: dict[str, tuple[str, ...]] = {
    "pairs": (),
    "features": ("pairs",),
    "proxy": ("pairs", "features"),
    "clusters": ("pairs", "features", "proxy"),
    "scores": ("pairs", "features", "proxy", "clusters"),
    "plan": ("pairs", "features", "proxy", "clusters", "scores"),
    "effects": ("pairs", "features", "proxy", "clusters", "scores"),
    "verification": ("pairs", "features", "proxy", "clusters", "scores", "effects"),
    "training": ("pairs", "features", "proxy", "clusters", "scores", "plan"),
}
MADE_BY = {
    "pairs": "import", "features": "embed", "proxy": "proxy", "clusters": "cluster", "scores": "score", "plan": "plan",
    "effects": "effects", "verification": "verify", "training": "train",
}


@dataclass(frozen=True)
class Artifact:
    """What one stage left: readers of its parts, and its record.

    ``record`` has ``stage, options, inputs, digest, created, seconds, version`` and ``facts`` (what the stage says of
    itself in plain JSON values).
    """

    name: str
    folder: Path
    record: dict[str, Any]

    @property
    def digest(self) -> str:
        """Identifies what the artifact was made from and with; equal digests mean equal content."""
        return self.record["digest"]

    @property
    def facts(self) -> dict[str, Any]:
        """What the stage says of its result."""
        return self.record["facts"]

    def table(self, name: str) -> pd.DataFrame:
        """A table of the artifact, from Parquet."""
        return pd.read_parquet(self.folder / f"{name}.parquet")

    def columns(self, name: str, columns: list[str], coded: Sequence[str] = ()) -> pa.Table:
        """Some columns of a table, for those too long for strings of Python; ``coded`` ones come dictionary-encoded."""
        return pq.read_table(self.folder / f"{name}.parquet", columns=columns, read_dictionary=list(coded))

    def array(self, name: str) -> np.ndarray:
        """An array of the artifact, memory-mapped and read-only."""
        return np.load(self.folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)

    def tensors(self, name: str) -> dict[str, np.ndarray]:
        """Named arrays of the artifact, from safetensors."""
        return load_file(self.folder / f"{name}.safetensors")

    def json(self, name: str) -> Any:
        """A JSON document of the artifact."""
        return json.loads((self.folder / f"{name}.json").read_text(encoding="utf-8"))

    def has(self, file: str) -> bool:
        """Whether the artifact holds a file of that name (with its extension)."""
        return (self.folder / file).exists()


@dataclass
class Draft:
    """An artifact while it is written. ``facts`` goes into its record; ``content`` names what options cannot say."""

    folder: Path
    facts: dict[str, Any] = field(default_factory=dict)
    content: str = ""

    def table(self, name: str, table: pd.DataFrame) -> None:
        """Write a table as Parquet."""
        table.to_parquet(self.folder / f"{name}.parquet", index=False)

    def array(self, name: str, array: np.ndarray) -> None:
        """Write an array as npy."""
        np.save(self.folder / f"{name}.npy", array, allow_pickle=False)

    def tensors(self, name: str, tensors: dict[str, np.ndarray]) -> None:
        """Write named arrays as safetensors."""
        save_file({k: np.ascontiguousarray(v) for k, v in tensors.items()}, self.folder / f"{name}.safetensors")

    def json(self, name: str, value: Any) -> None:
        """Write a JSON document, the same bytes for the same value."""
        (self.folder / f"{name}.json").write_text(canonical(value) + "\n", encoding="utf-8")


class Workspace:
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
                marker.write_text(json.dumps({"format": FORMAT, "created": _now()}) + "\n", encoding="utf-8")
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
        """A folder for what is no artifact but helps to make one (a partial result, thumbnails); it may be deleted."""
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
        lock = FileLock(self.path / ".lock")
        with self._explained("be written"):
            if not os.access(self.path, os.W_OK):
                raise PermissionError("permission denied")
            try:
                lock.acquire(timeout=0)
            except Timeout:
                raise WorkspaceError(
                    f"{self.path} is being written by another process; wait until it is done, or cancel it."
                ) from None
        try:
            yield
        finally:
            lock.release()

    def decisions(self) -> dict[str, Any]:
        """What the curator has decided by hand, as :mod:`influencespace.curation.decisions` has it; empty at first.

        Levels on which nothing is decided are left out, so that the same decisions are equal.
        """
        file = self.path / "decisions.json"
        if not file.exists():
            return {}
        try:
            decisions = json.loads(file.read_text(encoding="utf-8"))
            kinds = {level: list if level == "sets" else dict for level in decisions}
            if not isinstance(decisions, dict) or not all(isinstance(decisions[level], kinds[level]) for level in kinds):
                raise ValueError("decisions must be under topics, clusters or pairs, by name, or a list under sets")
        except (OSError, ValueError) as error:
            raise WorkspaceError(f"{file} cannot be read ({error}); mend it, or delete it to start anew.") from None
        return {level: decided for level, decided in decisions.items() if decided}

    def decide(self, decisions: dict[str, Any]) -> None:
        """Keep the curator's decisions; the plan made from others is stale from now on."""
        self._keep("decisions.json", decisions)

    def asked(self) -> dict[str, Any] | None:
        """The recipe of the options that the plan is to be made with, or None where it was not asked for any."""
        file = self.path / PLAN_OPTIONS
        if not file.exists():
            return None
        try:
            asked = json.loads(file.read_text(encoding="utf-8"))
            if not isinstance(asked, dict):
                raise ValueError("options must be by name")
        except (OSError, ValueError) as error:
            raise WorkspaceError(f"{file} cannot be read ({error}); delete it to go on with the options of before.") from None
        return asked

    def ask(self, options: Options) -> None:
        """Keep the options that the plan is to be made with; the plan made with others is stale from now on."""
        if self.asked() != options.recipe():
            self._keep(PLAN_OPTIONS, options.recipe())

    def plan_digest(self, options: Options, decisions: dict[str, Any]) -> str:
        """The digest that a plan with these options and decisions would have, made from what there is now.

        Raises
        ------
        WorkspaceError
            If something that a plan is made from is not there yet.
        """
        return _digest(self._recipe("plan", options, _hash(canonical(decisions))))

    def _keep(self, name: str, value: Any) -> None:
        with self._explained("be written"):
            file = self.path / name
            file.parent.mkdir(exist_ok=True)
            # Under a name of its own: of two that write at once the later one stays, whole.
            temporary = file.with_name(f".{file.name}.{os.getpid()}.{threading.get_ident()}")
            temporary.write_text(canonical(value) + "\n", encoding="utf-8")
            temporary.replace(file)

    def store_set(self, digest: str, pairs: pd.DataFrame) -> None:
        """Keep a set of pairs under the digest of what it holds."""
        file = self._set(digest)
        if file.exists():
            return
        with self._explained("be written"):
            file.parent.mkdir(exist_ok=True)
            temporary = file.with_name(f".{file.name}.{os.getpid()}.{threading.get_ident()}")
            pairs.to_parquet(temporary, index=False)
            temporary.replace(file)

    def stored_set(self, digest: str) -> pa.Table | None:
        """The set of pairs with that digest, or None if it is not kept."""
        file = self._set(digest)
        return pq.read_table(file) if file.exists() else None

    def store_measured(self, plan: str, summary: dict[str, Any]) -> None:
        """Keep what was measured of the plan with that digest."""
        self._keep(f"measured/{plan}.json", summary)

    def measured(self) -> dict[str, dict[str, Any]]:
        """What was measured, by the digest of the plan."""
        found = {}
        for file in sorted((self.path / "measured").glob("*.json")):
            try:
                found[file.stem] = json.loads(file.read_text(encoding="utf-8"))
            except (OSError, ValueError) as error:
                raise WorkspaceError(f"{file} cannot be read ({error}); delete it, or train that plan again.") from None
        return found

    def _set(self, digest: str) -> Path:
        return self.path / "sets" / f"{Path(digest).name}.parquet"

    def artifact(self, name: str) -> Artifact:
        """The artifact of a stage, current or stale.

        Raises
        ------
        WorkspaceError
            If it was not made yet (the message names the command that makes it) or its record is damaged.
        """
        found = self.find(name)
        if found is None:
            raise WorkspaceError(
                f"{self.path} has no {name} yet. Make them with: python -m influencespace {MADE_BY[name]}"
            )
        return found

    def find(self, name: str) -> Artifact | None:
        """The artifact of a stage, or None if it was not made yet."""
        # What stepped aside for a new artifact still counts while that is not in place, be it for ever after a kill.
        places = (self.path / name, self._aside(name))
        record = next((place / RECORD for place in places if (place / RECORD).exists()), None)
        if record is None:
            return None
        try:
            content = json.loads(record.read_text(encoding="utf-8"))
            missing = RECORDED - content.keys()
        except (OSError, ValueError, AttributeError) as error:
            raise WorkspaceError(f"{record} cannot be read ({error}); run {MADE_BY[name]} again.") from None
        if missing:
            raise WorkspaceError(f"{record} lacks {', '.join(sorted(missing))}; run {MADE_BY[name]} again.")
        return Artifact(name, record.parent, content)

    def state(self, name: str) -> str:
        """``missing``, ``stale`` (something before it has changed since, or it is damaged) or ``current``."""
        try:
            found = self.find(name)
            inputs = {need: self.find(need) for need in NEEDS[name]}
        except WorkspaceError:
            return "stale"
        if found is None:
            return "missing"
        fresh = all(a is not None and a.digest == found.record["inputs"].get(need) for need, a in inputs.items())
        upstream = all(self.state(need) == "current" for need in NEEDS[name])
        decided = name != "plan" or self._as_asked(found)
        return "current" if fresh and upstream and decided else "stale"

    def _as_asked(self, plan: Artifact) -> bool:
        """Whether a plan was made with the present decisions, and the options that were asked for."""
        decided = plan.record["content"] == _hash(canonical(self.decisions()))
        return decided and self.asked() in (None, plan.record["options"])

    def is_current(self, name: str, options: Options) -> bool:
        """Whether the artifact stands, made with just these options."""
        return self.state(name) == "current" and self.artifact(name).record["options"] == options.recipe()

    @contextlib.contextmanager
    def write(self, name: str, options: Options) -> Iterator[Draft]:
        """Write an artifact: fill the draft inside the block; it is put in place when the block ends without an error.

        Raises
        ------
        WorkspaceError
            If the workspace cannot be written.
        """
        began = time.monotonic()
        before = self._recipe(name, options, "")
        # Taken before the stage reads them: a plan during whose making the curator decides otherwise must come out stale.
        decided = _hash(canonical(self.decisions())) if name == "plan" else None
        folder = self.path / f".{name}.draft"
        with self._explained("be written"):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            try:
                draft = Draft(folder)
                yield draft
                recipe = before | {"content": decided or draft.content}
                record = recipe | {
                    "digest": _digest(recipe), "created": _now(), "seconds": time.monotonic() - began,
                    "version": __version__, "facts": draft.facts,
                }
                (folder / RECORD).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
                self._put_in_place(folder, name)
            finally:
                shutil.rmtree(folder, ignore_errors=True)

    def _recipe(self, name: str, options: Options, content: str) -> dict[str, Any]:
        inputs = {need: self.artifact(need).digest for need in NEEDS[name]}
        return {"stage": name, "options": options.recipe(), "inputs": inputs, "content": content}

    def _aside(self, name: str) -> Path:
        return self.path / f".{name}.old"

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

    @contextlib.contextmanager
    def _explained(self, verb: str) -> Iterator[None]:
        try:
            yield
        except InfluenceSpaceError:
            raise
        except OSError as error:
            # A stage may fail to read something else of the curator's; that is not the workspace's fault.
            if error.filename and not Path(os.fsdecode(error.filename)).is_relative_to(self.path):
                raise
            reason = f"{error.strerror or error}" + (f" ({error.filename})" if error.filename else "")
            raise WorkspaceError(f"The workspace {self.path} cannot {verb}: {reason}.") from error


def canonical(value: Any) -> str:
    """JSON with sorted keys and no spare spaces: the same text for the same value."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _digest(recipe: dict[str, Any]) -> str:
    return _hash(canonical(recipe))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:32]


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
