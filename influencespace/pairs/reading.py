"""From files to pairs: read, check the photos, set photos apart, find the groups."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from influencespace.engines.kept import Pieces
from influencespace.errors import PairsError
from influencespace.pairs.candidates import META, Origin, candidates, origins, select
from influencespace.pairs.groups import compared_values, lexicon
from influencespace.pairs.heldout import assign_splits
from influencespace.pairs.inside import IMAGE_COLUMNS, Inside
from influencespace.pairs.options import ImportOptions
from influencespace.pairs.photos import with_photos
from influencespace.pairs.problems import EMPTY_CAPTION, MISSING_FILE, REPEATED_ID, Problems
from influencespace.pairs.records import Records, as_text
from influencespace.pairs.sources import read_records
from influencespace.pairs.vectors import Vectors
from influencespace.pairs.views import GROUP
from influencespace.progress import Progress

FEWEST_PHOTOS = {"train": 1, "validation": 2, "test": 2}
"""Of one photo alone, every recall is perfect."""


@dataclass(frozen=True)
class ImportedPairs:
    """What an import found: the parts of the artifact ``pairs``.

    Attributes
    ----------
    table
        One row a pair, with the columns of ``pairs.parquet`` (docs/design.md).
    problems
        One row a problem, with the columns of ``problems.parquet``.
    facts
        The facts of the artifact.
    image, text
        (n, dx) and (n, dy), one row a pair, for embeddings; else None.
    """

    table: pd.DataFrame
    problems: pd.DataFrame
    facts: dict[str, Any]
    image: Vectors | None = None
    text: Vectors | None = None

    def digest(self) -> str:
        """Equal for equal pairs, embeddings and compared groups, whenever and from wherever they were read."""
        content = hashlib.sha256(json.dumps([list(self.table.columns), self.facts["groups"]]).encode())
        content.update(pd.util.hash_pandas_object(self.table, index=False).to_numpy().tobytes())
        for vectors in (self.image, self.text):
            if vectors is not None:
                content.update(str(vectors.shape).encode())
                for block in vectors.blocks():
                    content.update(block.data)
        return content.hexdigest()[:32]


def read_pairs(
    options: ImportOptions, progress: Progress, folder: Path | None = None, pieces: Pieces | None = None
) -> ImportedPairs:
    """Read what the options name into pairs with splits and groups.

    What is wrong with single rows is collected in ``problems`` and the rest goes on. Nothing is written but images that
    come as bytes inside of a table, which are copied to ``folder``, and which photos are whole, which is kept in ``pieces``.

    Raises
    ------
    PairsError
        If a file cannot be read at all, a column is missing, the tables do not fit together, or too little is left: no
        training pair, or fewer than two photos for validation or test.
    """
    problems = Problems()
    read: list[Records] = []
    found: list[pa.Table] = []
    tables = origins(options)
    inside = _inside(options, folder)
    for done, origin in enumerate(tables, 1):
        records = select(read_records(origin.path, problems, inside), origin.filter, origin.filter_flag)
        found.append(candidates(records, origin, options, problems))
        read.append(records)
        progress(done, len(tables), "tables read")
    _check_together(read)
    names = [origin.name for origin in tables]
    pairs = _without_repeated_ids(_frame(found), problems)
    offsets = np.cumsum([0, *map(len, read[:-1])])
    pairs["embedding"] = pairs["record"] + pairs["origin"].map(dict(zip(names, offsets, strict=True))).astype(np.int64)
    image, text = (_joined(records.image for records in read), _joined(records.text for records in read))
    origin_of = dict(zip(names, zip(tables, read, strict=True), strict=True))
    pairs = with_photos(pairs, origin_of, image, problems, progress, pieces)
    for name in options.lexicon:
        # Per table: a wrong caption in training must not change the group of a photo that is held out.
        pairs[GROUP + name] = lexicon(name, pairs["caption"], pairs["origin"] + pairs["photo"])
    pairs = _with_first_captions(assign_splits(pairs, options, problems), options)
    _check_enough(pairs, origin_of, problems)
    facts = _facts(pairs, options, read[0].format, problems) | ({"parts": read[0].parts} if read[0].parts else {})
    if image is not None and text is not None:
        image, text = (vectors.take(pairs["embedding"].to_numpy()) for vectors in (image, text))
    return ImportedPairs(_final(pairs), problems.table(), facts, image, text)


def _inside(options: ImportOptions, folder: Path | None) -> Inside:
    images = IMAGE_COLUMNS if options.image_column == IMAGE_COLUMNS[0] else (options.image_column,)
    named = options.image_embedding is not None and options.text_embedding is not None
    return Inside(images, (options.image_embedding, options.text_embedding) if named else None, folder)


def _check_together(read: list[Records]) -> None:
    """Embeddings go with embeddings of the same encoder only."""
    first = read[0]
    for other in read[1:]:
        if (first.image is None) != (other.image is None):
            raise PairsError(
                f"{first.path} and {other.path} do not go together: one holds embeddings, the other does not. "
                "Held-out photos must come in the same form as the source."
            )
        for kind in ("image", "text"):
            mine, its = getattr(first, kind), getattr(other, kind)
            if mine is not None and mine.width != its.width:
                raise PairsError(
                    f"The {kind} embeddings of {first.path} have {mine.width} dimensions and those of {other.path} "
                    f"{its.width}. Both must come from one encoder."
                )


def _joined(vectors: Iterable[Vectors | None]) -> Vectors | None:
    there = [some for some in vectors if some is not None]
    return Vectors.joined(there) if there else None


def _frame(found: list[pa.Table]) -> pd.DataFrame:
    """The candidates of all tables in one frame; a column of different types in two tables becomes text."""
    schemas = [table.schema for table in found]
    for name in dict.fromkeys(name for schema in schemas for name in schema.names if name.startswith(META)):
        kinds = {schema.field(name).type for schema in schemas if name in schema.names}
        if len(kinds - {pa.null()}) > 1:
            found = [
                table.set_column(table.schema.get_field_index(name), name, as_text(table[name]))
                if name in table.column_names else table for table in found
            ]
    together = pa.concat_tables(found, promote_options="permissive")
    nullable = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}
    frame = {
        name: together[name].to_pandas(types_mapper=nullable.get if together[name].null_count else None)
        for name in together.column_names
    }
    return pd.DataFrame(frame)


def _without_repeated_ids(pairs: pd.DataFrame, problems: Problems) -> pd.DataFrame:
    """Named ids can clash with made ones ("7.1", "validation:7"); the later pair is left out."""
    repeated = pairs["id"].duplicated()
    again = pairs[repeated]
    problems.report(REPEATED_ID, again["table"], again["row"], ids=again["id"],
                    detail="an earlier pair has this id")
    return pairs[~repeated]


def _with_first_captions(pairs: pd.DataFrame, options: ImportOptions) -> pd.DataFrame:
    """Where only first captions are asked for, the first pair of each photo."""
    training = pairs["split"] == "train"
    first_only = training & (options.captions == "first") | ~training & (options.validation_captions == "first")
    return pairs[~(first_only & pairs["photo"].duplicated())]


def _check_enough(pairs: pd.DataFrame, tables: dict[str, tuple[Origin, Records]], problems: Problems) -> None:
    photos = {split: int(pairs["photo"][pairs["split"] == split].nunique()) for split in FEWEST_PHOTOS}
    if any(photos[split] < fewest for split, fewest in FEWEST_PHOTOS.items()):
        counts = ", ".join(f"{split} {photos[split]:,} (at least {least})" for split, least in FEWEST_PHOTOS.items())
        advice = [_lacking(origin, records, pairs, problems) for origin, records in tables.values()]
        if not any(advice):
            advice = ["Give more pairs, or hold out another share of them: --holdout, --validation."]
        said = f"{tables['source'][0].path}: too few photos: {counts}. Pairs that can be used: {len(pairs):,}."
        raise PairsError(problems.added_to(said, *advice))


def _lacking(origin: Origin, records: Records, pairs: pd.DataFrame, problems: Problems) -> str:
    """What to do where most rows of a table were left out for want of an image or a caption; else nothing."""
    found = problems.table()
    used = np.isin(records.rows, pairs["row"][pairs["origin"] == origin.name])

    def most(kind: str) -> bool:
        rows = found["row"][(found["problem"] == kind) & (found["table"] == str(records.path))]
        return 2 * np.count_nonzero(np.isin(records.rows, rows) & ~used) > len(records)

    if most(MISSING_FILE):
        flag = "--images" if origin.name == "source" else "--heldout-images"
        return (f"In most rows of {records.path} the image file is missing: name the folder that the paths are relative to "
                f"with {flag}.")
    if most(EMPTY_CAPTION):
        return f"No caption was found in most rows of {records.path}: " + (
            "a sample has it in KEY.txt, or in the field of its JSON that --caption-column names."
            if records.format in ("shards", "files") else "name the column that holds them with --caption-column."
        )
    return ""


def _facts(pairs: pd.DataFrame, options: ImportOptions, form: str, problems: Problems) -> dict[str, Any]:
    by_split = pairs.groupby("split")
    return {
        "source": options.source,
        "format": form,
        "groups": compared_values(pairs, options.attributes),
        "lexicon": list(options.lexicon),
        "counts": {split: int(by_split.size()[split]) for split in FEWEST_PHOTOS},
        "photos": {split: int(by_split["photo"].nunique()[split]) for split in FEWEST_PHOTOS},
        "problems": problems.counts(),
    }


def _final(pairs: pd.DataFrame) -> pd.DataFrame:
    columns = ["id", "row", "image", "image_path", "caption", "photo", "split"]
    columns += [name for name in pairs.columns if name.startswith(GROUP)]
    columns += [name for name in pairs.columns if name.startswith(META)]
    return pairs[columns].reset_index(drop=True)
