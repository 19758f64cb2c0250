"""What a source is: recognised by its name and by what lies in it, and handed to the reader of its format."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from influencespace.errors import PairsError
from influencespace.pairs import patterns
from influencespace.pairs.columnar import ARROW, PARQUET, ColumnFile
from influencespace.pairs.documents import read_document
from influencespace.pairs.download import PREFIX, fetch
from influencespace.pairs.embeddings import PARTS, read_embeddings
from influencespace.pairs.flickr import TOKEN, read_flickr
from influencespace.pairs.folders import METADATA, read_datacomp, read_imagefolder, read_parquet_folder, read_saved
from influencespace.pairs.inside import Inside, read_columns
from influencespace.pairs.loose import holds_samples, read_loose
from influencespace.pairs.problems import OUTSIDE, Problems
from influencespace.pairs.records import Records
from influencespace.pairs.shards import read_shards
from influencespace.pairs.splits import splits_of
from influencespace.pairs.table import SUFFIXES, read_table

COLUMNS, SHARD = (*PARQUET, ARROW), (".tar",)
HUB = "hf:OWNER/NAME or hf:OWNER/NAME/CONFIG"
COMPRESSED = (".gz", ".tgz", ".bz2", ".xz", ".zst")
_COMPRESSED = "{} is compressed; decompress it first."
KNOWN = (
    f"a table ({', '.join((*SUFFIXES, *COLUMNS))}), JSON (.json: a list of records, COCO captions, Karpathy's splits), captions "
    f"of Flickr8k and Flickr30k ({', '.join(TOKEN)}), WebDataset shards (.tar, or a folder of them), a folder of Parquet files, "
    "DataComp metadata (Parquet and npz), a data set saved by Hugging Face datasets, a folder of images with metadata.jsonl or "
    "metadata.csv or with captions beside them (.txt), or a folder with img_emb, text_emb and metadata"
)


def read_records(source: str | Path, problems: Problems, inside: Inside | None = None) -> Records:
    """Read a source by what it is.

    Parameters
    ----------
    source
        A file, a folder, a pattern of files (``shards/{00000..00099}.tar``, ``data/train-*.parquet``), or ``hf:OWNER/NAME`` or
        ``hf:OWNER/NAME/CONFIG``.
    inside
        What to look for inside of tables.

    Raises
    ------
    PairsError
        If it does not exist or is of no known kind, or its reader finds it unusable.
    """
    records = _read(source, problems, inside or Inside())
    if inside is not None and inside.embeddings is not None and (records.image is None or records.format == "embeddings"):
        raise PairsError(
            f"{source} has no columns of embeddings to choose from. --image-embedding and --text-embedding are for Parquet, for "
            "data sets saved by Hugging Face datasets, and for DataComp metadata."
        )
    return records


def _read(source: str | Path, problems: Problems, inside: Inside) -> Records:
    if str(source).startswith(PREFIX):
        folder = fetch(str(source))
        # The hub's cache keeps its files under their digests, beside the folder with links to them.
        return read_parquet_folder(folder, sorted(folder.rglob("*.parquet")), inside, problems)
    if "://" in str(source):
        raise PairsError(f"{source} is an address. Download it and name the file or folder; data sets on the hub are {HUB}.")
    path = Path(source).expanduser()
    # Unlike the methods of Path these take a name that no file can have (too long, say) for one that is not there.
    if os.path.isdir(path):
        return _read_folder(path, inside, problems)
    if not os.path.exists(path) and patterns.is_pattern(str(path)):
        return _read_pattern(path, inside, problems)
    if not os.path.exists(path):
        raise PairsError(f"{path} does not exist.")
    suffix = path.suffix.lower()
    if suffix in COMPRESSED:
        raise PairsError(_COMPRESSED.format(path))
    if not path.is_file() or suffix not in (*SUFFIXES, *COLUMNS, *TOKEN, ".json", ".tar"):
        raise PairsError(f"{path} is of no known kind. Use {KNOWN}.")
    if suffix == ".tar":
        return read_shards(path, [path], problems)
    if suffix in COLUMNS:
        return _read_columns(path, [path], inside, problems)
    if suffix in TOKEN:
        return read_flickr(path, problems)
    return read_document(path, problems) if suffix == ".json" else read_table(path, problems)


def _read_columns(path: Path, files: list[Path], inside: Inside, problems: Problems) -> Records:
    """Files of columns that were named, not found."""
    if any(file.suffix.lower() in PARQUET and file.with_suffix(".npz").is_file() for file in files):
        return read_datacomp(path, files, inside, problems)
    form = "dataset" if files[0].suffix.lower() == ARROW else "table"
    # The name of a file that was named by itself says nothing of what is held out.
    splits = splits_of(files) if files != [path] else None
    return read_columns(path, form, [ColumnFile.open(file) for file in files], inside, problems, splits)


def _read_folder(path: Path, inside: Inside, problems: Problems) -> Records:
    if any((path / part).is_dir() for part in PARTS):
        return read_embeddings(path, problems)
    if any((path / name).is_file() for name in ("dataset_dict.json", "state.json")):
        return read_saved(path, inside, problems)
    # The sidecar tables of img2dataset repeat what the shards hold.
    shards = _own(path, path.glob(_any_case(*SHARD)), problems)
    if shards:
        return read_shards(path, shards, problems)
    if holds_samples(path):
        return read_loose(path, _own(path, [*path.glob("*.*"), *path.glob("*/*.*")], problems), problems)
    metadata = _own(path, (file for name in METADATA for file in path.rglob(name)), problems)
    if metadata:
        return read_imagefolder(path, metadata, problems)
    tables = _own(path, (file for suffix in PARQUET for file in path.rglob(_any_case(suffix))), problems)
    if any(file.with_suffix(".npz").is_file() for file in tables):
        return read_datacomp(path, tables, inside, problems)
    if tables:
        return read_parquet_folder(path, tables, inside, problems)
    shards = _own(path, path.rglob(_any_case(*SHARD)), problems)
    if shards:
        return read_shards(path, shards, problems)
    cached = _own(path, filter(_is_data, path.rglob(_any_case(ARROW))), problems)
    places = sorted({file.parent for file in cached})
    if len(places) > 1:
        raise PairsError(f"{path} holds several data sets ({', '.join(map(str, places))}); name one: {places[0]}.")
    if cached:
        return _read_columns(path, cached, inside, problems)
    compressed = next((file for file in path.glob("*.t*") if file.suffix in COMPRESSED), None)
    if compressed is not None:
        raise PairsError(_COMPRESSED.format(compressed))
    raise PairsError(problems.added_to(f"{path} is a folder of no known kind.", f"Use {KNOWN}."))


def _read_pattern(pattern: Path, inside: Inside, problems: Problems) -> Records:
    files = list(filter(_is_data, patterns.files(str(pattern))))
    kinds = {_kind(file) for file in files}
    other = next((file for file in files if _kind(file) is None), None)
    if len(kinds) != 1 or other:
        found = other or ("files of several kinds" if files else "no file")
        raise PairsError(
            f"The pattern {pattern} matches {found}. By a pattern only shards (.tar) or files of columns ({', '.join(COLUMNS)}) "
            "can be named, of one kind at a time; else name the folder."
        )
    missing = [file for file in files if not os.path.exists(file)]
    if missing:
        raise PairsError(
            f"Of the {len(files):,} files that {pattern} names {len(missing):,} are missing, such as {missing[0]}. Fetch them, "
            f"or name those that are there, such as with {pattern.parent / f'*{files[0].suffix}'}."
        )
    folder = next((file for file in files if not file.is_file()), None)
    if folder is not None:
        raise PairsError(f"The pattern {pattern} matches {folder}, which is no file. Name the folder, or files in it.")
    if kinds == {SHARD}:
        return read_shards(pattern, files, problems)
    # Images are named from the folder that holds all of the files.
    path = pattern if pattern.parent.is_dir() else Path(os.path.commonpath([file.absolute().parent for file in files]))
    return _read_columns(path, files, inside, problems)


def _kind(file: Path) -> tuple[str, ...] | None:
    """The suffixes of the files that go together with one, None where a pattern cannot name it."""
    return next((kind for kind in (SHARD, PARQUET, (ARROW,)) if file.suffix.lower() in kind), None)


def _any_case(suffix: str) -> str:
    """A pattern of the files with a suffix, in capitals or not."""
    return "*" + "".join(f"[{letter}{letter.upper()}]" if letter.isalpha() else letter for letter in suffix)


def _is_data(file: Path) -> bool:
    """Whether a file is not one in which ``datasets`` keeps what came of a ``map`` beside the data."""
    return file.suffix.lower() != ARROW or not file.name.startswith("cache-")


def _own(folder: Path, files: Iterable[Path], problems: Problems) -> list[Path]:
    """The files among these that lie in the folder, in the order of their names, and not behind a link that leads out."""
    root, found = folder.resolve(), sorted(file for file in files if file.is_file())
    away = [file for file in found if root not in file.resolve().parents]
    for file in away:
        problems.report(OUTSIDE, file, [-1], detail="is a link that leads out of the folder; name the folder it leads to")
    return [file for file in found if file not in away]
