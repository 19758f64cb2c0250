"""The captions of rows: one each, several in a list, a list that was written as text, or what an assistant says of a photo."""

from __future__ import annotations

import ast
import contextlib
import json
import re
import warnings

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from influencespace.errors import PairsError
from influencespace.pairs.problems import MALFORMED_ROW, Problems
from influencespace.pairs.records import Records, as_text, is_scalar, mended
from influencespace.pairs.turns import KINDS, answer

CAPTION_COLUMNS = ("caption", "captions", "text", "title", "raw", "conversations")
LONGEST_LIST = 100_000
"""Characters of a list that was written as text; a longer one is no list of captions."""
# As Python shows lists, and NumPy arrays, without commas. No more of Python is understood than its quoted texts.
_ELEMENT = re.compile(r"""\s*(?:('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|None|nan)(?:\s*,\s*|\s+|$)""", re.DOTALL)
_RECORD = r"^\s*(\[\s*)?\{\s*[\"']"


def captions(records: Records, name: str, problems: Problems) -> pd.DataFrame:
    """Columns ``record``, ``place`` (from 1) and ``caption``; a row without any caption has one that is null.

    Rows whose list of captions is damaged are reported and not among them.

    Raises
    ------
    PairsError
        If the column holds no captions, or has several a row where a row has one text embedding.
    """
    column, damaged = records.column(name, "--caption-column"), np.zeros(len(records), dtype=bool)
    if _holds_turns(column.type):
        column = pa.chunked_array([[answer(value) for value in column.to_pylist()]], pa.string())
    elif is_scalar(column.type):
        column, damaged = _unpacked(as_text(column))
        problems.report(MALFORMED_ROW, records.path, records.rows[damaged], detail=f"the list of {name} cannot be read")
    if is_scalar(column.type):
        texts = pd.DataFrame({"record": np.arange(len(records)), "place": 1, "caption": _stripped(column)})
    elif (pa.types.is_list(column.type) or pa.types.is_large_list(column.type)) and is_scalar(column.type.value_type):
        texts = _of_lists(column)
    else:
        raise PairsError(
            f"{records.path}: the column {name!r} holds {column.type}, neither captions nor lists of captions; another is named "
            "by --caption-column."
        )
    if texts["caption"].str.match(_RECORD).fillna(False).mean() > 0.5:
        raise PairsError(
            f"{records.path}: the column {name!r} holds records that were written as text, and no captions; another is named by "
            "--caption-column."
        )
    if records.image is not None and (texts["place"] > 1).any():
        raise PairsError(
            f"{records.path}: the column {name!r} has rows with several captions, but a row has one text embedding. "
            "Name a column with one caption: --caption-column."
        )
    return texts[~damaged[texts["record"].to_numpy()]]


def _of_lists(column: pa.ChunkedArray) -> pd.DataFrame:
    count, column = len(column), column.combine_chunks()
    found = pd.DataFrame({
        "record": pc.list_parent_indices(column).to_numpy(),
        "caption": _stripped(as_text(pa.chunked_array([pc.list_flatten(column)]))),
    })
    found["place"] = found.groupby("record").cumcount() + 1
    without = np.setdiff1d(np.arange(count), found["record"])
    none = pd.DataFrame({"record": without, "caption": pd.Series(None, range(len(without)), dtype="str"), "place": 1})
    return pd.concat([found, none]).sort_values("record", kind="stable", ignore_index=True)


def _stripped(texts: pa.ChunkedArray) -> pd.Series:
    return texts.to_pandas().astype("str").str.strip()


def _unpacked(texts: pa.ChunkedArray) -> tuple[pa.ChunkedArray, np.ndarray]:
    """Lists of captions, where most texts of a column are such lists as tables without lists hold them, and a (n,) mask of those
    that begin as one and cannot be read; else the texts as they are."""
    as_they_are = texts, np.zeros(len(texts), dtype=bool)
    bare = pc.utf8_trim_whitespace(pc.fill_null(texts, ""))
    begins, filled = (pc.starts_with(bare, "[").to_numpy(), pc.not_equal(bare, "").to_numpy())
    if not filled.any() or 2 * begins.sum() < filled.sum():
        return as_they_are
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a backslash in a caption
        lists = [_listed(text) if one else [text] for text, one in zip(bare.to_pylist(), begins, strict=True)]
    damaged = np.array([one is None for one in lists])
    if 2 * (begins & ~damaged).sum() < filled.sum():
        return as_they_are
    return pa.chunked_array([lists], pa.list_(pa.string())), damaged


def _listed(text: str) -> list[str | None] | None:
    """A list of texts, as JSON or Python writes it; None where it is none."""
    if len(text) > LONGEST_LIST:
        return None
    with contextlib.suppress(ValueError, RecursionError):
        found = json.loads(text)
        usable = isinstance(found, list) and all(one is None or isinstance(one, str) for one in found)
        return [one if one is None else mended(one) for one in found] if usable else None
    return _shown(text[1:-1].strip()) if text.endswith("]") else None


def _shown(inner: str) -> list[str | None] | None:
    """What stands between the brackets where Python shows a list or an array of texts."""
    found, place = [], 0
    while place < len(inner):
        element = _ELEMENT.match(inner, place)
        if element is None:
            return None
        with contextlib.suppress(ValueError, SyntaxError):
            found.append(element[1] and mended(ast.literal_eval(element[1])))
            place = element.end()
            continue
        return None
    return found


def _holds_turns(kind: pa.DataType) -> bool:
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind)) or not pa.types.is_struct(kind.value_type):
        return False
    names = {field.name for field in kind.value_type}
    return any({who, what} <= names for who, what, _ in KINDS)
