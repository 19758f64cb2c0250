"""Rows become candidate pairs: filtered, their columns found, an id and one caption each.

A candidate has all that its row can say. What its photo says (whether it can be read, which other rows show it) and the
splits come later.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from influencespace.errors import PairsError
from influencespace.pairs.captions import CAPTION_COLUMNS, captions
from influencespace.pairs.inside import IMAGE_COLUMNS
from influencespace.pairs.options import ImportOptions
from influencespace.pairs.problems import (
    EMPTY_CAPTION,
    MALFORMED_ROW,
    MISSING_ID,
    NO_IMAGE_NAMED,
    OVERLONG_CAPTION,
    REPEATED_ID,
    Problems,
)
from influencespace.pairs.records import Records, as_text, is_scalar
from influencespace.pairs.views import GROUP

META = "meta."
UNKNOWN = "unknown"
MAX_CAPTION = 10_000
"""Characters. No encoder reads so much; what is longer is a page that slipped into the column."""


@dataclass(frozen=True)
class Origin:
    """One of the tables that the options name, with what they say of it.

    ``name`` is ``source``, ``validation`` or ``test``; ``prefix`` keeps the ids of the tables apart.
    """

    name: str
    path: str
    prefix: str
    filter: tuple[str, ...]
    filter_flag: str
    captions: str
    images: str | None


def origins(options: ImportOptions) -> list[Origin]:
    """The tables that the options name, the source first."""
    heldout_images = options.heldout_images or options.images
    found = [Origin("source", options.source, "", options.filter, "--filter", options.captions, options.images)]
    if options.validation:
        found.append(Origin("validation", options.validation, "validation:", options.validation_filter,
                            "--validation-filter", options.validation_captions, heldout_images))
    if options.test:
        found.append(Origin("test", options.test, "test:", options.test_filter,
                            "--test-filter", options.validation_captions, heldout_images))
    return found


def select(records: Records, conditions: Sequence[str], flag: str) -> Records:
    """The rows for which every ``COLUMN=VALUE`` holds; values are compared as text, true and false in any case.

    Raises
    ------
    PairsError
        If a column is missing or no row is left.
    """
    keep = np.ones(len(records), dtype=bool)
    for condition in conditions:
        name, _, value = condition.partition("=")
        texts = records.texts(name, flag)
        if value.lower() in ("true", "false"):
            texts, value = pc.utf8_lower(texts), value.lower()
        keep &= pc.fill_null(pc.equal(texts, value), False).to_numpy()
        if not keep.any():
            there = ", ".join(pc.unique(texts.drop_null()).to_pylist()[:10])
            also = " together with the conditions before it" if len(conditions) > 1 else ""
            raise PairsError(f"{records.path}: no row has {condition}{also}. Values of {name}: {there or 'none'}.")
    return records.take(keep)


def candidates(records: Records, origin: Origin, options: ImportOptions, problems: Problems) -> pa.Table:
    """The candidate pairs of one table, in the order of its rows and, within a row, of its captions.

    Columns: ``record`` (position in the records), ``row, id, image, caption, table, origin``, ``inside`` (where its image
    lies inside of the source, or null), ``holdout`` (the text of the hold-out column, or null), ``group.NAME`` and
    ``meta.NAME``.

    Raises
    ------
    PairsError
        If a column is missing or holds what cannot serve.
    """
    columns = records.columns.column_names
    image_name = _image_column(records, origin, options)
    caption_name = options.caption_column or next((n for n in CAPTION_COLUMNS if n in columns), None)
    if caption_name is None:
        raise _nameless(records, "captions", CAPTION_COLUMNS, "--caption-column")
    id_name = options.id_column or records.id_column
    id_name = id_name if origin.name == "source" or id_name in columns else None
    image, several = _images(records, image_name, options, problems)

    pairs = pd.DataFrame({"record": np.arange(len(records)), "row": records.rows})
    pairs["id"] = _row_ids(records, id_name, origin, problems)
    pairs["image"] = _series(image).str.strip().fillna("")
    pairs = pairs[pairs["id"].notna() & ~several].merge(captions(records, caption_name, problems), on="record")
    if origin.captions == "all":
        several = pairs["record"].duplicated(keep=False)
        pairs["id"] += ("." + pairs["place"].astype("str")).where(several, "")
    pairs = _usable(pairs, records, problems, needs_image=records.image is None or origin.images is not None)
    if origin.captions == "first":
        pairs = pairs.drop_duplicates("record")
    pairs = pairs.drop(columns="place").assign(table=str(records.path), origin=origin.name)
    attributes = _attributes(records, options, used={image_name, caption_name, id_name})
    found = pa.Table.from_pandas(pairs, preserve_index=False)
    for name, column in attributes.items():
        found = found.append_column(name, column.take(pa.array(pairs["record"].to_numpy())))
    return found


def _image_column(records: Records, origin: Origin, options: ImportOptions) -> str | None:
    columns = records.columns.column_names
    if options.image_column != IMAGE_COLUMNS[0]:
        return options.image_column
    needed = records.image is None or origin.images is not None
    there = [name for name in IMAGE_COLUMNS if name in columns]
    if not needed:  # the name of an image beside an embedding is told where there is one
        there = [name for name in there if is_scalar(records.columns.schema.field(name).type)]
    if not there and needed:
        raise _nameless(records, "images", IMAGE_COLUMNS, "--image-column")
    return next(iter(there), None)


def _images(
    records: Records, name: str | None, options: ImportOptions, problems: Problems
) -> tuple[pa.ChunkedArray, np.ndarray]:
    """What each row names as its image, and a (n,) mask of those that name several, which are reported."""
    none = np.zeros(len(records), dtype=bool)
    if name is None:
        return _nothing(records), none
    column = records.column(name, "--image-column")
    kind = column.type
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind)) or not is_scalar(kind.value_type):
        return records.texts(name, "--image-column", named=options.image_column != IMAGE_COLUMNS[0]), none
    several = pc.greater(pc.fill_null(pc.list_value_length(column), 0), 1).to_numpy()
    problems.report(MALFORMED_ROW, records.path, records.rows[several], detail="several images, where a pair has one")
    named = [images[0] if images and len(images) == 1 else None for images in column.to_pylist()]
    return as_text(pa.chunked_array([pa.array(named, kind.value_type)])), several


def _nameless(records: Records, what: str, names: Sequence[str], flag: str) -> PairsError:
    """What to say where none of the usual names is that of a column."""
    columns = records.columns.column_names
    addresses = next((name for name in columns if name.lower() == "url"), None) if names == IMAGE_COLUMNS else None
    hint = "" if addresses is None else (
        f" The column {addresses!r} holds addresses, and nothing is downloaded: fetch the images first, such as with "
        "img2dataset, and import what it writes."
    )
    return PairsError(
        f"{records.path} has no column of {what}: none is called {', '.join(names[:-1])} or {names[-1]}. Name it with {flag}."
        f"{hint} The columns: {', '.join(columns) or 'none'}."
    )


def _row_ids(records: Records, name: str | None, origin: Origin, problems: Problems) -> pd.Series:
    """One id a row; null where the row has none of its own, or that of an earlier one."""
    if name is None:
        return origin.prefix + pd.Series(records.rows).astype("str")
    ids = _series(records.texts(name, "--id-column")).str.strip().replace("", None)
    missing, repeated = ids.isna(), ids.duplicated() & ids.notna()
    problems.report(MISSING_ID, records.path, records.rows[missing], detail=f"the column {name} is empty")
    problems.report(REPEATED_ID, records.path, records.rows[repeated], ids=ids[repeated],
                    detail="an earlier row has this id")
    return (origin.prefix + ids).where(~repeated)


def _usable(pairs: pd.DataFrame, records: Records, problems: Problems, *, needs_image: bool) -> pd.DataFrame:
    """The pairs with a caption and, where it is needed, an image; the others are reported."""
    length = pairs["caption"].str.len().fillna(0)
    overlong = f"more than {MAX_CAPTION:,} characters"
    no_image = (pairs["image"] == "") & needs_image
    bad_so_far = pd.Series(False, index=pairs.index)
    for kind, bad, detail in (
        (EMPTY_CAPTION, length == 0, ""),
        (OVERLONG_CAPTION, length > MAX_CAPTION, overlong),
        (NO_IMAGE_NAMED, no_image, ""),
    ):
        new = bad & ~bad_so_far
        problems.report(kind, records.path, pairs["row"][new], ids=pairs["id"][new], detail=detail)
        bad_so_far |= bad
    return pairs[~bad_so_far]


def _attributes(records: Records, options: ImportOptions, used: set[str | None]) -> dict[str, pa.ChunkedArray]:
    """The columns ``holdout``, ``inside``, ``group.NAME`` and ``meta.NAME``, one value a record."""
    found = {"holdout": _nothing(records), "inside": _nothing(records) if records.inside is None else records.inside}
    holdout = options.holdout_column or (None if options.validation else records.split_column)
    if holdout:
        found["holdout"] = records.texts(holdout, "--holdout-column")
    for name in options.attributes:
        if name not in options.lexicon:
            texts = pc.utf8_trim_whitespace(records.texts(name, "--groups"))
            found[GROUP + name] = pc.if_else(pc.equal(pc.fill_null(texts, ""), ""), UNKNOWN, texts)
    for name in records.columns.column_names:
        column = records.columns[name]
        # Pandas keeps its row labels in such a column.
        internal = name == "" or name.startswith("__index_level_")
        if name not in used and GROUP + name not in found and is_scalar(column.type) and not internal:
            found[META + name] = _plain(column)
    return found


def _nothing(records: Records) -> pa.ChunkedArray:
    return pa.chunked_array([pa.nulls(len(records), pa.string())])


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Truth values, 64-bit integers and floats as they are; everything else as text."""
    kind = column.type
    if pa.types.is_boolean(kind):
        return column
    for is_kind, wide in ((pa.types.is_integer, pa.int64()), (pa.types.is_floating, pa.float64())):
        if is_kind(kind):
            try:
                return column.cast(wide)
            except pa.ArrowInvalid:  # beyond 63 bits
                break
    return as_text(column)


def _series(column: pa.ChunkedArray) -> pd.Series:
    return column.to_pandas().astype("str")
