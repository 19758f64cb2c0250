"""Ranks against the full matrix, known answers, ties and broken models."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from influencespace.metrics.recall import photo_scores, recall_at, retrieval_ranks


def unit(rng, *shape):
    vectors = rng.normal(size=shape)
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)


def naive_ranks(image, text, photo):
    similarity = image.astype(np.float64) @ text.astype(np.float64).T
    forward, backward = [], []
    for i, row in enumerate(similarity):
        best = max(row[photo == i])
        forward.append(sum(s >= best - 1e-6 for s in row[photo != i]))
    for j, column in enumerate(similarity.T):
        backward.append(sum(column[i] >= column[photo[j]] - 1e-6 for i in range(len(image)) if i != photo[j]))
    return np.array(forward), np.array(backward)


@settings(max_examples=40)
@given(
    seed=st.integers(0, 2**32 - 1), counts=st.lists(st.integers(1, 4), min_size=1, max_size=12),
    budget=st.sampled_from([1, 100, 2**20]),
)
def test_ranks_equal_the_full_matrix_for_any_budget_and_order(seed, counts, budget):
    rng = np.random.default_rng(seed)
    photo = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    image, text = unit(rng, len(counts), 6), unit(rng, len(photo), 6)
    forward, backward = retrieval_ranks(image, text, photo, budget=budget)
    expected = naive_ranks(image, text, photo)
    assert np.array_equal(forward, expected[0])
    assert np.array_equal(backward, expected[1])


def test_image_to_text_takes_the_best_of_the_photo_s_captions_and_ignores_its_others():
    # Photo 0 looks along x; its captions lie at 10 and 80 degrees, photo 1's caption at 45.
    angle = np.deg2rad([10, 80, 45])
    text = np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)
    image = np.array([[1, 0], [0, 1]], dtype=np.float32)
    forward, backward = retrieval_ranks(image, text, np.array([0, 0, 1]))
    assert forward.tolist() == [0, 1]  # photo 1 (y axis): the caption at 80 degrees stands before its own at 45
    assert backward.tolist() == [0, 1, 1]  # the caption at 45 degrees ties between the photos: counted against it


def test_a_perfect_model_finds_everything_and_a_constant_one_nothing():
    image = np.eye(20, dtype=np.float32)
    forward, backward = retrieval_ranks(image, image, np.arange(20))
    assert recall_at(forward, 1) == recall_at(backward, 1) == 1
    flat = np.full((20, 4), 0.5, dtype=np.float32)
    forward, backward = retrieval_ranks(flat, np.repeat(flat, 5, axis=0), np.repeat(np.arange(20), 5))
    assert forward.tolist() == [95] * 20
    assert backward.tolist() == [19] * 100


@pytest.mark.parametrize("broken", ["image", "text", "both"])
def test_a_model_that_diverged_is_last_and_not_first(broken):
    rng = np.random.default_rng(0)
    photo = np.repeat(np.arange(6), 3)
    image, text = unit(rng, 6, 4), unit(rng, 18, 4)
    if broken in ("image", "both"):
        image[:] = np.nan
    if broken in ("text", "both"):
        text[:] = np.nan
    forward, backward = retrieval_ranks(image, text, photo)
    assert forward.tolist() == [15] * 6
    assert backward.tolist() == [5] * 18


def test_float16_embeddings_are_ranked_in_float32():
    rng = np.random.default_rng(1)
    image, text = unit(rng, 9, 5).astype(np.float16), unit(rng, 9, 5).astype(np.float16)
    expected = naive_ranks(image, text, np.arange(9))
    forward, backward = retrieval_ranks(image, text, np.arange(9))
    assert np.array_equal(forward, expected[0])
    assert np.array_equal(backward, expected[1])


def test_photo_scores_by_hand():
    scores = photo_scores(np.array([0, 9, 10]), np.array([0, 12, 3, 10, 10]), np.array([0, 0, 1, 2, 2]), k=10)
    assert scores["image_to_text"].tolist() == [1, 1, 0]
    assert scores["text_to_image"].tolist() == [0.5, 1, 0]
    assert scores["both"].tolist() == [0.75, 1, 0]


@given(seed=st.integers(0, 1000), photos=st.integers(1, 20), captions=st.integers(1, 5), k=st.integers(1, 12))
def test_the_mean_of_photo_scores_is_the_recall(seed, photos, captions, k):
    rng = np.random.default_rng(seed)
    forward, backward = rng.integers(12, size=photos), rng.integers(12, size=photos * captions)
    scores = photo_scores(forward, backward, np.repeat(np.arange(photos), captions), k)
    expected = (recall_at(forward, k) + recall_at(backward, k)) / 2
    assert scores["both"].mean() == pytest.approx(expected)
