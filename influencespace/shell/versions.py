"""The commands of curation: the versions, one step back and forth, names, comparing, and decisions by name."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from influencespace.errors import OptionError
from influencespace.shell.output import command

if TYPE_CHECKING:
    from influencespace.curation.history import History, Version
    from influencespace.curation.options import PlanOptions
    from influencespace.workspace import Workspace

TAKE_BACK = "none"


class Level(enum.StrEnum):
    """What a decision may be about, by name."""

    topics = "topics"
    clusters = "clusters"
    pairs = "pairs"


def list_versions(workspace: str, json_file: str | None, quiet: bool) -> None:
    """``history``: all versions, the newest first."""
    with command(json_file) as output:
        from influencespace.shell.words import version_lines

        place, history = _opened(workspace)
        head, versions = history.head(), history.versions()
        output.say(*version_lines(versions, head))
        output.finish({
            "workspace": str(place.path), "head": head.id, "versions": [version_json(version) for version in versions],
        })


def undo(workspace: str, json_file: str | None, quiet: bool) -> None:
    """``undo``."""
    _step(workspace, json_file, lambda place, history: history.undo())


def redo(workspace: str, json_file: str | None, quiet: bool) -> None:
    """``redo``."""
    _step(workspace, json_file, lambda place, history: history.redo())


def go_to(workspace: str, json_file: str | None, quiet: bool, version: str) -> None:
    """``return``."""
    _step(workspace, json_file, lambda place, history: history.go_to(version))


def name(workspace: str, json_file: str | None, quiet: bool, name: str, version: str | None) -> None:
    """``name``: of the present version, or of another."""

    def named(place: Workspace, history: History) -> Version:
        of = history.head() if version is None else history.version(version)
        return history.name(of.id, name)

    _step(workspace, json_file, named)


def decide(workspace: str, json_file: str | None, quiet: bool, level: Level, name: str, decision: str) -> None:
    """``decide``: a decision that the plan could not follow is refused."""

    def decided(place: Workspace, history: History) -> Version:
        from influencespace.curation.decisions import with_decision
        from influencespace.curation.inputs import PlanInputs

        def edit(before: Version) -> tuple[PlanOptions, dict[str, Any]]:
            after = with_decision(before.decisions, level.value, name, wanted)
            inputs.decided(after)
            return before.options, after

        wanted, inputs = _decision(decision), PlanInputs.read(place)
        what = f"{level.value.removesuffix('s')} {name}: {decision if decision != TAKE_BACK else 'decision taken back'}"
        return history.change(what, edit)

    _step(workspace, json_file, decided)


def compare(workspace: str, json_file: str | None, quiet: bool, a: str, b: str) -> None:
    """``compare``: two versions beside each other."""
    with command(json_file) as output:
        from influencespace.curation.comparing import compare_versions
        from influencespace.curation.inputs import PlanInputs
        from influencespace.shell.words import comparison_lines

        place, _ = _opened(workspace)
        inputs = PlanInputs.read(place)
        found = compare_versions(place, a, b, inputs)
        output.say(*comparison_lines(found))
        rows = {"only_a": found.only_a, "only_b": found.only_b, "reweighted": found.reweighted}
        output.finish({
            "workspace": str(place.path), "pairs": found.pairs, "both": found.both,
            **{key: inputs.ids.take(own).to_pylist() for key, own in rows.items()},
            "clusters": found.clusters.to_dict("records"), "gaps": found.gaps,
            **{key: {
                "version": version_json(side.version), "kept": side.kept, "removed": side.removed,
                "up_weighted": side.up_weighted, "notes": side.notes, "gains": side.gains, "gaps": side.gaps,
                "measured": side.measured and {"recall": side.measured.recall, "differences": side.measured.differences},
            } for key, side in (("a", found.a), ("b", found.b))},
        })


def version_json(version: Version) -> dict[str, Any]:
    """A version as plain JSON values."""
    return {
        "id": version.id, "parent": version.parent, "created": version.created, "what": version.what, "name": version.name,
        "options": version.options.recipe(), "decisions": version.decisions,
    }


def _step(workspace: str, json_file: str | None, make: Callable[[Workspace, History], Version]) -> None:
    """Change the history and say at which version it is now."""
    with command(json_file) as output:
        from influencespace.shell.words import step_lines

        place, history = _opened(workspace)
        version = make(place, history)
        plan = place.state("plan")
        output.say(*step_lines(place, version, plan))
        output.finish({"workspace": str(place.path), "version": version_json(version), "plan": plan})


def _opened(workspace: str) -> tuple[Workspace, History]:
    from influencespace.curation.history import History
    from influencespace.workspace import Workspace

    place = Workspace(workspace)
    return place, History(place)


def _decision(said: str) -> str | float | None:
    if said == TAKE_BACK:
        return None
    try:
        return said if said in ("keep", "prune", "up-weight") else float(said)
    except ValueError:
        raise OptionError(f"A decision is keep, prune, up-weight, a weight or {TAKE_BACK}; {said!r} is none of them.") from None
