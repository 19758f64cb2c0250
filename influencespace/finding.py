"""What lies in a workspace: finds artifacts, and says of each whether it is current, stale, damaged or missing."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from influencespace import integrity
from influencespace.artifact import MADE_BY, NEEDS, Artifact, canonical, damaged, hashed
from influencespace.curated import Curated
from influencespace.errors import DamagedError, WorkspaceError
from influencespace.integrity import RECORD
from influencespace.options import Options

RECORDED = {"stage", "options", "inputs", "content", "digest", "created", "seconds", "version", "facts"}


class Artifacts(Curated):
    """The artifacts in the folder of a workspace."""

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
                f"{self.path} has no {name} yet. To make what is missing: python -m influencespace {MADE_BY[name]}"
            )
        return found

    def find(self, name: str) -> Artifact | None:
        """The artifact of a stage, or None if it was not made yet.

        Raises
        ------
        DamagedError
            If its record cannot be read, or one of its files is missing or has another size than was written.
        """
        try:
            return self._find(name)
        except DamagedError:
            return self._find(name)  # looked at while it was being replaced, it is whole the next moment

    def _find(self, name: str) -> Artifact | None:
        # What stepped aside for a new artifact still counts while that is not in place, be it for ever after a kill.
        places = (self.path / name, self._aside(name))
        record = next((place / RECORD for place in places if (place / RECORD).exists()), None)
        if record is None:
            return None
        try:
            content = json.loads(record.read_text(encoding="utf-8"))
            missing = RECORDED - content.keys()
        except (OSError, ValueError, AttributeError, RecursionError) as error:
            raise damaged(name, f"{record} cannot be read ({error})") from None
        if missing:
            raise damaged(name, f"{record} lacks {', '.join(sorted(missing))}")
        try:
            why = integrity.torn(record.parent, content.get("files", {}))
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            why = f"{record} does not list files ({error})"
        if why is not None:
            raise damaged(name, why)
        return Artifact(name, record.parent, content)

    def recorded(self, name: str) -> dict[str, Any] | None:
        """The record of an artifact, of a damaged one too; None if there is none that can be read."""
        for place in (self.path / name, self._aside(name)):
            try:
                content = json.loads((place / RECORD).read_text(encoding="utf-8"))
                if content.keys() >= RECORDED:
                    return content
            except (OSError, ValueError, AttributeError, RecursionError):
                continue
        return None

    def damage(self, name: str) -> DamagedError | None:
        """What is wrong with a damaged artifact and what makes it again; None where nothing is."""
        try:
            self.find(name)
        except DamagedError as error:
            return error
        return None

    def check(self, names: Iterable[str] = NEEDS) -> dict[str, str]:
        """Compare the digests of all files of artifacts with those they were written with; reads the files whole.

        Returns
        -------
        dict
            Of each damaged artifact what is wrong, in a sentence. It counts as damaged from now on, until it is made again.
        """
        wrong = {}
        for name in names:
            why = self.damage(name)
            found = self.find(name) if why is None else None
            altered = integrity.altered(found.folder, found.record.get("files", {})) if found else None
            if altered is not None:
                integrity.mark(found.folder, altered)
                why = damaged(name, altered)
            if why is not None:
                wrong[name] = str(why)
        return wrong

    def state(self, name: str) -> str:
        """``missing``, ``damaged``, ``stale`` (something before it is not as it was then) or ``current``."""
        digests: dict[str, str] = {}  # of what is current
        state = "missing"
        for each in (*NEEDS[name], name):  # which lists all that anything before it needs, in the order of the road
            try:
                found = self.find(each)
            except DamagedError:
                state = "damaged"
                continue
            if found is None:
                state = "missing"
            elif any(need not in digests or digests[need] != found.record["inputs"].get(need) for need in NEEDS[each]):
                state = "stale"
            else:
                state = "current" if each != "plan" or self._as_asked(found) else "stale"
            if state == "current":
                digests[each] = found.digest
        return state

    def _as_asked(self, plan: Artifact) -> bool:
        """Whether a plan was made with the present decisions, and the options that were asked for."""
        decided = plan.record["content"] == hashed(canonical(self.decisions()))
        return decided and self.asked() in (None, plan.record["options"])

    def is_current(self, name: str, options: Options) -> bool:
        """Whether the artifact stands, made with just these options."""
        return self.state(name) == "current" and self.artifact(name).record["options"] == options.recipe()

    def _aside(self, name: str) -> Path:
        return self.path / f".{name}.old"
