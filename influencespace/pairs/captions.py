"""The captions of rows: one each, several in a list, a list that was written as text, or what an assistant says of a photo."""

from __future__ import annotations

import ast
import contextlib
import json
import warnings

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from influencespace.errors import PairsError
from influencespace.pairs.records import Records, as_text, is_scalar, mended

CAPTION_COLUMNS = ("caption", "captions", "text", "title", "raw", "conversations")
# How two kinds of conversations call who speaks and what is said, and the speaker who describes the photo.
SPEECH = (("from", "value", "gpt"), ("role", "content", "assistant"))
LONGEST_LIST = 100_000
"""Characters of a list that was written as text; a longer one is left as it is, and is too long for a caption."""


def captions(records: Records, name: str) -> pd.DataFrame:
    """Columns ``record``, ``place`` (from 1) and ``caption``; a row without any caption has one that is null.

    Raises
    ------
    PairsError
        If the column holds no captions, or has several a row where a row has one text embedding.
    """
    column = records.column(name, "--caption-column")
    if _holds_speech(column.type):
        column = pa.chunked_array([[_answer(value) for value in column.to_pylist()]], pa.string())
    elif is_scalar(column.type):
        column = _unpacked(as_text(column))
    kind = column.type
    if is_scalar(kind):
        return pd.DataFrame({"record": np.arange(len(records)), "place": 1, "caption": _stripped(column)})
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind)) or not is_scalar(kind.value_type):
        raise PairsError(
            f"{records.path}: the column {name!r} holds {kind}, neither captions nor lists of captions; another is named by "
            "--caption-column."
        )
    column = column.combine_chunks()
    found = pd.DataFrame({
        "record": pc.list_parent_indices(column).to_numpy(),
        "caption": _stripped(as_text(pa.chunked_array([pc.list_flatten(column)]))),
    })
    found["place"] = found.groupby("record").cumcount() + 1
    if records.image is not None and (found["place"] > 1).any():
        raise PairsError(
            f"{records.path}: the column {name!r} has rows with several captions, but a row has one text embedding. "
            "Name a column with one caption: --caption-column."
        )
    without = np.setdiff1d(np.arange(len(records)), found["record"])
    none = pd.DataFrame({"record": without, "caption": pd.Series(None, range(len(without)), dtype="str"), "place": 1})
    return pd.concat([found, none]).sort_values("record", kind="stable", ignore_index=True)


def _stripped(texts: pa.ChunkedArray) -> pd.Series:
    return texts.to_pandas().astype("str").str.strip()


def _unpacked(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Lists of texts, where every text of a column looks like one, as tables without lists hold them: in JSON, or as Python shows
    lists, which is what pandas writes. A text that only looks like one is itself the caption; else the texts as they are."""
    bare = pc.utf8_trim_whitespace(texts).drop_null()
    if not len(bare) or not pc.all(pc.and_(pc.starts_with(bare, "["), pc.ends_with(bare, "]"))).as_py():
        return texts
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a backslash in a caption
        return pa.chunked_array([[text if text is None else _listed(text) for text in texts.to_pylist()]], pa.list_(pa.string()))


def _listed(text: str) -> list[str]:
    for read in (json.loads, ast.literal_eval) if len(text) <= LONGEST_LIST else ():
        with contextlib.suppress(ValueError, SyntaxError, RecursionError, MemoryError):
            value = read(text.strip())
            if isinstance(value, list) and all(isinstance(one, str) for one in value):
                return [mended(one) for one in value]
    return [text]


def _holds_speech(kind: pa.DataType) -> bool:
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind)) or not pa.types.is_struct(kind.value_type):
        return False
    texts = {field.name for field in kind.value_type if pa.types.is_string(field.type) or pa.types.is_large_string(field.type)}
    return any({who, what} <= texts for who, what, _ in SPEECH)


def _answer(turns: list[dict[str, str | None]] | None) -> str | None:
    """The first thing that is said of the photo."""
    for turn in turns or ():
        for who, what, speaker in SPEECH:
            if turn and turn.get(who) == speaker and turn.get(what):
                return turn[what]
    return None
