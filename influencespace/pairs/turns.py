"""Conversations about a photo, of which the first answer describes it: LLaVA's turns, and those of chats."""

from __future__ import annotations

from typing import Any

# How two kinds of turns call who speaks and what is said, and the speaker who describes the photo.
KINDS = (("from", "value", "gpt"), ("role", "content", "assistant"))


def are_turns(value: Any) -> bool:
    """Whether a value is a conversation: a list of records with who speaks and what is said."""
    return isinstance(value, list) and bool(value) and all(
        isinstance(turn, dict) and any(who in turn and what in turn for who, what, _ in KINDS) for turn in value
    )


def answer(value: Any) -> str | None:
    """The first thing that is said of the photo; None where nothing is, or the value is no conversation."""
    if not are_turns(value):
        return None
    return next(filter(None, map(_answered, value)), None)


def _answered(turn: dict[str, Any]) -> str | None:
    for who, what, speaker in KINDS:
        if turn.get(who) == speaker:
            return _text(turn.get(what))
    return None


def _text(content: Any) -> str | None:
    """What is said in words; chats may put it beside images, in parts."""
    if isinstance(content, list):
        return " ".join(part["text"] for part in content if isinstance(part, dict) and isinstance(part.get("text"), str))
    return content if isinstance(content, str) else None
