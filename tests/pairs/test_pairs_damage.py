"""Every reader on damaged bytes: it reads rows, or says what is wrong; never another error, never without end."""

import io
import json
import tarfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from influencespace.errors import PairsError
from influencespace.pairs.images import check_images
from influencespace.pairs.inside import Inside
from influencespace.pairs.problems import Problems
from influencespace.pairs.records import Records
from influencespace.pairs.sources import read_records
from influencespace.progress import silent


def photo():
    content = io.BytesIO()
    Image.new("RGB", (4, 4), (1, 2, 3)).save(content, "PNG")
    return content.getvalue()


def tables():
    """Two rows, with images and with embeddings inside."""
    return pa.table({
        "image": [{"bytes": photo(), "path": "a.png"}, {"bytes": photo(), "path": None}], "caption": ["a dog", "a cat"],
        "n": [1, 2], "image_embedding": [[0.5, 1.0], [2.0, 3.0]], "text_embedding": [[0.5], [1.0]],
    })


def shard(folder):
    with tarfile.open(folder / "00000.tar", "w", format=tarfile.PAX_FORMAT) as archive:
        for name, data in (("a.png", photo()), ("a.txt", b"a dog"), ("a.json", b'{"n": 1, "words": ["x"]}'),
                           ("b" * 120 + ".png", photo()), ("b" * 120 + ".json", json.dumps({"caption": "é"}).encode())):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return folder / "00000.tar"


def parquet(folder):
    pq.write_table(tables(), folder / "t.parquet")
    return folder / "t.parquet"


def saved(folder):
    with pa.OSFile(str(folder / "data.arrow"), "wb") as file, pa.ipc.new_stream(file, tables().schema) as writer:
        writer.write_table(tables(), max_chunksize=1)
    (folder / "state.json").write_text('{"_data_files": [{"filename": "data.arrow"}]}')
    return folder / "data.arrow"


def state(folder):
    saved(folder)
    return folder / "state.json"


def features(folder):
    pq.write_table(pa.table({"uid": ["1", "2"], "text": ["a", "b"]}), folder / "0.parquet")
    np.savez_compressed(folder / "0.npz", b32_img=np.ones((2, 3), np.float16), b32_txt=np.ones((2, 3), np.float16))
    return folder / "0.npz"


def array(folder):
    for part in ("img_emb", "text_emb", "metadata"):
        (folder / part).mkdir()
    for part in ("img_emb", "text_emb"):
        np.save(folder / part / "0.npy", np.ones((2, 3), np.float32))
    pq.write_table(pa.table({"caption": ["a", "b"]}), folder / "metadata/0.parquet")
    return folder / "img_emb/0.npy"


AT = st.integers(0, 2**20)
MAKERS = {
    "shards": (shard, "."), "parquet": (parquet, "t.parquet"), "saved": (saved, "."), "state": (state, "."),
    "datacomp": (features, "."), "embeddings": (array, "."),
}


@pytest.fixture(params=MAKERS, scope="module")
def source(request, tmp_path_factory):
    """What to read, the file of it to damage, and that file's bytes."""
    make, name = MAKERS[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    file = make(folder)
    return folder / name, file, file.read_bytes()


def read(path):
    """All that a source holds, its embeddings and images too."""
    problems = Problems()
    records = read_records(path, problems, Inside(folder=path if path.is_dir() else path.parent))
    problems.table()
    for vectors in (records.image, records.text):
        if vectors is not None:
            assert len(np.asarray(vectors)) == len(records)
    if records.inside is not None:
        check_images(records.inside.drop_null().to_pylist(), silent)
    records.columns.to_pylist()
    return records


def test_undamaged_it_is_read(source):
    path, file, data = source
    file.write_bytes(data)
    assert len(read(path)) == 2


@pytest.mark.parametrize("make", [parquet, saved])
@pytest.mark.parametrize("name", [b"caption", b"path"])
def test_a_name_that_is_no_text_is_an_error(tmp_path, make, name):
    file = make(tmp_path)
    file.write_bytes(file.read_bytes().replace(name, name[:-1] + b"\x80"))
    with pytest.raises(PairsError, match="cannot be read as"):
        read(tmp_path if make is saved else file)


def test_text_that_is_none_is_an_error_also_beside_images(tmp_path):
    images = pa.array([{"bytes": photo(), "path": b"\x80"}], pa.struct({"bytes": pa.binary(), "path": pa.binary()}))
    bent = images.view(pa.struct({"bytes": pa.binary(), "path": pa.string()}))
    pq.write_table(pa.table({"image": bent, "caption": ["a"]}), tmp_path / "t.parquet")
    with pytest.raises(PairsError, match="cannot be read as Parquet"):
        read(tmp_path / "t.parquet")


def test_columns_of_one_name_are_an_error(tmp_path):
    schema = pa.schema([("caption", pa.string()), ("caption", pa.string()), ("image_embedding", pa.list_(pa.float32()))])
    pq.write_table(pa.Table.from_arrays([["a"], ["b"], [[1.0]]], schema=schema), tmp_path / "t.parquet")
    with pytest.raises(PairsError, match="'caption' occurs more than once"):
        read(tmp_path / "t.parquet")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=5000, max_examples=60)
@given(damage=st.lists(st.tuples(AT, st.binary(min_size=1, max_size=12)), max_size=4), cut=AT)
def test_damaged_it_is_read_or_says_so(source, damage, cut):
    path, file, data = source
    bent = bytearray(data)
    for at, content in damage:
        at %= len(bent)
        bent[at : at + len(content)] = content[: len(bent) - at]
    file.write_bytes(bent[: len(bent) - (cut % len(bent) if cut % 3 == 0 else 0)])
    try:
        found = read(path)
    except PairsError as error:
        assert str(file.name) in str(error) or str(path) in str(error)
    else:
        assert isinstance(found, Records)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=5000, max_examples=20)
@given(data=st.binary(max_size=2000))
def test_anything_is_read_or_says_so(source, data):
    path, file, _ = source
    file.write_bytes(data)
    with pytest.raises(PairsError):
        read(path)
