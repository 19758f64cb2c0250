import numpy as np
import pandas as pd
import pytest

from influencespace.errors import PairsError
from influencespace.pairs.embeddings import read_embeddings
from influencespace.pairs.problems import Problems

PARTS = ("img_emb", "text_emb", "metadata")


def write(folder, image, text, captions, shard=0, **columns):
    """One shard, under the names that clip-retrieval gives."""
    for part in PARTS:
        (folder / part).mkdir(parents=True, exist_ok=True)
    np.save(folder / f"img_emb/img_emb_{shard}.npy", image)
    np.save(folder / f"text_emb/text_emb_{shard}.npy", text)
    pd.DataFrame({"caption": captions} | columns).to_parquet(folder / f"metadata/metadata_{shard}.parquet")
    return folder


def values(n, d, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d)).astype(np.float16)


def test_shards_are_read_in_the_order_of_their_numbers(tmp_path):
    for shard in (10, 2, 0):
        write(tmp_path, np.full((2, 3), shard + 1, np.float32), values(2, 5), [f"{shard}a", f"{shard}b"], shard)
    records = read_embeddings(tmp_path, Problems())
    assert records.columns["caption"].to_pylist() == ["0a", "0b", "2a", "2b", "10a", "10b"]
    assert np.asarray(records.image)[:, 0].tolist() == [1, 1, 3, 3, 11, 11]
    assert np.asarray(records.image).dtype == np.asarray(records.text).dtype == np.float16
    assert records.rows.tolist() == [1, 2, 3, 4, 5, 6]


def test_rows_that_cannot_be_used_are_problems(tmp_path):
    image, text = values(6, 3).astype(np.float32), values(6, 2).astype(np.float32)
    image[1, 0], text[2, 1], image[3], image[4, 2] = np.nan, np.inf, 0, 1e6
    problems = Problems()
    records = read_embeddings(write(tmp_path, image, text, list("abcdef")), problems)
    assert records.columns["caption"].to_pylist() == ["a", "f"]
    assert np.array_equal(records.image, image[[0, 5]].astype(np.float16))
    table = problems.table().sort_values("row")
    assert table["row"].tolist() == [2, 3, 4, 5]
    assert table["detail"].tolist() == [
        "the image embedding holds NaN or infinity in float16", "the text embedding holds NaN or infinity in float16",
        "the image embedding is all zero", "the image embedding holds NaN or infinity in float16",
    ]


@pytest.mark.parametrize("part", ["img_emb", "text_emb"])
def test_another_length_than_the_metadata_is_an_error_with_both(tmp_path, part):
    lengths = {"img_emb": 4, "text_emb": 4} | {part: 3}
    write(tmp_path, values(lengths["img_emb"], 3), values(lengths["text_emb"], 3), list("abcd"), shard=7)
    with pytest.raises(PairsError, match=rf"{part}_7.npy has 3 rows, but .*metadata_7.parquet has 4"):
        read_embeddings(tmp_path, Problems())


def test_shards_of_different_dimensions_are_an_error(tmp_path):
    write(tmp_path, values(2, 3), values(2, 3), ["a", "b"], 0)
    write(tmp_path, values(2, 3), values(2, 4), ["c", "d"], 1)
    with pytest.raises(PairsError, match=r"text_emb_1.npy has 4 dimensions, but the first shard has 3"):
        read_embeddings(tmp_path, Problems())


@pytest.mark.parametrize("part", PARTS)
def test_a_missing_part_is_an_error(tmp_path, part):
    write(tmp_path, values(2, 3), values(2, 3), ["a", "b"])
    (tmp_path / part).rename(tmp_path / "elsewhere")
    with pytest.raises(PairsError, match=rf"{part}/ is missing"):
        read_embeddings(tmp_path, Problems())


def test_a_missing_shard_is_an_error(tmp_path):
    for shard in (0, 1):
        write(tmp_path, values(2, 3), values(2, 3), ["a", "b"], shard)
    (tmp_path / "text_emb/text_emb_1.npy").unlink()
    with pytest.raises(PairsError, match=r"text_emb has no shard that belongs to .*img_emb_1.npy"):
        read_embeddings(tmp_path, Problems())


@pytest.mark.parametrize("array", [np.arange(6).reshape(2, 3), np.ones(2), np.array([[None], [1]], dtype=object)])
def test_an_array_that_holds_no_embeddings_is_an_error(tmp_path, array):
    write(tmp_path, array, values(2, 3), ["a", "b"])
    with pytest.raises(PairsError, match=r"img_emb_0.npy"):
        read_embeddings(tmp_path, Problems())


