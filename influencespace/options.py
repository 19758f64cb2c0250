"""Options as frozen dataclasses whose fields carry the text, the bounds and the default, once.

Shell flags, page widgets and documents all read the same metadata (:func:`describe`), and a value is checked once, when
the options are made.
"""

from __future__ import annotations

import dataclasses
import math
import typing
from dataclasses import dataclass
from typing import Any

from influencespace.errors import OptionError


def option(
    default: Any, help: str, *, minimum: float | None = None, maximum: float | None = None,
    choices: tuple[str, ...] | None = None, recipe: bool = True,
) -> Any:
    """A dataclass field with its help text and bounds (inclusive).

    ``recipe=False`` marks what changes where or how fast something is computed, but not what comes out (a device, a
    batch size of a pure map): it does not make an artifact stale.
    """
    metadata = {"help": help, "minimum": minimum, "maximum": maximum, "choices": choices, "recipe": recipe}
    return dataclasses.field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Options:
    """Base of all options: validates every field against its metadata when made.

    Raises
    ------
    OptionError
        If a value is out of bounds or not one of the choices; the message names the option and says what is allowed.
    """

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            _check(field, getattr(self, field.name))

    def recipe(self) -> dict[str, Any]:
        """The options that decide what comes out, as plain JSON values."""
        values = dataclasses.asdict(self)
        return {f.name: _plain(values[f.name]) for f in dataclasses.fields(self) if f.metadata["recipe"]}


def restore(kind: type[Options], values: dict[str, Any]) -> Any:
    """Options from the plain JSON values of a recipe, of a job or of a form.

    Raises
    ------
    OptionError
        If a value is out of bounds or there is no such option.
    """
    try:
        return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})
    except TypeError as error:
        raise OptionError(f"{kind.__name__}: {error}.") from None


def flag(name: str) -> str:
    """The shell's spelling of an option: ``batch_size`` is ``--batch-size``."""
    return "--" + name.replace("_", "-")


def describe(options: type[Options]) -> list[dict[str, Any]]:
    """Name, type, default, help and bounds of every option of a stage, for shell, pages and documents; its own come first."""
    hints = typing.get_type_hints(options)
    fields = sorted(dataclasses.fields(options), key=lambda field: field.name not in options.__annotations__)
    return [{"name": f.name, "type": hints[f.name], "default": f.default, **f.metadata} for f in fields]


def _check(field: dataclasses.Field, value: Any) -> None:
    low, high, choices = (field.metadata[key] for key in ("minimum", "maximum", "choices"))
    for one in value if isinstance(value, tuple) else (value,):
        if choices is not None and one not in choices:
            raise OptionError(f"{flag(field.name)} cannot be {one!r}; choose from {', '.join(choices)}.")
        if isinstance(one, float) and not math.isfinite(one):
            raise OptionError(f"{flag(field.name)} must be a finite number, not {one}.")
        if low is not None and one is not None and one < low:
            raise OptionError(f"{flag(field.name)} must be at least {low}, not {one}.")
        if high is not None and one is not None and one > high:
            raise OptionError(f"{flag(field.name)} must be at most {high}, not {one}.")


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
