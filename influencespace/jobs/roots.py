"""Where jobs may read and write, and compute: below the folders, and on the clusters, that the app was given when it started.

Whoever uses the app names files and folders by typing. The shell is its user's own and is not restricted; an app may be
served to people who should see the pairs, but not the rest of the machine. ``INFLUENCESPACE_ROOTS`` holds the folders, one
after the other as in ``PATH``, and ``INFLUENCESPACE_RAY`` addresses of Ray, with commas between; a cluster gets the pairs, and
what it answers is unpickled. Where one is not set, it restricts nothing; the app sets them when it starts.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from influencespace.errors import OptionError
from influencespace.options import flag
from influencespace.pairs import patterns

VARIABLE, CLUSTERS = "INFLUENCESPACE_ROOTS", "INFLUENCESPACE_RAY"
# The options of all stages and of the export that name a place, and those that name one or a model on the hub.
PLACES = ("source", "images", "heldout_images", "validation", "test", "output")
MODELS = ("encoder", "model")
MODEL_ON_THE_HUB = re.compile(r"\w[\w.-]*/\w[\w.-]*")
DATA_ON_THE_HUB = re.compile(r"hf:\w[\w.-]*(/\w[\w.-]*){1,2}")


def roots() -> list[Path] | None:
    """The folders that may be read and written with all below them; None where nothing is restricted."""
    given = os.environ.get(VARIABLE)
    if given is None:
        return None
    return [Path(part).expanduser().resolve() for part in given.split(os.pathsep) if part]


def check(values: Mapping[str, Any]) -> None:
    """Refuse options that name a place outside of the roots, by whatever links and dots, or another cluster.

    Parameters
    ----------
    values
        Options by name, as plain values.

    Raises
    ------
    OptionError
        Names the option and the roots, and does not tell whether there is anything at that place.
    PairsError
        If a pattern stands for too many files.
    """
    address, clusters = values.get("address"), os.environ.get(CLUSTERS)
    if address and clusters is not None and address not in clusters.split(","):
        raise OptionError(f"--address must be one that this app was started with: {clusters or 'none at all'}.")
    allowed = roots()
    if allowed is None:
        return
    for name in (*PLACES, *MODELS):
        value = values.get(name)
        if value and not _on_the_hub(name, value) and not _inside(value, allowed):
            where = ", ".join(map(str, allowed)) or "no folder at all"
            raise OptionError(f"{flag(name)} must be in a folder that this app was started with: {where}.")


def _inside(value: str, allowed: list[Path]) -> bool:
    """Whether a place, and all that it is a pattern of, lies below a root."""
    def below(place: str | Path) -> bool:
        return any(Path(place).resolve().is_relative_to(root) for root in allowed)

    try:
        place = Path(value).expanduser()
        return below(place) and (not patterns.is_pattern(value) or all(map(below, patterns.files(str(place)))))
    except (OSError, ValueError, RuntimeError):  # links in a circle, a null byte, a user who is not there
        return False


def _on_the_hub(name: str, value: str) -> bool:
    form = MODEL_ON_THE_HUB if name in MODELS else DATA_ON_THE_HUB
    return form.fullmatch(value) is not None and not os.path.lexists(value)
