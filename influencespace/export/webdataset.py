"""A subset as WebDataset shards: tar files in which a pair's photo, caption and record lie one after the other."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path

import pyarrow as pa

from influencespace.export.batches import Batch
from influencespace.export.jsonl import json_text
from influencespace.export.photos import ending, read_photo
from influencespace.export.rows import records

# As webdataset's own ShardWriter has it: a shard is full with so many bytes.
MOST_BYTES = 3_000_000_000
Sample = tuple[int, dict[str, bytes]]


def write_webdataset(batches: Iterable[Batch], schema: pa.Schema, path: Path, shard_pairs: int) -> None:
    """Write a folder of ``00000.tar``, ``00001.tar`` and so on; the same pairs give the same bytes.

    Each pair is a sample, ``000000042.jpg`` (the photo's own bytes and ending), ``000000042.txt`` (its caption) and
    ``000000042.json`` (all that is known of it, as in JSONL, with its weight), numbered in the order of the pairs. A photo with
    several captions is as many samples.

    Raises
    ------
    ExportError
        If a photo is missing.
    """
    path.mkdir()
    samples = enumerate(_samples(batches))
    sample, shards = next(samples, None), count()
    while sample is not None:
        with tarfile.open(path / f"{next(shards):05d}.tar", "w", format=tarfile.USTAR_FORMAT) as tar:
            sample = _fill(tar, sample, samples, shard_pairs)


def _samples(batches: Iterable[Batch]) -> Iterator[dict[str, bytes]]:
    """The members of each pair's sample by the ending of their name."""
    for batch in batches:
        for row, image_path in zip(records(batch.rows), batch.sources["image_path"], strict=True):
            yield {
                ending(row["image"], image_path, row["id"]): read_photo(image_path, row["id"]),
                "txt": row["caption"].encode(), "json": json_text(row).encode(),
            }


def _fill(tar: tarfile.TarFile, sample: Sample | None, samples: Iterator[Sample], most: int) -> Sample | None:
    """Write samples until the shard is full; returns the first that has no place in it."""
    written = 0
    while sample is not None and written < most and tar.offset < MOST_BYTES:
        number, members = sample
        for kind, content in members.items():
            member = tarfile.TarInfo(f"{number:09d}.{kind}")  # of nobody and of no time, so that bytes depend on pairs alone
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
        written += 1
        sample = next(samples, None)
    return sample
