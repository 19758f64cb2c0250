import itertools
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from influencespace.errors import PairsError
from influencespace.pairs import vectors as vectors_module
from influencespace.pairs.vectors import Part, Vectors, npy_part, npz_part


def part_of(array, together=2):
    return Part("test", *array.shape, lambda: (array[i : i + together] for i in range(0, len(array), together)))


@given(data=st.data(), lengths=st.lists(st.integers(0, 5), min_size=1, max_size=4))
def test_taken_rows_are_those_of_all_parts_together(data, lengths):
    whole = np.arange(2 * sum(lengths), dtype=np.float32).reshape(-1, 2)
    edges = np.cumsum([0, *lengths])
    vectors = Vectors.of([part_of(whole[a:b]) for a, b in itertools.pairwise(edges)])
    assert np.array_equal(vectors, whole)
    keep = data.draw(arrays.arrays(bool, sum(lengths)))
    taken = vectors.take(keep)
    assert taken.shape == (keep.sum(), 2)
    assert np.array_equal(taken, whole[keep])
    twice = Vectors.joined([taken, vectors])
    assert np.array_equal(twice, np.concatenate([whole[keep], whole]))
    assert all(block.dtype == np.float16 for block in twice.blocks())


def test_parts_of_which_no_row_is_wanted_are_not_read():
    def fail():
        raise AssertionError("read in vain")

    vectors = Vectors.of([Part("unwanted", 3, 2, fail), part_of(np.ones((2, 2)))])
    assert np.asarray(vectors.take(np.array([4]))).tolist() == [[1, 1]]


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_an_npz_is_read_as_numpy_reads_it(tmp_path, monkeypatch, save):
    monkeypatch.setattr(vectors_module, "BLOCK", 7)
    image = np.random.default_rng(0).normal(size=(40, 5)).astype(np.float16)
    save(tmp_path / "a.npz", b32_img=image, other=np.ones(3))
    part = npz_part(tmp_path / "a.npz", "b32_img")
    assert (part.rows, part.width) == (40, 5)
    assert max(len(block) for block in part.blocks()) == 7
    assert np.array_equal(np.concatenate(list(part.blocks())), image)
    with pytest.raises(PairsError, match=r"a.npz holds no array 'l14_img'. Its arrays: b32_img, other"):
        npz_part(tmp_path / "a.npz", "l14_img")


@pytest.mark.parametrize("array", [
    np.arange(6).reshape(2, 3), np.ones(2), np.ones((2, 0)), np.array([[None]], dtype=object), np.ones((3, 2), order="F"),
    np.ones((1, 70_000)),
])
def test_an_array_of_an_npz_that_holds_no_embeddings_is_an_error(tmp_path, array):
    np.savez(tmp_path / "a.npz", x=array)
    with pytest.raises(PairsError, match=r"x of .*a.npz"):
        npz_part(tmp_path / "a.npz", "x")


def test_an_npz_whose_header_promises_more_than_it_holds_is_an_error(tmp_path):
    header = {"descr": "<f2", "fortran_order": False, "shape": (10**12, 512)}
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive, archive.open("x.npy", "w") as file:
        np.lib.format.write_array_header_1_0(file, header)
        file.write(b"\0" * 1024)
    part = npz_part(tmp_path / "a.npz", "x")
    with pytest.raises(PairsError, match="cannot be read as an array"):
        list(part.blocks())


def test_an_array_that_was_cut_off_is_an_error(tmp_path):
    np.save(tmp_path / "a.npy", np.ones((5, 2)))
    whole = (tmp_path / "a.npy").read_bytes()
    (tmp_path / "a.npy").write_bytes(whole[:-3])
    with pytest.raises(PairsError, match=r"a.npy cannot be read as an array"):
        npy_part(tmp_path / "a.npy")
