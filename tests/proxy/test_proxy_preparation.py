import numpy as np
import pytest
import torch

from influencespace.errors import ProxyError
from influencespace.proxy import preparation
from influencespace.proxy.crossfit import PreparedPairs
from influencespace.proxy.preparation import Preparation, Rows


def features(n=60, d=6, seed=0, dtype=np.float16):
    rng = np.random.default_rng(seed)
    return (3 + rng.normal(size=(n, d)) * np.linspace(2, 0.5, d)).astype(dtype)


def test_prepared_features_are_centred_turned_and_of_unit_length():
    raw = features(dtype=np.float32)
    found = Preparation.fit(raw, 6, 0).apply(raw)
    centred = raw - raw.mean(0)
    expected = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    # A rotation keeps all angles.
    np.testing.assert_allclose(found @ found.T, expected @ expected.T, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("offset", [0, 1000])
def test_the_main_directions_are_kept(offset):
    raw = features(n=400, dtype=np.float32) + np.float32(offset)
    basis = Preparation.fit(raw, 3, 0).basis
    values, vectors = np.linalg.eigh(np.cov(raw.astype(np.float64).T))
    main = vectors[:, np.argsort(-values)[:3]]
    np.testing.assert_allclose(basis @ basis.T, main @ main.T, atol=1e-4)
    np.testing.assert_allclose(basis.T @ basis, np.eye(3), atol=1e-5)


def test_directions_in_which_nothing_varies_are_left_out():
    raw = np.concatenate([features(d=3), np.full((60, 5), 7, np.float16)], axis=1)
    assert Preparation.fit(raw, 8, 0).basis.shape == (8, 3)


def test_fewer_pairs_than_dimensions():
    raw = features(n=5, d=40)
    found = Preparation.fit(raw, 40, 0)
    assert found.basis.shape == (40, 4)
    assert torch.isfinite(found.apply(raw)).all()


def test_a_row_that_equals_the_mean_becomes_zero_and_not_nan():
    raw = np.array([[1, 0], [-1, 0], [0, 1], [0, -1], [0, 0]], np.float32)
    assert Preparation.fit(raw, 2, 0).apply(raw)[4].tolist() == [0, 0]


@pytest.mark.parametrize("value", [0.0, 1.0, 100.0])
def test_constant_features_are_an_error_that_says_so(value):
    with pytest.raises(ProxyError, match="All pairs have the same features"):
        Preparation.fit(np.full((10, 4), value, np.float16), 4, 0)


def test_a_large_set_is_fitted_on_a_sample(monkeypatch):
    monkeypatch.setattr(preparation, "SAMPLE", 30)
    raw = features(n=60, dtype=np.float32)
    first, again = (Preparation.fit(raw, 3, 0) for _ in range(2))
    assert np.array_equal(first.mean, again.mean) and np.array_equal(first.basis, again.basis)
    assert not np.allclose(first.mean, raw.mean(0), atol=1e-4)


def test_preparing_in_chunks_changes_nothing(monkeypatch):
    raw = features(n=61)
    made = Preparation.fit(raw, 4, 0)
    whole = made.apply(raw)
    monkeypatch.setattr(preparation, "CHUNK", 7)
    np.testing.assert_allclose(made.apply(raw), whole, rtol=0, atol=1e-6)
    half = made.apply(raw, torch.float16)
    assert half.dtype == torch.float16
    np.testing.assert_allclose(half, whole, rtol=0, atol=1e-3)


def test_rows_are_those_rows():
    raw = features()
    rows = Rows(raw, np.array([5, 3, 9]))
    assert len(rows) == 3 and rows.shape == (3, 6)
    assert np.array_equal(rows[np.array([2, 0])], raw[[9, 5]])


def prepared(image, text, train, aligned=False):
    return PreparedPairs.prepare(image, text, np.arange(len(image)), train, aligned, 4, 0, torch.device("cpu"))


def test_held_out_pairs_have_no_part_in_the_preparation():
    image, text, train = features(), features(seed=1), np.arange(0, 60, 2)
    before = prepared(image, text, train)
    image[1::2], text[1::2] = 9 * features(n=30, seed=2), 9 * features(n=30, seed=3)
    after = prepared(image, text, train)
    assert torch.equal(before.image[train], after.image[train]) and torch.equal(before.text[train], after.text[train])
    assert not torch.equal(before.image, after.image)


def test_the_similarity_is_the_cosine_of_the_centred_features():
    image = features(d=4, dtype=np.float32)
    text = image + 0.3 * np.random.default_rng(5).normal(size=image.shape).astype(np.float32)
    pairs = prepared(image, text, np.arange(60), aligned=True)
    a, b = (f - f.mean(0) for f in (image, text))
    expected = (a / np.linalg.norm(a, axis=1, keepdims=True)) @ (b / np.linalg.norm(b, axis=1, keepdims=True)).T
    np.testing.assert_allclose(pairs.image @ pairs.similarity @ pairs.text.T, expected, atol=1e-5)


def test_unaligned_features_have_no_similarity():
    assert prepared(features(), features(seed=1), np.arange(60)).similarity is None
