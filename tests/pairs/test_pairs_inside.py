import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from shard_cases import png

from influencespace.errors import OptionError, PairsError
from influencespace.features.photos import load_photo
from influencespace.pairs.inside import Inside
from influencespace.pairs.options import ImportOptions
from influencespace.pairs.problems import Problems
from influencespace.pairs.sources import read_records
from influencespace.pairs.stage import import_pairs
from influencespace.pairs.stretch import container, open_image
from influencespace.progress import silent
from influencespace.workspace import Workspace


def hub(path, numbers, **columns):
    """A Parquet file with images as the hub has them."""
    images = [{"bytes": png(n), "path": f"{n}.png"} for n in numbers]
    pq.write_table(pa.table({"image": images, "caption": [f"c {n}" for n in numbers]} | columns), path)
    return path


@pytest.fixture
def workspace(tmp_path):
    return Workspace(tmp_path / "workspace", create=True)


def test_images_inside_of_parquet_are_copied_as_they_are(tmp_path, workspace):
    source = hub(tmp_path / "t.parquet", [0, 1, 2, 3, 4, 5, 0], n=list(range(7)))
    artifact = import_pairs(workspace, ImportOptions(source=str(source), holdout=0.7), silent)
    table = artifact.table("pairs")
    assert table["image"].tolist() == [f"{n}.png" for n in [0, 1, 2, 3, 4, 5, 0]]
    assert table["meta.n"].tolist() == list(range(7))
    for n, path in zip([0, 1, 2, 3, 4, 5, 0], table["image_path"], strict=True):
        with open_image(path) as image:
            assert image.read() == png(n)
        assert load_photo(path).size == (4, 4)
    # A photo of several rows is kept once.
    assert table["image_path"][0] == table["image_path"][6]
    assert container(table["image_path"][0]).parent == workspace.private("images")


def test_importing_again_keeps_one_copy_and_changes_no_digest(tmp_path, workspace):
    source = hub(tmp_path / "t.parquet", range(6))
    options = ImportOptions(source=str(source), holdout=0.7)
    first = import_pairs(workspace, options, silent)
    (workspace.private("images") / "tmpabc.part").touch()  # of an import that was killed
    assert import_pairs(workspace, options, silent).digest == first.digest
    assert len(list(workspace.private("images").iterdir())) == 1
    hub(source, range(1, 7))
    paths = import_pairs(workspace, options, silent).table("pairs")["image_path"]
    assert list(workspace.private("images").iterdir()) == [container(paths[0])]


def test_an_import_that_fails_keeps_the_images_of_the_one_before(tmp_path, workspace):
    source = hub(tmp_path / "t.parquet", range(6))
    options = ImportOptions(source=str(source), holdout=0.7)
    paths = import_pairs(workspace, options, silent).table("pairs")["image_path"]
    hub(source, [7])
    with pytest.raises(PairsError, match="too few photos"):
        import_pairs(workspace, options, silent)
    assert open_image(paths[0]).read() == png(0)


def test_rows_may_lack_their_bytes_or_have_too_many(tmp_path, monkeypatch):
    monkeypatch.setattr("influencespace.pairs.inside.LARGEST", 1000)
    images = [{"bytes": png(0), "path": None}, {"bytes": None, "path": "b.png"}, {"bytes": b"x" * 1001, "path": "c"}, None]
    pq.write_table(pa.table({"image": images, "caption": list("abcd")}), tmp_path / "t.parquet")
    problems = Problems()
    records = read_records(tmp_path / "t.parquet", problems, Inside(folder=tmp_path))
    assert records.columns["image"].to_pylist() == ["image 1", "b.png", None]
    assert records.inside.is_valid().to_pylist() == [True, False, False]
    assert records.rows.tolist() == [1, 2, 4]
    assert problems.table()[["row", "problem", "detail"]].to_numpy().tolist() == [[3, "oversized image", "has 1,001 bytes"]]


def test_files_of_a_folder_may_hold_images_in_different_ways(tmp_path):
    (tmp_path / "set").mkdir()
    hub(tmp_path / "set/0.parquet", [0])
    others = ({"image": ["b.png"]}, {"image": [7]}, {"image": [b"x"]}, {"image": [{"bytes": "text", "path": 3}]})
    for i, other in enumerate(others, 1):
        pq.write_table(pa.table(other | {"caption": ["c"]}), tmp_path / f"set/{i}.parquet")
    records = read_records(tmp_path / "set", Problems(), Inside(folder=tmp_path))
    assert records.columns["image"].to_pylist() == ["0.png", "b.png", None, "image 4", None]
    assert records.inside.is_valid().to_pylist() == [True, False, False, True, False]
    pq.write_table(pa.table({"caption": ["c"]}), tmp_path / "set/5.parquet")
    with pytest.raises(PairsError, match=r"5.parquet has no column 'image', which other files"):
        read_records(tmp_path / "set", Problems(), Inside(folder=tmp_path))


def test_a_column_of_bytes_holds_images_too(tmp_path):
    pq.write_table(pa.table({"jpg": [png(0), png(1)], "caption": ["a", "b"]}), tmp_path / "t.parquet")
    records = read_records(tmp_path / "t.parquet", Problems(), Inside(images=("jpg",), folder=tmp_path))
    assert [open_image(path).read() for path in records.inside.to_pylist()] == [png(0), png(1)]