def test_a_truncated_array_is_an_error(tmp_path):
    write(tmp_path, values(20, 3), values(20, 3), ["a"] * 20)
    file = tmp_path / "img_emb/img_emb_0.npy"
    file.write_bytes(file.read_bytes()[:-10])
    with pytest.raises(PairsError, match="cannot be read as an array"):
        read_embeddings(tmp_path, Problems())


def test_a_file_without_number_is_an_error(tmp_path):
    write(tmp_path, values(2, 3), values(2, 3), ["a", "b"])
    (tmp_path / "img_emb/img_emb_0.npy").rename(tmp_path / "img_emb/images.npy")
    with pytest.raises(PairsError, match="number of its shard"):
        read_embeddings(tmp_path, Problems())


def test_pairs_from_embeddings_without_images(tmp_path, read):
    image, text = values(12, 3), values(12, 5, seed=1)
    image[11] = image[0]  # the same photo twice
    names = [f"gone/{i}.jpg" for i in range(12)]
    pairs = read(write(tmp_path / "e", image, text, [f"c{i}" for i in range(12)], image_path=names), holdout=0.4)
    assert pairs.facts["format"] == "embeddings"
    assert pairs.table["image"].tolist() == names
    assert pairs.table["image_path"].isna().all()
    assert pairs.table["photo"].nunique() == 11
    assert pairs.table["photo"][0] == pairs.table["photo"][11]
    assert np.array_equal(pairs.image, image)
    assert np.array_equal(pairs.text, text)
    assert len(pairs.problems) == 0


def test_embeddings_stay_with_their_pairs_when_rows_go(tmp_path, read):
    image, text = values(12, 3), values(12, 5, seed=1)
    held_image, held_text = values(8, 3, seed=2), values(8, 5, seed=3)
    captions = [f"c{i}" for i in range(12)]
    captions[3] = " "
    image[5, 0] = np.nan
    held_image[2] = image[7]  # a photo that is also in training
    source = write(tmp_path / "e", image, text, captions, use=["yes"] * 10 + ["no"] * 2)
    heldout = write(tmp_path / "v", held_image, held_text, [f"v{i}" for i in range(8)], use=["no"] * 2 + ["yes"] * 6)
    pairs = read(source, filter=("use=yes",), validation=str(heldout), validation_filter=("use=yes",))
    kept = [0, 1, 2, 4, 6, 8, 9]
    assert pairs.table["caption"].tolist() == [f"c{i}" for i in kept] + [f"v{i}" for i in range(2, 8)]
    assert np.array_equal(pairs.image, np.concatenate([image[kept], held_image[2:]]))
    assert np.array_equal(pairs.text, np.concatenate([text[kept], held_text[2:]]))
    assert pairs.facts["problems"] == {"unusable embedding": 1, "empty caption": 1, "photo also held out": 1}


def test_embeddings_with_images_check_the_images(tmp_path, draw_photos, read):
    names = draw_photos(12, tmp_path / "photos")
    names[4] = "gone.png"
    folder = write(tmp_path / "e", values(12, 3), values(12, 3), list("abcdefghijkl"), image_path=names)
    pairs = read(folder, images=str(tmp_path / "photos"), holdout=0.4)
    assert len(pairs.table) == len(pairs.image) == 11
    assert pairs.table["image_path"].str.startswith(str(tmp_path / "photos")).all()
    assert pairs.problems[["row", "problem"]].to_numpy().tolist() == [[5, "missing file"]]


def test_a_source_of_embeddings_takes_held_out_embeddings_of_the_same_encoder(tmp_path, write_jsonl, read):
    source = write(tmp_path / "e", values(4, 3), values(4, 3), list("abcd"))
    other = write(tmp_path / "o", values(4, 3), values(4, 2), list("abcd"))
    with pytest.raises(PairsError, match=r"text embeddings of .* have 3 dimensions and those of .* 2"):
        read(source, validation=str(other))
    with pytest.raises(PairsError, match="do not go together"):
        read(source, validation=write_jsonl([{"image": "a.png", "caption": "x"}]))


def test_several_captions_in_a_row_of_embeddings_are_an_error(tmp_path, read):
    folder = write(tmp_path / "e", values(2, 3), values(2, 3), [["a", "b"], ["c"]])
    with pytest.raises(PairsError, match="several captions"):
        read(folder)
