"""Samples that lie in folders as files, as img2dataset writes them by default: ``00000/000000042.jpg`` beside its ``.txt``."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

from influencespace.errors import PairsError
from influencespace.pairs.problems import Problems
from influencespace.pairs.records import Records, mended
from influencespace.pairs.samples import CAPTIONS, IMAGES, NAME, Gathered, Sample


def holds_samples(folder: Path) -> bool:
    """Whether in a folder, or in one of its own folders, a caption lies beside its image."""
    files = (file for pattern in ("*.*", "*/*.*") for file in folder.glob(pattern) if file.suffix[1:].lower() in CAPTIONS)
    return any(file.with_suffix(f".{kind}").is_file() for file in files for kind in IMAGES)


def read_loose(path: Path, files: Sequence[Path], problems: Problems) -> Records:
    """Read samples; a row is a sample, numbered over all folders in the order of their names.

    Columns as of :func:`~influencespace.pairs.shards.read_shards`; ``image`` is its path below the folder that was named.

    Parameters
    ----------
    path
        The folder that the curator named.
    files
        Those in it and in its folders.

    Raises
    ------
    PairsError
        If a file cannot be read, or there is no sample at all.
    """
    gathered = Gathered()
    named = sorted((file.parent, file.name) for file in files if NAME.fullmatch(file.name))
    for (folder, key), together in itertools.groupby(named, lambda one: (one[0], NAME.fullmatch(one[1])[1])):
        sample, below = Sample(mended(key)), folder.relative_to(path)
        for _, name in together:
            file = folder / name
            try:
                sample.take(NAME.fullmatch(name)[2].lower(), name, file.stat().st_size, file.read_bytes)
            except OSError as error:
                raise PairsError(f"{file} cannot be read: {error.strerror or error}.") from None
        if sample.image or sample.caption is not None:
            gathered.add(sample, folder / key, str(below), sample.image and mended(str(below / sample.image)))
    gathered.report(problems)
    records = gathered.records(path, "files")
    if records is None:
        raise PairsError(problems.added_to(f"{path} holds no samples."))
    return records