def test_a_full_disk_is_an_error_and_leaves_nothing(tmp_path, monkeypatch):
    source = hub(tmp_path / "t.parquet", range(3))
    (tmp_path / "images").mkdir()

    def full(self, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("influencespace.pairs.kept.KeptImages.add", full)
    with pytest.raises(PairsError, match=r"images cannot be written \(No space left on device\)"):
        read_records(source, Problems(), Inside(folder=tmp_path / "images"))
    assert list((tmp_path / "images").iterdir()) == []


def embedded(path, image, text, kind=None, **columns):
    lists = {name: pa.array(list(values), kind or pa.list_(pa.float32())) for name, values in
             (("image_embedding", image), ("text_embedding", text))}
    pq.write_table(pa.table(lists | {"caption": [f"c {i}" for i in range(len(image))]} | columns), path, row_group_size=5)
    return path


@pytest.mark.parametrize("value", [pa.float16(), pa.float32(), pa.float64()])
@pytest.mark.parametrize("length", [-1, 3])
def test_parquet_with_embeddings(tmp_path, read, value, length):
    image, text = np.random.default_rng(0).normal(size=(2, 12, 3)).astype(np.float16)
    source = embedded(tmp_path / "t.parquet", image.astype(float), text.astype(float), pa.list_(value, length),
                      photo=[f"p{i}" for i in range(12)])
    pairs = read(source, holdout=0.5, id_column="photo")
    assert np.array_equal(pairs.image, image)
    assert np.array_equal(pairs.text, text)
    assert pairs.table["id"].tolist() == [f"p{i}" for i in range(12)]
    assert pairs.table["image_path"].isna().all()


def test_embeddings_by_other_names_become_arrays_of_the_artifact(tmp_path, workspace):
    image, text = np.random.default_rng(0).normal(size=(2, 12, 3)).astype(np.float16)
    frame = pd.DataFrame({"caption": list("abcdefghijkl"), "v": list(image.astype(np.float32)), "t": list(text.astype(float))})
    frame.to_parquet(tmp_path / "t.parquet")
    named = {"image_embedding": "v", "text_embedding": "t"}
    options = ImportOptions(source=str(tmp_path / "t.parquet"), holdout=0.5, **named)
    artifact = import_pairs(workspace, options, silent)
    assert np.array_equal(artifact.array("image"), image)
    assert np.array_equal(artifact.array("text"), text)
    with pytest.raises(PairsError, match=r"caption of .* must be lists of floats. It holds .*string"):
        read_records(tmp_path / "t.parquet", Problems(), Inside(embeddings=("v", "caption")))
    with pytest.raises(PairsError, match=r"There is no such column. The columns: caption, v, t"):
        read_records(tmp_path / "t.parquet", Problems(), Inside(embeddings=("v", "gone")))


def test_rows_without_usable_embeddings_are_problems(tmp_path):
    image = [[1, 2], None, [3, None], [0, 0], [5, 6]]
    problems = Problems()
    records = read_records(embedded(tmp_path / "t.parquet", image, [[1.0]] * 5), problems)
    assert records.rows.tolist() == [1, 5]
    assert np.asarray(records.image).tolist() == [[1, 2], [5, 6]]
    assert problems.table()["row"].tolist() == [2, 3, 4]


def test_embeddings_of_different_lengths_are_an_error(tmp_path):
    with pytest.raises(PairsError, match="rows of other lengths than the first, which has 2 dimensions"):
        read_records(embedded(tmp_path / "t.parquet", [[1, 2], [3]], [[1.0]] * 2), Problems())


def test_columns_of_embeddings_are_named_together_and_not_in_vain(tmp_path, write_jsonl):
    with pytest.raises(OptionError, match="--image-embedding and --text-embedding"):
        ImportOptions(source="t.parquet", image_embedding="v")
    with pytest.raises(PairsError, match="no columns of embeddings to choose from"):
        read_records(write_jsonl([{"image": "a", "caption": "b"}]), Problems(), Inside(embeddings=("v", "t")))


@pytest.mark.parametrize(("columns", "message"), [
    ({"image_embedding": [[1, 2]], "text_embedding": [[1, 2]]}, r"image_embedding of .* lists of floats\. It holds list<.*int64"),
    ({"image_embedding": [[1.0, 2.0]]}, r"text_embedding of .*There is no such column.*--text-embedding"),
    ({"image_embedding": [[[1.0]]], "text_embedding": [[1.0]]}, r"image_embedding of .* It holds list<.*list"),
    ({"image_embedding": ["[1, 2]"], "text_embedding": [[1.0]]}, r"image_embedding of .* It holds .*string"),
])
def test_columns_of_embeddings_that_hold_none_are_an_error_unless_there_are_images(tmp_path, columns, message):
    pq.write_table(pa.table(columns | {"caption": ["c"]}), tmp_path / "t.parquet")
    with pytest.raises(PairsError, match=message):
        read_records(tmp_path / "t.parquet", Problems())
    pq.write_table(pa.table(columns | {"caption": ["c"], "image": ["a.png"]}), tmp_path / "t.parquet")
    assert read_records(tmp_path / "t.parquet", Problems()).image is None
