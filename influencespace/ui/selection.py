"""What is selected: one notion for a topic, a cluster, an area of the map, a search, and the neighbours of a pair.

A :class:`Choice` says what to select and is all that a visit keeps; a :class:`Selection` is the pairs that it means now.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace

import numpy as np
import streamlit as st

from influencespace.features import search
from influencespace.features.duplicates import stored_duplicates
from influencespace.progress import Progress
from influencespace.ui import background, lasso, reading, wording
from influencespace.ui.columns import TrainingPairs
from influencespace.ui.road import fitting
from influencespace.workspace import Artifact, Workspace

ALL, TOPIC, CLUSTER, AREA, WORDS, TEXT, MEANING, ALIKE, COPIES = (
    "all", "topic", "cluster", "area", "words", "text", "meaning", "alike", "copies",
)
# How many pairs a ranking holds: ten pages of photos by meaning, two of what is most like a pair.
MEANT, NEIGHBOURS = 600, 120
BACK = 20


@dataclass(frozen=True)
class Choice:
    """What to select: a kind and its value (a topic, a cluster, a polygon as JSON, a query, the index of a pair)."""

    kind: str = ALL
    value: str = ""


@dataclass(frozen=True)
class Selection:
    """Some of the training pairs.

    Attributes
    ----------
    choice
        What was asked for.
    index
        (k,) int64, their positions among the training pairs; None for all of them.
    total
        How many training pairs there are.
    words
        What they are, to stand behind their number: "of the topic dog, frisbee, grass".
    why_empty
        What to say if there are none.
    likeness
        (k,) float32 of a ranking, whose order ``index`` then has; None where there is no order.
    key
        Identifies the content: equal keys, equal pairs.
    """

    choice: Choice
    index: np.ndarray | None
    total: int
    words: str
    key: str
    why_empty: str = ""
    likeness: np.ndarray | None = None

    def __len__(self) -> int:
        return self.total if self.index is None else len(self.index)

    @property
    def sentence(self) -> str:
        """How many pairs there are and what they are."""
        count = len(self)
        number = f"{count:,} pair{'' if count == 1 else 's'}"
        return f"All {number}" if self.index is None else f"{number} {self.words}"

    def of(self, values: np.ndarray) -> np.ndarray:
        """(k,) the values of the selected pairs out of those (n,) of all."""
        return values if self.index is None else values[self.index]

    @property
    def area(self) -> list[list[int]] | None:
        """The polygon that was drawn on the map; None if something else is selected."""
        return json.loads(self.choice.value) if self.choice.kind == AREA else None

    def mask(self) -> np.ndarray | None:
        """(n,) bool, which pairs are selected; None for all."""
        if self.index is None:
            return None
        found = np.zeros(self.total, dtype=bool)
        found[self.index] = True
        return found


def chosen(workspace: Workspace) -> Choice:
    """What is selected in this visit."""
    stack = _stack(workspace)
    return stack[-1] if stack else Choice()


def choose(workspace: Workspace, kind: str = ALL, value: str = "") -> None:
    """Select something; what was selected before can be gone back to."""
    stack, choice = _stack(workspace), Choice(kind, value)
    if choice != chosen(workspace):
        stack.append(choice)
        del stack[:-BACK]


def go_back(workspace: Workspace) -> None:
    """Select what was selected before."""
    stack = _stack(workspace)
    if stack:
        stack.pop()


def resolve(workspace: Workspace, pairs: TrainingPairs, choice: Choice) -> Selection | None:
    """The pairs that are meant; None while they are looked for, which then is said on the page.

    Raises
    ------
    InfluenceSpaceError
        If there is no way to look for them.
    """
    key = hashlib.sha256(f"{pairs.key} {choice.kind} {choice.value}".encode()).hexdigest()[:24]
    everything = Selection(choice, None, len(pairs), "", key)
    if choice.kind == ALL:
        return everything
    if choice.kind in (TOPIC, CLUSTER):
        index = np.flatnonzero(pairs.codes(choice.kind).of(int(choice.value) if choice.kind == TOPIC else choice.value))
        names = dict(zip(("topic", "cluster"), reading.names(fitting(workspace, "clusters")), strict=True))[choice.kind]
        name = names.get(int(choice.value) if choice.kind == TOPIC else choice.value, choice.value)
        words = f"of the {choice.kind} “{wording.cluster(name)}”"
        return replace(everything, index=index, words=words, why_empty=f"There is no {choice.kind} {choice.value} any more.")
    if choice.kind in (ALIKE, COPIES) and int(choice.value) >= len(pairs):
        none = np.empty(0, dtype=np.int64)
        return replace(everything, index=none, why_empty="That pair is not among the training pairs any more.")
    features = fitting(workspace, "features")
    found = background.result(
        f"selection-{key}", lambda progress: _look(pairs, features, choice, progress), _DOING.get(choice.kind, "Looking")
    )
    if found is None:
        return None
    index, likeness = found
    words, why_empty = _words(pairs, choice, len(index))
    return replace(everything, index=index, words=words, why_empty=why_empty, likeness=likeness)


_DOING = {
    AREA: "Finding the pairs of the area", WORDS: "Searching the captions", TEXT: "Searching the captions",
    MEANING: "Searching by meaning", ALIKE: "Looking for what is most alike",
}


def _look(
    pairs: TrainingPairs, features: Artifact, choice: Choice, progress: Progress
) -> tuple[np.ndarray, np.ndarray | None]:
    """Positions among the training pairs and, for a ranking, how well each fits."""
    if choice.kind == AREA:
        x, y = (lasso.fixed(pairs.numbers(side)) for side in ("x", "y"))
        return np.flatnonzero(lasso.inside(x, y, json.loads(choice.value))), None
    if choice.kind in (WORDS, TEXT):
        return search.captions_with(pairs.text("caption"), choice.value, words=choice.kind == WORDS), None
    rows = pairs.training_rows
    if choice.kind == COPIES:
        copies = search.in_set_of(stored_duplicates(features)[rows], int(choice.value))
        return copies[np.argsort(copies != int(choice.value), kind="stable")], None
    image, text = features.array("image"), features.array("text")
    if choice.kind == MEANING:
        query = search.embed_query(features, choice.value, progress)
        scores, count = search.like_query(image, text, query, aligned=features.facts["aligned"], progress=progress), MEANT
    else:
        scores, count = search.like_pair(image, text, int(rows[int(choice.value)]), progress), NEIGHBOURS
    scores = scores[rows]
    best = search.best(scores, count)
    return best, scores[best]


def _words(pairs: TrainingPairs, choice: Choice, count: int) -> tuple[str, str]:
    """What the pairs are, and what to say if there are none."""
    value = choice.value
    if choice.kind == AREA:
        return "inside the area drawn on the map", "No point lies in the area. Draw it around some points, or come nearer first."
    if choice.kind == WORDS:
        return (
            f"whose captions have the words “{value}”",
            f"No caption has all the words “{value}”. Search for fewer words, or for a piece of the text.",
        )
    if choice.kind == TEXT:
        return f"whose captions have the text “{value}”", f"No caption has the text “{value}”. Try a shorter part of it."
    if choice.kind == MEANING:
        return f"closest in meaning to “{value}”", ""
    name = pairs.text("id")[int(value)].as_py()
    if choice.kind == ALIKE:
        return f"most like {name}", ""
    return f"that repeat each other: {name} and its near-duplicates" if count > 1 else f"({name}), which repeats no other", ""


def _stack(workspace: Workspace) -> list[Choice]:
    """The choices of this visit to a workspace, the present one last."""
    kept = st.session_state.setdefault("selection", {"workspace": "", "choices": []})
    if kept["workspace"] != str(workspace.path):
        kept.update(workspace=str(workspace.path), choices=[])
    return kept["choices"]
