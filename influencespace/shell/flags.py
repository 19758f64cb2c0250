"""From options to shell flags and back: one parameter an option, with the option's own help, bounds and choices.

No flag has a default of its own. What is not given is left to the options, or to those that a stage was called with before.
"""

from __future__ import annotations

import enum
import inspect
import typing
from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from influencespace.engines.options import EngineOptions
from influencespace.options import Options, describe, flag

# Of several stages at once, these mean the same for all and are given once; any other shared name gets the stage's before it.
TOGETHER = {
    "seed": "Seed of everything that is drawn.",
    "device": "Where to compute; auto takes CUDA, else MPS, else the CPU.",
    **{field["name"]: field["help"] for field in describe(EngineOptions)},
}
TOGETHER_PANEL = "All stages"
POSITIONAL = ("source",)
NUMBERS = {int: "N", float: "X"}


def parameters(stages: Mapping[str, type[Options]]) -> list[inspect.Parameter]:
    """The parameters of a command that takes the options of these stages (name -> options), in their order."""
    made: dict[str, inspect.Parameter] = {}
    for stage, field, name in _named(stages):
        if name not in made:
            shared = name in TOGETHER and len(stages) > 1
            text = TOGETHER[name] if shared else field["help"]
            panel = TOGETHER_PANEL if shared else f"Options of {stage}"
            made[name] = _parameter(name, field | {"help": text}, panel)
    return list(made.values())


def given(stages: Mapping[str, type[Options]], values: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The options of each stage that were given, as their dataclass takes them; ``values`` by parameter, None = not given."""
    found: dict[str, dict[str, Any]] = {stage: {} for stage in stages}
    for stage, field, name in _named(stages):
        value = values.get(name)
        if isinstance(value, list):
            value = tuple(map(_plain, value)) or None
        if value is not None:
            found[stage][field["name"]] = _plain(value)
    return found


def typed(name: str, annotation: Any, info: Any, default: Any = None) -> inspect.Parameter:
    """A parameter of a command, such as ``typed("quiet", bool, typer.Option("--quiet"), False)``."""
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[annotation, info]
    )


def _named(stages: Mapping[str, type[Options]]) -> list[tuple[str, dict[str, Any], str]]:
    """Stage, option and name of the parameter of every option."""
    fields = [(stage, field) for stage, options in stages.items() for field in describe(options)]
    count = Counter(field["name"] for _, field in fields)
    own = {name for name in count if count[name] == 1 or name in TOGETHER}
    return [
        (stage, field, field["name"] if field["name"] in own else f"{stage}_{field['name']}") for stage, field in fields
    ]


def _parameter(name: str, field: dict[str, Any], panel: str) -> inspect.Parameter:
    kind = _kind(field)
    number = kind in (int, float)
    # Square brackets would be taken for markup.
    text = field["help"].replace("[", r"\[")
    if field["name"] in POSITIONAL:
        return typed(name, kind, typer.Argument(help=text, metavar=name.upper(), show_default=False), inspect.Parameter.empty)
    default = _default(field["default"])
    spelling = f"{flag(name)}/--no-{flag(name)[2:]}" if field["default"] is True else flag(name)
    return typed(name, kind, typer.Option(
        spelling, help=text + (rf" \[default: {default}]" if default else ""), show_default=False, rich_help_panel=panel,
        metavar=NUMBERS.get(kind), min=field["minimum"] if number else None, max=field["maximum"] if number else None,
    ))


def _default(value: Any) -> str:
    if value is None or value is False or value in ("", ()):
        return ""
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _kind(field: dict[str, Any]) -> Any:
    """The type as typer takes it: no ``None``, lists for tuples, an enumeration for choices."""
    parts = [part for part in typing.get_args(field["type"]) if part is not type(None)]
    kind = parts[0] if type(None) in typing.get_args(field["type"]) else field["type"]
    many = typing.get_origin(kind) is tuple
    single = typing.get_args(kind)[0] if many else kind
    if field["choices"]:
        single = enum.Enum(field["name"], {choice: choice for choice in field["choices"]}, type=str)
    return list[single] if many else single


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, enum.Enum) else value
