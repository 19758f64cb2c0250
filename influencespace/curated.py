"""What the curator leaves in a workspace beside the artifacts: decisions, the options asked for, sets of pairs, and what was
measured. Each is a file that appears whole or not at all.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from influencespace.artifact import canonical
from influencespace.errors import InfluenceSpaceError, WorkspaceError
from influencespace.options import Options

# The disk is full, its user's share is, or a file is as large as it may be.
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
PLAN_OPTIONS = "plan_options.json"
# What a decision on a set of pairs says.
ENTRY = {"set", "name", "decision"}


class Curated:
    """The curator's files in the folder of a workspace."""

    path: Path

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
            if not all(isinstance(entry, dict) and entry.keys() >= ENTRY for entry in decisions.get("sets", [])):
                raise ValueError("a decision on a set has the keys set, name and decision")
        except (OSError, ValueError, TypeError, RecursionError) as error:
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
        except (OSError, ValueError, RecursionError) as error:
            raise WorkspaceError(f"{file} cannot be read ({error}); delete it to go on with the options of before.") from None
        return asked

    def ask(self, options: Options) -> None:
        """Keep the options that the plan is to be made with; the plan made with others is stale from now on."""
        if self.asked() != options.recipe():
            self._keep(PLAN_OPTIONS, options.recipe())

    def store_set(self, digest: str, pairs: pd.DataFrame) -> None:
        """Keep a set of pairs under the digest of what it holds."""
        file = self._set(digest)
        if file.exists():
            return
        with self._explained("be written"):
            file.parent.mkdir(exist_ok=True)
            with self._beside(file) as temporary:
                pairs.to_parquet(temporary, index=False)

    def stored_set(self, digest: str) -> pa.Table | None:
        """The set of pairs with that digest, or None if it is not kept."""
        file = self._set(digest)
        if not file.exists():
            return None
        try:
            return pq.read_table(file)
        except (OSError, pa.ArrowException) as error:
            raise WorkspaceError(
                f"The set of pairs {file} is damaged ({error}); put it back from a copy, or take back the decisions on it."
            ) from None

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

    def _keep(self, name: str, value: Any) -> None:
        with self._explained("be written"):
            file = self.path / name
            file.parent.mkdir(exist_ok=True)
            with self._beside(file) as temporary:
                temporary.write_text(canonical(value) + "\n", encoding="utf-8")

    @staticmethod
    @contextlib.contextmanager
    def _beside(file: Path) -> Iterator[Path]:
        """A path to write to, which becomes the file once the block has ended well."""
        # Under a name of its own: of two that write at once the later one stays, whole.
        temporary = file.with_name(f".{file.name}.{os.getpid()}.{threading.get_ident()}")
        try:
            yield temporary
            temporary.replace(file)
        finally:
            temporary.unlink(missing_ok=True)

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
            raise WorkspaceError(f"The workspace {self.path} cannot {verb}: {reason}.{self._room(error)}") from error

    def _room(self, error: OSError) -> str:
        """What to do where there was no room to write."""
        # Libraries below tell of a full disk in words alone.
        if error.errno not in FULL and not any(os.strerror(code) in str(error) for code in FULL):
            return ""
        free = shutil.disk_usage(self.path).free
        return (
            f" Its disk has {free / 1e6:,.1f} MB left: free some, or move the workspace to another disk, and start again. What "
            "was finished before is kept."
        )
