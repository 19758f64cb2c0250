"""WebDataset shards, as img2dataset writes them: tars with the files of each sample side by side."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from influencespace.errors import PairsError
from influencespace.pairs.problems import DAMAGED_SHARD, REFUSED_MEMBER, Problems
from influencespace.pairs.records import Records, mended
from influencespace.pairs.samples import NAME, Gathered, Sample
from influencespace.pairs.splits import splits_of
from influencespace.pairs.stretch import stretch
from influencespace.pairs.tar import Member, Tar


def read_shards(path: Path, files: Sequence[Path], problems: Problems) -> Records:
    """Read shards in one pass; a row is a sample, numbered over all shards, and its image stays where it is.

    Columns: ``key``, ``image`` (``SHARD.tar/MEMBER``), ``caption`` (of the text, else of the JSON), and the values of the
    JSON but for its lists and records. Where a key occurs in several shards, keys become ``SHARD/KEY``; a shard goes by its
    path below the folder that holds them all. Where the names of all shards say their split, it is the column ``split``.

    Members that are no regular files or have names that lead out of the archive are problems, and so is where a shard
    is damaged; what is whole before that is read.

    Parameters
    ----------
    path
        What the curator named.
    files
        The shards, in order.

    Raises
    ------
    PairsError
        If a shard cannot be opened, or there is no sample at all.
    """
    gathered = Gathered()
    places = [file.absolute() for file in files]
    above = os.path.commonpath([file.parent for file in places])
    splits = splits_of(places) or [None] * len(places)
    for shard, place, split in zip(files, places, splits, strict=True):
        tar, name = Tar(), place.relative_to(above)
        try:
            with shard.open("rb") as file:
                for sample, image in _samples(tar, file):
                    inside = image and stretch(place, image.offset, image.size)
                    label = image and f"{name}/{image.name}"
                    gathered.add(sample, shard, str(name.with_suffix("")), label, inside, split)
        except OSError as error:
            raise PairsError(f"{shard} cannot be read: {error.strerror or error}.") from None
        problems.report(REFUSED_MEMBER, shard, [-1] * len(tar.refused), detail=tar.refused)
        if tar.damage:
            problems.report(DAMAGED_SHARD, shard, [-1], detail=f"{tar.damage}; what came before was read", action="kept")
    gathered.report(problems)
    records = gathered.records(path, "shards")
    if records is None:
        raise PairsError(problems.added_to(f"{path} holds no samples."))
    return records


def _samples(tar: Tar, file: BinaryIO) -> Iterator[tuple[Sample, Member | None]]:
    named = ((found, member) for member in tar.members(file) if (found := NAME.fullmatch(member.name)))
    for key, together in itertools.groupby(named, lambda pair: pair[0][1]):
        sample, image = Sample(mended(key)), None
        for found, member in together:
            sample.take(found[2].lower(), member.name, member.size, lambda member=member: _content(file, member))
            image = image or (member if sample.image else None)
        yield sample, image


def _content(file: BinaryIO, member: Member) -> bytes:
    file.seek(member.offset)
    return file.read(member.size)
