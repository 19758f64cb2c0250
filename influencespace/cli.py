"""The shell: the whole road, every stage of it, the export and the demo. ``python -m influencespace --help`` teaches it.

Flags come from the options of the stages. What computes is imported when a command runs, so that help is there at once.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import typer

from influencespace.export.options import ExportOptions
from influencespace.shell import bodies, versions
from influencespace.shell.commands import AS_BEFORE, COMMANDS
from influencespace.shell.flags import parameters, typed
from influencespace.shell.proposal import ProposalOptions, rerun

app = typer.Typer(
    add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode="rich",
    help="Curate image-text pairs by the influence of their clusters on validation performance.\n\n"
    "A workspace is a folder that holds one curation project. Stages build on each other; what is current is not made "
    "again, and what a stage needs and is missing or stale is made first.",
    epilog="Try it without any data of your own:\n\npython -m influencespace demo\n\n"
    "From pairs to a table of results, and the subset:\n\npython -m influencespace run pairs.jsonl --encoder my-clip\n\n"
    "python -m influencespace export --format jsonl --output subset.jsonl\n\n"
    "Look at it:\n\nstreamlit run app.py",
)
START, ROAD, CURATION, AFTER = "Start here", "The road, stage by stage", "Curation, step by step", "Afterwards"
WORKSPACE = typed("workspace", str, typer.Option(
    "--workspace", envvar="INFLUENCESPACE_WORKSPACE", help="Folder of the curation project.",
), "workspace")
CSV = (
    typed("csv", str, typer.Option("--csv", help="CSV file to write, every figure in a row."), ""),
    typed("overwrite", bool, typer.Option("--overwrite", help="Replace files that exist."), False),
)
REPORTING = (
    typed("json_file", str, typer.Option(
        "--json", metavar="PATH", help="Write a machine-readable result to a file; - prints it, and nothing else, to stdout.",
    )),
    typed("quiet", bool, typer.Option("--quiet", help="A line a phase instead of progress bars."), False),
)


def main() -> None:
    """Run the command that the shell was called with."""
    app(prog_name="python -m influencespace")


def _register(
    name: str, body: Callable[..., None], takes: list[inspect.Parameter], panel: str, help: str, examples: tuple[str, ...]
) -> None:
    def call(**values: Any) -> None:
        body(**values)

    call.__signature__ = inspect.Signature([*takes, *REPORTING])
    title = "Example" if len(examples) == 1 else "Examples"
    lines = [f"{title}:", *(f"python -m influencespace {example}" for example in examples)]
    app.command(name, help=help, epilog="\n\n".join(lines), rich_help_panel=panel, no_args_is_help=False)(call)


def _argument(name: str, metavar: str, help: str, kind: type = str) -> inspect.Parameter:
    return typed(name, kind, typer.Argument(metavar=metavar, help=help, show_default=False), inspect.Parameter.empty)


_register(
    "demo", bodies.demo,
    [
        typed("directory", str, typer.Argument(metavar="DIR", help="Folder for the demo's workspace."), "demo"),
        typed("seed", int, typer.Option("--seed", help="Draws the demo's pairs.", min=0), 0),
    ],
    START, "Draw the demo's pairs, take them the whole road, and say what curation found.\n\nNeeds no network and no data.",
    ("demo", "demo /tmp/demo --json results.json"),
)
_register(
    "run", bodies.run, [*parameters(bodies.ROAD_KINDS), WORKSPACE], START,
    "Take pairs the whole road: import, embed, proxy, cluster, score, plan, effects, train.\n\nPrints the table of arms. What is "
    "current with the same options is not made again, so that a run that was stopped goes on.",
    ("run pairs.jsonl --encoder models/my-clip --reduction 0.2", "run embeddings/ --groups gender --seed 1"),
)
FROM = typed("from_run", str, typer.Option(
    "--from", metavar="RUN", help="Repeat a training from its record: a workspace, its folder training, or a run.json; a record "
    "that lies in no workspace is repeated in --workspace.", show_default=False,
))
# Stages with more to say than the others, and what they take besides their options.
OWN_BODIES = {"train": (bodies.train, (FROM,)), "ablate": (bodies.ablate, CSV)}
for _name, _offered in COMMANDS.items():
    _text = _offered.help if _name == "import" else f"{_offered.help}\n\n{AS_BEFORE}"
    _body, _more = OWN_BODIES.get(_name, (bodies.stage(_name), ()))
    _register(_name, _body, [*parameters({_name: _offered.options}), *_more, WORKSPACE], ROAD, _text, _offered.examples)

_VERSION = "Its number, or its name."
_register(
    "decide", versions.decide,
    [
        _argument("level", "LEVEL", "What it is about: topics, clusters or pairs.", versions.Level),
        _argument("name", "NAME", "Which: the number of a topic, a cluster such as 7.2, or the id of a pair."),
        _argument("decision", "DECISION", f"keep, prune, up-weight, a weight, or {versions.TAKE_BACK} to take it back."),
        WORKSPACE,
    ],
    CURATION, "Decide on a topic, a cluster or a pair by hand.\n\nWhat is decided by hand wins over the plan, and the narrower "
    "decision over the wider one.",
    ("decide clusters 7.2 prune", "decide pairs 1042 2.5", f"decide topics 3 {versions.TAKE_BACK}"),
)
_register(
    "history", versions.list_versions, [WORKSPACE], CURATION,
    "List all versions, the newest first; a star marks the present one.\n\nEvery change of the plan's options or of a decision "
    "is a version, and none is lost.", ("history", "history --json -"),
)
_register("undo", versions.undo, [WORKSPACE], CURATION, "Take the last step back.", ("undo",))
_register("redo", versions.redo, [WORKSPACE], CURATION, "Make the step again that was taken back last.", ("redo",))
_register(
    "name", versions.name, [
        _argument("name", "NAME", "What to call it; no other version may have that name."),
        typed("version", str, typer.Option("--version", help=f"Which version. {_VERSION} Without it, the present one.")),
        WORKSPACE,
    ],
    CURATION, "Give a version a name.", ('name "for review"', "name bold --version 7"),
)
_register(
    "return", versions.go_to, [_argument("version", "VERSION", _VERSION), WORKSPACE], CURATION,
    "Make any version the present one; the others stay.", ("return 3", 'return "for review"'),
)
_register(
    "compare", versions.compare, [_argument("a", "A", _VERSION), _argument("b", "B", _VERSION), WORKSPACE], CURATION,
    "Compare two versions: pairs, clusters, and what each is predicted and was measured to do.",
    ("compare 1 4", 'compare "for review" bold --json comparison.json'),
)
_register(
    "export", bodies.export, [*parameters({"export": ExportOptions}), WORKSPACE], AFTER,
    "Write the subset, or the plan that rebuilds it.\n\nEach pair has its weight, cluster, disposition and reason, as far as the "
    "format can hold them. docs/formats.md says how each is read.",
    ("export --format jsonl --output subset.jsonl", "export --format webdataset --output shards",
     "export --format plan --output plan.json"),
)
_register(
    "report", bodies.report,
    [
        typed("output", str, typer.Option("--output", help="HTML file to write; empty writes none."), "report.html"), *CSV,
        WORKSPACE,
    ],
    AFTER,
    "Write what training has shown as one HTML file that needs no network, and as CSV.\n\nArms, recall and paired differences "
    "with intervals, gaps between groups, predicted against actual, changed retrievals, and what all was made from.",
    ("report --output report.html", "report --output report.html --csv figures.csv"),
)
_register(
    "proposal", rerun,
    [_argument("workspace", "WORKSPACE", "Folder of the curation project."), *parameters({"proposal": ProposalOptions})], AFTER,
    "Rerun the configuration of the proposal as it stands, on a COCO captions file.\n\nFive clusters, a fifth of the pairs "
    "removed, heads of 256 dimensions trained for 2 epochs in batches of 32. Prints its table: method, recall, data reduction "
    "and relative training time, with 95 % intervals, gaps between groups and paired differences.",
    ("proposal coco-run annotations/captions_train2017.json --images train2017 --validation annotations/captions_val2017.json "
     "--heldout-images val2017", "proposal small-run captions.json --images photos --encoder models/my-clip --seeds 3"),
)
_register(
    "status", bodies.status, [WORKSPACE], AFTER,
    "Show for each stage whether it is current, stale or missing, when it was made, and its key figures.",
    ("status", "status --json -"),
)
_register(
    "check", bodies.check, [WORKSPACE], AFTER,
    "Compare every file of the artifacts with the digest it was written with, and look through the databases.\n\nWhat is damaged "
    "is said, counts as missing from then on, and is made again when its stage is run, or one that needs it.",
    ("check", "check --json -"),
)
