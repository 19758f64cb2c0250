"""Small photos and tables for the tests of the station that imports."""

import json
from pathlib import Path

import pytest
from PIL import Image
from shard_cases import write_shards, write_tar

from influencespace.pairs.options import ImportOptions
from influencespace.pairs.reading import read_pairs
from influencespace.progress import silent


@pytest.fixture
def draw_photos(tmp_path):
    """``draw_photos(n)`` draws ``0.png`` to ``n-1.png``, each of its own colour, and returns their names."""

    def draw(count: int, folder: Path = tmp_path) -> list[str]:
        folder.mkdir(parents=True, exist_ok=True)
        for i in range(count):
            Image.new("RGB", (4, 4), (i % 256, i // 256, 7)).save(folder / f"{i}.png")
        return [f"{i}.png" for i in range(count)]

    return draw


@pytest.fixture
def write_jsonl(tmp_path):
    """``write_jsonl(records)`` writes a table of records and returns its path as text."""

    def write(records, name="pairs.jsonl") -> str:
        path = tmp_path / name
        path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
        return str(path)

    return write


@pytest.fixture
def read():
    """``read(source, **options)`` imports without a workspace."""

    def call(source, **options):
        return read_pairs(ImportOptions(source=str(source), **options), silent)

    return call


@pytest.fixture
def shards(tmp_path):
    """``shards(samples, per_shard)``: a folder of what webdataset's own writer makes of them."""

    def write(samples, per_shard=100, folder=tmp_path / "shards"):
        return write_shards(folder, samples, per_shard)

    return write


@pytest.fixture
def tar(tmp_path):
    """``tar(*members)``: a tar of (TarInfo or name, bytes), and its path."""

    def write(*members, name="00000.tar"):
        return write_tar(tmp_path / name, *members)

    return write
