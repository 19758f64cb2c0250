"""Re-ranking against plain loops, at both ends of the mix, and what it costs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from influencespace.metrics.recall import recall_at, retrieval_ranks
from influencespace.training.reranked import MIXES, Reranked

SCALE = 20.0


def unit(rng, *shape):
    vectors = rng.normal(size=shape).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def split(seed=0, photos=30, captions=75, d=6):
    """Photos with one caption or several, by a dual encoder that sees some of what they share."""
    rng = np.random.default_rng(seed)
    photo = rng.permutation(np.concatenate([np.arange(photos), rng.integers(photos, size=captions - photos)]))
    image = unit(rng, photos, d)
    text = image[photo] + 1.0 * unit(rng, captions, d)
    return image, (text / np.linalg.norm(text, axis=1, keepdims=True)).astype(np.float32), photo


class Asked:
    """A model that answers from a matrix of logits, and remembers what it was asked."""

    def __init__(self, logits):
        self.logits, self.pairs = logits, []

    def __call__(self, photos, captions):
        self.pairs += zip(photos.tolist(), captions.tolist(), strict=True)
        return self.logits[photos, captions]


def perfect(image, text, photo):
    return np.where(photo[None] == np.arange(len(image))[:, None], 9.0, -9.0)


def plain_ranks(image, text, photo, logits, mix, candidates):
    """For each query its candidates in the order of cosine plus logit, then all others in the order of the cosine."""

    def rank(cosines, logits, own):
        order = sorted(range(len(cosines)), key=lambda j: -cosines[j])
        head = sorted(order[:candidates], key=lambda j: -(SCALE * cosines[j] + mix * logits[j]))
        # Up to the first of its own there are only wrong ones.
        return next(place for place, j in enumerate(head + order[candidates:]) if own[j])

    cosine = image.astype(np.float64) @ text.T.astype(np.float64)
    own = photo[None] == np.arange(len(image))[:, None]
    forward = [rank(cosine[i], logits[i], own[i]) for i in range(len(image))]
    backward = [rank(cosine[:, j], logits[:, j], own[:, j]) for j in range(len(text))]
    return np.array(forward), np.array(backward)


@pytest.mark.parametrize("mix", MIXES)
@pytest.mark.parametrize("candidates", [1, 7, 200])
def test_ranks_are_those_of_a_plain_loop(mix, candidates):
    image, text, photo = split()
    logits = np.random.default_rng(2).normal(scale=4, size=(len(image), len(text)))
    found = Reranked(image, text, photo, SCALE, Asked(logits), mix, candidates).ranks()
    for got, expected in zip(found, plain_ranks(image, text, photo, logits, mix, candidates), strict=True):
        np.testing.assert_array_equal(got, expected)


@settings(max_examples=40)
@given(seed=st.integers(0, 10_000), candidates=st.integers(1, 40))
def test_a_mix_of_nothing_is_the_dual_encoder_and_asks_nothing(seed, candidates):
    image, text, photo = split(seed)
    asked = Asked(np.zeros((len(image), len(text))))
    found = Reranked(image, text, photo, SCALE, asked, 0.0, candidates).ranks()
    for got, expected in zip(found, retrieval_ranks(image, text, photo), strict=True):
        np.testing.assert_array_equal(got, expected)
    assert not asked.pairs


def test_a_perfect_matcher_puts_first_what_is_among_the_candidates_and_moves_nothing_else():
    image, text, photo = split(d=3)
    judged = Reranked(image, text, photo, SCALE, Asked(perfect(image, text, photo)), 1e3, 5)
    for got, dual in zip(judged.ranks(), retrieval_ranks(image, text, photo), strict=True):
        assert (dual < 5).any() and (dual >= 5).any()
        assert recall_at(got[dual < 5], 1) == 1
        np.testing.assert_array_equal(got[dual >= 5], dual[dual >= 5])


def test_no_pair_is_asked_twice_and_none_of_a_query_that_cannot_win():
    image, text, photo = split(d=3)
    asked = Asked(np.random.default_rng(1).normal(size=(len(image), len(text))))
    judged = Reranked(image, text, photo, SCALE, asked, 1.0, 5)
    for _ in range(2):
        judged.best_mix(), judged.ranks(), judged.similarity(photo, np.arange(len(text)))
    assert len(asked.pairs) == len(set(asked.pairs))
    forward, backward = retrieval_ranks(image, text, photo)
    most = 5 * ((forward < 5).sum() + (backward < 5).sum()) + len(text)
    assert len(asked.pairs) <= most < image.shape[0] * len(text)


def test_the_similarity_is_the_models_alone():
    image, text, photo = split()
    logits = np.random.default_rng(1).normal(size=(len(image), len(text)))
    photos, captions = np.array([3, 3, 0, 29, 3]), np.array([5, 5, 74, 0, 6])
    got = Reranked(image, text, photo, SCALE, Asked(logits), 0.5).similarity(photos, captions)
    assert got.dtype == np.float64
    np.testing.assert_array_equal(got, logits[photos, captions])


def test_the_mix_follows_what_the_model_is_worth():
    image, text, photo = split(d=3)
    assert Reranked(image, text, photo, SCALE, Asked(perfect(image, text, photo))).best_mix() > 0
    assert Reranked(image, text, photo, SCALE, Asked(-perfect(image, text, photo))).best_mix() == 0
    assert Reranked(image, text, photo, SCALE, Asked(np.zeros((len(image), len(text))))).best_mix() == 0


def test_the_mix_for_some_photos_is_chosen_by_them_alone():
    image, text, photo = split(d=3)
    good, bad = np.arange(0, 30, 2), np.arange(1, 30, 2)
    # Right about every second photo and its captions, wrong about the others and theirs.
    logits = np.where(np.isin(photo, good)[None], perfect(image, text, photo), 0.0)
    logits[np.ix_(bad, np.isin(photo, bad))] = -perfect(image, text, photo)[np.ix_(bad, np.isin(photo, bad))]
    judged = Reranked(image, text, photo, SCALE, Asked(logits))
    assert judged.best_mix(good) > 0
    assert judged.best_mix(bad) == 0


def test_those_who_are_not_watched_keep_their_place():
    image, text, photo = split(d=3)
    matching, watched = Asked(perfect(image, text, photo)), np.array([2, 5, 11])
    some, every = (Reranked(image, text, photo, SCALE, matching, 1e3, 5, who).ranks() for who in (watched, None))
    dual = retrieval_ranks(image, text, photo)
    for side, asked in enumerate((np.isin(np.arange(len(image)), watched), np.isin(photo, watched))):
        np.testing.assert_array_equal(some[side], np.where(asked, every[side], dual[side]))


def test_answers_that_are_no_numbers_count_against_the_model():
    image, text, photo = split()
    judged = Reranked(image, text, photo, SCALE, Asked(np.full((len(image), len(text)), np.nan)), 1.0, 5)
    for got, dual in zip(judged.ranks(), retrieval_ranks(image, text, photo), strict=True):
        assert (got >= dual).all()


def test_a_caption_of_no_photo_is_never_a_right_answer_but_can_be_asked_about():
    image, text, photo = split()
    judged = Reranked(image, text, np.full(len(photo), -1), SCALE, Asked(perfect(image, text, photo)))
    assert judged.similarity(np.array([photo[4]]), np.array([4])) == 9
