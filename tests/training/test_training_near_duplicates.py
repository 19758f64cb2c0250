"""SemDeDup's figure against its definition, pair by pair, and what is removed by it."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from engine_cases import planted_pairs
from hypothesis import given
from hypothesis import strategies as st

from influencespace.training.baselines import without_least
from influencespace.training.near_duplicates import repetition


def naive(pairs, topics):
    """By definition: for each pair the mean cosine with the most similar pair of its topic that is farther from the centre."""
    image, text = (side.double().numpy()[pairs.train] for side in (pairs.image, pairs.text))
    found = np.full(len(topics), -np.inf)
    for i, topic in enumerate(topics):
        own = np.flatnonzero(topics == topic)
        typical = {j: image[j] @ image[own].mean(0) + text[j] @ text[own].mean(0) for j in own}
        for j in own:
            if typical[j] < typical[i]:
                found[i] = max(found[i], (image[i] @ image[j] + text[i] @ text[j]) / 2)
    return found


@pytest.mark.parametrize("budget", [1, 700, 2**20])
def test_the_figure_equals_its_definition_however_it_is_cut(budget):
    pairs, _ = planted_pairs(n=150, train=np.arange(20, 140))
    topics = np.random.default_rng(0).integers(0, 4, 120)
    np.testing.assert_allclose(repetition(pairs, topics, budget=budget), naive(pairs, topics), atol=1e-6)


def test_what_is_kept_in_half_precision_is_compared_in_single():
    pairs, _ = planted_pairs(n=60)
    topics, halved = np.zeros(60, dtype=int), replace(pairs, image=pairs.image.half(), text=pairs.text.half())
    np.testing.assert_allclose(repetition(halved, topics), naive(halved, topics), atol=1e-6)


def copies(n=80, k=16, seed=0):
    """Pairs of one topic, of which the last 20 repeat the first 20 but for a little; which of two is which."""
    rng = np.random.default_rng(seed)
    sides = []
    for _ in range(2):
        source = rng.normal(size=(n - 20, k)) + 1
        side = np.concatenate([source, source[:20] + 0.02 * rng.normal(size=(20, k))])
        sides.append(torch.nn.functional.normalize(torch.from_numpy(side), dim=1))
    pairs = planted_pairs(n=n)[0]
    return replace(pairs, image=sides[0], text=sides[1]), np.concatenate([np.arange(n - 20), np.arange(20)])


def test_of_two_that_are_alike_the_one_nearer_to_the_centre_goes():
    pairs, source = copies()
    gone = without_least(-repetition(pairs, np.zeros(80, dtype=int)), 20) == 0
    space = torch.cat([pairs.image, pairs.text], dim=1).numpy()
    typical = space @ space.mean(0)
    for i in range(20):
        two = np.flatnonzero(source == i)
        assert gone[two].sum() == 1 and gone[two[np.argmax(typical[two])]]
    assert gone.sum() == 20


def test_copies_in_another_topic_are_not_seen():
    pairs, _ = copies()
    assert repetition(pairs, np.repeat([0, 1], [60, 20])).max() < 0.95 < repetition(pairs, np.zeros(80, dtype=int)).max()


def test_the_same_photo_with_another_caption_is_no_copy():
    pairs, _ = copies()
    other = replace(pairs, text=pairs.text[torch.randperm(80, generator=torch.Generator().manual_seed(0))])
    assert repetition(other, np.zeros(80, dtype=int)).max() < 0.95


@given(st.integers(1, 40), st.integers(1, 6), st.integers(0, 10))
def test_every_topic_has_one_pair_that_repeats_none(n, topics, seed):
    pairs, _ = planted_pairs(n=40)
    pairs = replace(pairs, train=np.arange(n))
    of = np.random.default_rng(seed).integers(0, topics, n)
    found = repetition(pairs, of)
    assert np.isneginf(found).sum() == len(np.unique(of)) and found.max() <= 1 + 1e-6
