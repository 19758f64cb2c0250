"""Widgets for a stage's options: label, help, bounds and default come from the options themselves."""

from __future__ import annotations

import typing
from typing import Any

import streamlit as st

from influencespace.options import Options, describe


def fields(options: type[Options], names: list[str], *, key: str, values: dict[str, Any] | None = None) -> dict[str, Any]:
    """Draw a widget for each of the named options.

    Parameters
    ----------
    options
        The dataclass.
    names
        Which of its options, in which order.
    key
        Begins the widgets' keys.
    values
        What the widgets show at first, where that is not the default.

    Returns
    -------
    dict
        A value for each name, as the dataclass takes it.
    """
    described = {field["name"]: field for field in describe(options)}
    given = values or {}
    return {
        name: _widget(described[name], given.get(name, described[name]["default"]), f"{key}_{name}") for name in names
    }


def label(name: str) -> str:
    """An option's name for people."""
    return name.replace("_", " ").capitalize()


def _widget(field: dict[str, Any], value: Any, key: str) -> Any:
    common = {"label": label(field["name"]), "help": field["help"], "key": key}
    kind = _plain_type(field["type"])
    many = typing.get_origin(kind) is tuple
    if field["choices"] and many:
        return tuple(st.multiselect(**common, options=field["choices"], default=list(value)))
    if field["choices"]:
        return st.selectbox(**common, options=field["choices"], index=field["choices"].index(value))
    if kind is bool:
        return st.toggle(**common, value=value)
    if kind in (int, float):
        return _number(field, kind, value, common)
    if many:
        item = typing.get_args(kind)[0]
        shown = [str(part) for part in value or ()]
        parts = st.multiselect(
            **common, options=shown, default=shown, accept_new_options=True, placeholder="Type, then Enter"
        )
        return tuple(item(part) for part in parts)
    shown = value if isinstance(value, str) else ""
    return st.text_input(**common, value=shown).strip() or (None if value is None else "")


def _number(field: dict[str, Any], kind: type, value: Any, common: dict[str, Any]) -> Any:
    bounds = [None if field[end] is None else kind(field[end]) for end in ("minimum", "maximum")]
    if kind is int:
        # Wider than this, a browser's numbers are not exact.
        bounds[1] = None if bounds[1] is None else min(bounds[1], 2**53 - 1)
    form = {} if kind is int else {"format": "%g", "step": 0.05 if bounds[1] == 1 else 0.5}
    return st.number_input(**common, value=value, min_value=bounds[0], max_value=bounds[1], **form)


def _plain_type(kind: Any) -> Any:
    """The type without the ``None`` that it may also be."""
    parts = [part for part in typing.get_args(kind) if part is not type(None)]
    return parts[0] if type(None) in typing.get_args(kind) else kind
