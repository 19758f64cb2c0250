"""What each command of the shell does; ``influencespace.cli`` says how it is called.

What computes is imported when a command runs, so that help is there at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from influencespace.errors import OptionError
from influencespace.export.options import ExportOptions
from influencespace.options import Options, restore
from influencespace.pairs.options import ImportOptions
from influencespace.shell.commands import ASKED_FOR, COMMANDS
from influencespace.shell.flags import given
from influencespace.shell.output import Output, command
from influencespace.training.options import TrainOptions

if TYPE_CHECKING:
    from influencespace.workspace import Workspace

KINDS = {name: offered.options for name, offered in COMMANDS.items()}
# The whole road makes all that decisions need.
ROAD_KINDS = {name: kind for name, kind in KINDS.items() if name not in ASKED_FOR}


def demo(directory: str, seed: int, json_file: str | None, quiet: bool) -> None:
    """Draw the demo, take it the whole road, and say what curation found."""
    with command(json_file) as output:
        from influencespace.shell.bars import Bars
        from influencespace.shell.results import found_faults
        from influencespace.shell.words import found_lines
        from influencespace.stages import build_demo, run_stages

        with Bars(quiet) as progress:
            workspace = build_demo(directory, seed, progress)
            ran = run_stages(workspace, {"train": TrainOptions(seed=seed)}, progress)
        found = found_faults(workspace)
        result = _results(output, workspace, ran)
        output.say("", *found_lines(found))
        output.say("", "Look at it with:", f"INFLUENCESPACE_WORKSPACE={workspace.path} streamlit run app.py")
        output.finish(result | {"found": found})


def run(workspace: str, json_file: str | None, quiet: bool, **flags: Any) -> None:
    """Take pairs the whole road and print the table of arms."""
    with command(json_file) as output:
        wanted = {name: restore(KINDS[name], values) for name, values in given(ROAD_KINDS, flags).items()}
        output.spare(_sources(wanted["import"]))
        place, ran = _run_stages(workspace, wanted, quiet, create=True)
        from influencespace.shell.words import stage_lines

        output.say(*stage_lines(place, "pairs"))
        output.finish(_results(output, place, ran))


def stage(name: str) -> Callable[..., None]:
    """The body of the command of a stage: bring it up to date, or make it with the options given."""
    def body(workspace: str, json_file: str | None, quiet: bool, **flags: Any) -> None:
        with command(json_file) as output:
            values = given({name: KINDS[name]}, flags)[name]
            options = restore(KINDS[name], values) if values else None
            output.spare(_sources(options) if name == "import" else _sources_of(workspace))
            place, ran = _run_stages(workspace, {name: options}, quiet, create=name == "import")
            output.finish((_results if name == "train" else _stage_result(name))(output, place, ran))

    return body


def train(workspace: str, from_run: str | None, json_file: str | None, quiet: bool, **flags: Any) -> None:
    """Train the arms, or repeat a training from its record."""
    if from_run is None:
        return stage("train")(workspace, json_file, quiet, **flags)
    with command(json_file) as output:
        if given({"train": TrainOptions}, flags)["train"]:
            raise OptionError("--from repeats a training just as it was; leave the other options of train away.")
        from influencespace.repeating import repeat
        from influencespace.shell.bars import Bars
        from influencespace.shell.words import repeated_lines

        with Bars(quiet) as progress:
            repeated = repeat(from_run, workspace, progress)
        result = _results(output, repeated.workspace, ["train"])
        output.say("", *repeated_lines(repeated))
        found = {key: getattr(repeated, key) for key in ("compared", "differing", "otherwise")}
        output.finish(result | {"repeated": found})


def ablate(workspace: str, csv: str, overwrite: bool, json_file: str | None, quiet: bool, **flags: Any) -> None:
    """Vary settings of the curation, and write what comes out as CSV where asked."""
    with command(json_file) as output:
        from influencespace.evaluation.ablation_figures import csv_file, plain_rows

        values = given({"ablate": KINDS["ablate"]}, flags)["ablate"]
        options = restore(KINDS["ablate"], values) if values else None
        output.spare(_sources_of(workspace))
        save = csv_file(csv, overwrite) if csv else None
        place, ran = _run_stages(workspace, {"ablate": options}, quiet, create=False)
        result = _stage_result("ablate")(output, place, ran)
        figures = place.artifact("ablations").table("figures")
        if save is not None:
            output.say(str(save(figures)))
        output.finish(result | {"figures": plain_rows(figures)})


def export(workspace: str, json_file: str | None, quiet: bool, **flags: Any) -> None:
    """Write the subset, or the plan that rebuilds it."""
    with command(json_file) as output:
        options = restore(ExportOptions, given({"export": ExportOptions}, flags)["export"])
        from influencespace.export.photos import left_behind
        from influencespace.export.subset import export_subset
        from influencespace.shell.bars import Bars
        from influencespace.shell.results import plan_summary
        from influencespace.workspace import Workspace

        place = Workspace(workspace)
        output.spare(_sources_of(workspace))
        with Bars(quiet) as progress:
            path = export_subset(place, options, progress)
        plan = plan_summary(place)
        output.say(f"{path}: {plan['kept']:,} of {plan['pairs']:,} pairs ({plan['removed']:,} removed)")
        if left := left_behind(place.artifact("pairs"), options.format):
            output.say(left)
        output.finish({"workspace": str(place.path), "output": str(path), "format": options.format, "plan": plan})


def report(workspace: str, output: str, csv: str, overwrite: bool, json_file: str | None, quiet: bool) -> None:
    """Write the report of what training has shown."""
    with command(json_file) as told:
        from influencespace.ui.report import write_report
        from influencespace.workspace import Workspace

        place = Workspace(workspace)
        told.spare(_sources_of(workspace))
        files = [str(file) for file in write_report(place, output, csv, overwrite)]
        told.say(*files)
        told.finish({"workspace": str(place.path), "files": files})


def status(workspace: str, json_file: str | None, quiet: bool) -> None:
    """Say for each stage whether it is current."""
    with command(json_file) as output:
        from influencespace.shell.results import stage_entries
        from influencespace.shell.words import next_step, status_lines
        from influencespace.workspace import Workspace

        place = Workspace(workspace)
        output.spare(_sources_of(workspace))
        entries = stage_entries(place)
        output.say(f"Workspace {place.path}", *status_lines(place, entries), next_step(place, entries))
        output.finish({"workspace": str(place.path), "stages": entries})


def check(workspace: str, json_file: str | None, quiet: bool) -> None:
    """Compare every file with the digest it was written with."""
    with command(json_file) as output:
        from influencespace.curation.history import History
        from influencespace.jobs.store import Store
        from influencespace.workspace import Workspace

        place = Workspace(workspace)
        output.spare(_sources_of(workspace))
        wrong = [*place.check().values(), *History(place).check(), *Store(place).check()]
        output.say(*wrong or ["Every file holds what was written to it."])
        output.finish({"workspace": str(place.path), "damaged": wrong})


def _run_stages(path: str, wanted: dict[str, Options | None], quiet: bool, create: bool) -> tuple[Workspace, list[str]]:
    """Run stages; None stands for the options that a stage was made with before, or else the defaults."""
    from influencespace.shell.bars import Bars
    from influencespace.stages import STAGES, options_before, run_stages
    from influencespace.workspace import Workspace

    workspace = Workspace(path, create=create)
    filled = {name: options or options_before(workspace, STAGES[name]) for name, options in wanted.items()}
    with Bars(quiet) as progress:
        return workspace, run_stages(workspace, filled, progress)


def _stage_result(stage: str) -> Callable[[Output, Workspace, list[str]], dict[str, Any]]:
    """Say how a stage went; returns the same as plain values."""

    def tell(output: Output, workspace: Workspace, ran: list[str]) -> dict[str, Any]:
        from influencespace.shell.results import plan_summary, stage_entry
        from influencespace.shell.words import stage_lines
        from influencespace.stages import STAGES

        entry = stage_entry(workspace, STAGES[stage].artifact) | {"ran": stage in ran}
        how = f"done in {entry['seconds']:.1f} s" if entry["ran"] else "current, so nothing was done"
        output.say(f"{stage}: {how}", *stage_lines(workspace, entry["artifact"]))
        result = {"workspace": str(workspace.path), "ran": ran, "stages": [entry]}
        return result | ({"plan": plan_summary(workspace)} if stage == "plan" else {})

    return tell


def _results(output: Output, workspace: Workspace, ran: list[str]) -> dict[str, Any]:
    """Say the plan and the table of arms; returns both as plain values."""
    from influencespace.evaluation.table import arms_table
    from influencespace.shell.results import plan_summary, stage_entries
    from influencespace.shell.words import stage_lines

    results = workspace.artifact("training").json("results")
    output.say(*stage_lines(workspace, "plan"), "", arms_table(results))
    entries = [entry | {"ran": entry["stage"] in ran} for entry in stage_entries(workspace)]
    return results | {
        "workspace": str(workspace.path), "ran": ran, "stages": entries, "plan": plan_summary(workspace),
    }


def _sources(options: ImportOptions) -> list[str]:
    return [path for path in (options.source, options.validation, options.test) if path]


def _sources_of(path: str) -> list[str]:
    """What the pairs of a workspace were read from."""
    from influencespace.workspace import Workspace

    pairs = Workspace(path).recorded("pairs")
    return [] if pairs is None else _sources(restore(ImportOptions, pairs["options"]))
