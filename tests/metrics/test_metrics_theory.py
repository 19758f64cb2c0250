"""Retrieval against torchmetrics, parity against fairlearn, and what theory says of a perfect, a random and a constant scorer."""

import math

import numpy as np
import pytest
import torch
from fairlearn.metrics import demographic_parity_difference, equal_opportunity_difference
from hypothesis import given, settings
from hypothesis import strategies as st
from torchmetrics.retrieval import RetrievalHitRate, RetrievalRecall

from influencespace.metrics.fairness import OPPORTUNITY, PARITY, Matching, parity_differences
from influencespace.metrics.recall import photo_scores, recall_at, retrieval_ranks


def unit(rng, *shape):
    vectors = rng.normal(size=shape)
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)


def by_torchmetrics(metric, similarity, right, k):
    queries = torch.arange(len(similarity))[:, None].expand(*similarity.shape)
    measure = metric(top_k=k, empty_target_action="error")
    # It takes what is not above 0 for not found at all, so all cosines are raised alike.
    return measure(torch.from_numpy(similarity + 2).ravel(), torch.from_numpy(right).ravel(), indexes=queries.ravel()).item()


@settings(max_examples=40)
@given(seed=st.integers(0, 2**32 - 1), counts=st.lists(st.integers(1, 4), min_size=2, max_size=10), k=st.integers(1, 10))
def test_recall_equals_torchmetrics_in_both_directions(seed, counts, k):
    rng = np.random.default_rng(seed)
    photo = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    image, text = unit(rng, len(counts), 6), unit(rng, len(photo), 6)
    forward, backward = retrieval_ranks(image, text, photo)
    similarity, right = image @ text.T, photo[None] == np.arange(len(counts))[:, None]
    # A photo is found by any of its captions, a caption has one photo: hit rate and recall are one there.
    assert recall_at(forward, k) == pytest.approx(by_torchmetrics(RetrievalHitRate, similarity, right, k))
    backwards = by_torchmetrics(RetrievalRecall, similarity.T.copy(), right.T.copy(), k)
    assert recall_at(backward, k) == pytest.approx(backwards)


def test_a_random_scorer_finds_what_chance_does():
    photos, captions, rounds = 60, 5, 200
    rng = np.random.default_rng(0)
    photo = np.repeat(np.arange(photos), captions)
    found = [retrieval_ranks(unit(rng, photos, 40), unit(rng, len(photo), 40), photo) for _ in range(rounds)]
    forward, backward = (np.concatenate(side) for side in zip(*found, strict=True))
    for k in (1, 5, 10):
        # That none of five of 300 captions is among k drawn ones; that one of 60 photos is.
        missed = math.comb(len(photo) - captions, k) / math.comb(len(photo), k)
        assert recall_at(forward, k) == pytest.approx(1 - missed, abs=4 * math.sqrt(missed * (1 - missed) / len(forward)))
        assert recall_at(backward, k) == pytest.approx(k / photos, abs=0.01)
    assert np.median(backward) + 1 == pytest.approx((photos + 1) / 2, abs=1)


def test_ties_count_against_a_constant_scorer_and_a_perfect_one_has_none():
    photo = np.repeat(np.arange(30), 2)
    perfect = np.eye(30, dtype=np.float32)
    forward, backward = retrieval_ranks(perfect, perfect[photo], photo)
    assert photo_scores(forward, backward, photo, 1)["both"].mean() == 1
    assert np.median(forward) == np.median(backward) == 0
    flat = np.full((30, 4), 0.5, dtype=np.float32)
    forward, backward = retrieval_ranks(flat, flat[photo], photo)
    # Behind all captions of others, and behind all other photos: the last place there is.
    assert set(forward) == {58} and set(backward) == {29}
    assert photo_scores(forward, backward, photo, 10)["both"].mean() == 0


def decided(positive, negative):
    positive, negative = np.asarray(positive, dtype=bool), np.asarray(negative, dtype=bool)
    return Matching(positive, negative, np.ones(len(positive), dtype=bool))


HALVES = np.array(["a"] * 4 + ["b"] * 4, dtype=object)


@pytest.mark.parametrize(("positive", "negative", "parity", "opportunity"), [
    # Of a 3 of 4 true and 1 of 4 false pairs match, of b 1 and 1: match rates 4/8 and 2/8, true positive rates 3/4 and 1/4.
    ([1, 1, 1, 0, 1, 0, 0, 0], [1, 0, 0, 0, 0, 0, 0, 1], 0.25, 0.5),
    # Errors of both kinds that cancel in the match rate, and not in the true positive rate.
    ([1, 1, 1, 1, 0, 0, 0, 0], [0, 0, 0, 0, 1, 1, 1, 1], 0.0, 1.0),
    ([1] * 8, [0] * 8, 0.0, 0.0),  # a perfect matcher
    ([1] * 8, [1] * 8, 0.0, 0.0),  # a constant one: all is a match
    ([0] * 8, [0] * 8, 0.0, 0.0),  # or nothing is
])
def test_parity_of_decisions_by_hand_is_fairlearn_s(positive, negative, parity, opportunity):
    found = parity_differences([decided(positive, negative)], np.arange(8), HALVES, ["a", "b"])
    assert found == pytest.approx({PARITY: parity, OPPORTUNITY: opportunity})
    true, predicted, group = np.repeat([1, 0], 8), np.array(positive + negative), np.tile(HALVES, 2).astype(str)
    assert parity == pytest.approx(demographic_parity_difference(true, predicted, sensitive_features=group))
    assert opportunity == pytest.approx(equal_opportunity_difference(true, predicted, sensitive_features=group))


def test_a_random_matcher_is_right_half_the_time_in_every_group():
    rng, photos = np.random.default_rng(0), 4000
    groups = np.array(["a", "b"], dtype=object)[np.arange(photos) % 2]
    matching = decided(rng.random(photos) < 0.3, rng.random(photos) < 0.3)
    assert matching.correct().mean() == pytest.approx(0.5, abs=4 * math.sqrt(0.3 * 0.7 / photos / 2))
    found = parity_differences([matching], np.arange(photos), groups, ["a", "b"])
    assert max(found.values()) < 4 * math.sqrt(0.3 * 0.7 * 2 / (photos / 2))
