import numpy as np
import pytest
import torch
from engine_cases import planted_pairs, planted_views
from hypothesis import given
from hypothesis import strategies as st

from influencespace.errors import ProxyError
from influencespace.proxy import crossfit
from influencespace.proxy.bilinear import loss_and_gradient
from influencespace.proxy.crossfit import PreparedPairs, cross_fit, draw_folds, joint_cosine
from influencespace.proxy.options import ProxyOptions

OPTIONS = ProxyOptions(folds=2, repeats=2, ridge=1e-3, batch_size=32)


@given(st.lists(st.integers(0, 30), min_size=1, max_size=80), st.integers(2, 7), st.integers(0, 99))
def test_all_pairs_of_a_photo_are_in_one_fold_and_folds_are_equal(photo, folds, seed):
    photo = np.array(photo)
    drawn = draw_folds(photo, folds, seed)
    assert drawn.dtype == np.int8 and drawn.shape == photo.shape
    of_photo = {p: set(drawn[photo == p].tolist()) for p in photo}
    assert all(len(found) == 1 for found in of_photo.values())
    sizes = np.bincount([found.pop() for found in of_photo.values()], minlength=folds)
    assert len(sizes) == folds and sizes.max() - sizes.min() <= 1


def test_another_seed_draws_other_folds():
    photo = np.arange(50)
    assert np.array_equal(draw_folds(photo, 3, 1), draw_folds(photo, 3, 1))
    assert not np.array_equal(draw_folds(photo, 3, 1), draw_folds(photo, 3, 2))


def test_draws_of_the_folds_differ_from_one_another():
    pairs, _ = planted_pairs()
    folds = cross_fit(pairs, OPTIONS).folds
    assert folds.shape == (2, 120) and not np.array_equal(folds[0], folds[1])


def test_too_few_photos_are_an_error_that_says_how_many_are_needed():
    pairs, _ = planted_pairs(n=12, photo=np.repeat(np.arange(3), 4))
    with pytest.raises(ProxyError, match=r"^3 photos are too few to be split into 2 folds; at least 4 training photos"):
        cross_fit(pairs, OPTIONS)


def test_as_few_photos_as_are_needed_are_enough():
    pairs, _ = planted_pairs(n=8, photo=np.repeat(np.arange(4), 2))
    assert np.isfinite(cross_fit(pairs, OPTIONS).agreement).all()


def changed_captions(pairs, rows):
    text = pairs.text.clone()
    text[rows] = text[rows].flip(1)
    return PreparedPairs(pairs.image, text, pairs.photo, pairs.train, pairs.similarity)


def test_a_proxy_has_seen_nothing_of_the_fold_that_it_judges():
    pairs, _ = planted_pairs()
    before = cross_fit(pairs, OPTIONS)
    for r in range(2):
        for f in range(2):
            after = cross_fit(changed_captions(pairs, np.flatnonzero(before.folds[r] == f)), OPTIONS)
            assert torch.equal(before.models[r, f], after.models[r, f])
            assert not torch.equal(before.models[r, 1 - f], after.models[r, 1 - f])


def test_held_out_pairs_have_no_part_in_the_proxies():
    whole, _ = planted_pairs()
    pairs = PreparedPairs(whole.image, whole.text, whole.photo, np.arange(0, 120, 2), None)
    before, after = cross_fit(pairs, OPTIONS), cross_fit(changed_captions(pairs, np.arange(1, 120, 2)), OPTIONS)
    assert torch.equal(before.models, after.models) and np.array_equal(before.agreement, after.agreement)


@pytest.mark.parametrize("aligned", [False, True])
def test_every_proxy_is_the_optimum_on_the_other_folds(aligned):
    pairs, _ = planted_pairs(aligned=aligned)
    fitted = cross_fit(pairs, OPTIONS)
    for r in range(2):
        for f in range(2):
            others = pairs.train[fitted.folds[r] != f]
            batches = pairs.batches(others, OPTIONS.batch_size, OPTIONS.seed + 1000 * r + f)
            model = fitted.models[r, f]
            prior = fitted.priors[r, f] * pairs.similarity if aligned else torch.zeros_like(model)
            gradient = loss_and_gradient(model, batches)[1] + OPTIONS.ridge * (model - prior)
            assert gradient.abs().max() < 1e-3 * loss_and_gradient(prior, batches)[1].abs().max()
    assert (fitted.priors > 0).all() if aligned else (fitted.priors == 0).all()


def test_agreement_is_the_mean_of_standardised_cosines_of_unseen_pairs():
    pairs, _ = planted_pairs()
    fitted = cross_fit(pairs, OPTIONS)
    scores = np.zeros((2, 120))
    for r in range(2):
        for i in range(120):
            u, s, vt = np.linalg.svd(fitted.models[r, fitted.folds[r, i]].numpy())
            a, b = pairs.image[i].numpy() @ u * np.sqrt(s), vt @ pairs.text[i].numpy() * np.sqrt(s)
            scores[r, i] = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
        for f in range(2):
            held = fitted.folds[r] == f
            scores[r, held] = (scores[r, held] - scores[r, held].mean()) / scores[r, held].std()
    mean = scores.mean(0)
    np.testing.assert_allclose(fitted.agreement, (mean - mean.mean()) / mean.std(), atol=1e-5)


def test_the_cosine_of_the_identity_is_the_plain_one():
    pairs, _ = planted_pairs()
    found = joint_cosine(torch.eye(5, dtype=torch.float64), pairs, np.array([3, 1]))
    np.testing.assert_allclose(found, (pairs.image * pairs.text).sum(1)[[3, 1]], atol=1e-12)


def test_a_proxy_that_learnt_nothing_agrees_with_nothing():
    pairs, _ = planted_pairs()
    assert joint_cosine(torch.zeros(5, 5, dtype=torch.float64), pairs, np.arange(4)).tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("aligned", [False, True])
def test_wrong_captions_agree_least(aligned):
    pairs, wrong = planted_pairs(n=300, aligned=aligned)
    agreement = cross_fit(pairs, OPTIONS).agreement
    least = np.argsort(agreement)[: wrong.sum()]
    assert wrong[least].mean() > 0.8


def test_the_same_options_give_the_same_proxies_and_progress_counts_to_its_end():
    pairs, _ = planted_pairs()
    told = []
    first = cross_fit(pairs, OPTIONS, lambda done, total, what: told.append((done, total, what)))
    again = cross_fit(pairs, OPTIONS)
    assert torch.equal(first.models, again.models) and np.array_equal(first.agreement, again.agreement)
    assert told == [(k, 4, "fitting proxies") for k in range(5)]


# -- Very many pairs.


def test_a_proxy_is_fitted_to_a_sample_of_the_other_folds_and_all_pairs_are_judged():
    pairs, wrong = planted_pairs(n=900)
    options = ProxyOptions(folds=2, repeats=2, ridge=1e-3, batch_size=32, fitted_pairs=100)
    fitted = cross_fit(pairs, options)
    seen = pairs.seen(fitted.folds[1], 0, options, 1000)
    others = {tuple(row) for row in pairs.image[fitted.folds[1] != 0].tolist()}
    assert len(seen.image) == 100 and {tuple(row) for row in seen.image.tolist()} <= others
    gradient = loss_and_gradient(fitted.models[1, 0], seen)[1] + options.ridge * fitted.models[1, 0]
    assert gradient.abs().max() < 1e-3 * loss_and_gradient(pairs.zeros, seen)[1].abs().max()
    assert wrong[np.argsort(fitted.agreement)[: wrong.sum()]].mean() > 0.8


def test_the_sample_is_drawn_by_seed_and_what_fits_is_taken_whole():
    pairs, _ = planted_pairs(n=300)
    fold = draw_folds(pairs.photo, 2, 0)
    options = ProxyOptions(fitted_pairs=100)
    first, again, other = (pairs.seen(fold, 0, options, seed) for seed in (1, 1, 2))
    assert torch.equal(first.image, again.image) and not torch.equal(first.image, other.image)
    whole = pairs.seen(fold, 0, ProxyOptions(fitted_pairs=150), 1)
    assert torch.equal(whole.image, pairs.image[fold == 1])


@pytest.mark.parametrize("size", [7, 50, 1000])
def test_chunks_are_the_batches_a_few_at_a_time(monkeypatch, size):
    monkeypatch.setattr(crossfit, "CHUNK", 60)
    pairs, _ = planted_pairs(n=200, photo=np.arange(200) // 3)
    rows = np.random.default_rng(0).permutation(200)[:170]
    whole, places = pairs.batches(rows, size, 4), []
    parts = iter(whole.parts)
    for number in range(crossfit.chunks(len(rows), size)):
        place, batches = pairs.chunk(rows, size, 4, number)
        assert len(place) <= max(60, size)
        for part in batches.parts:
            expected = next(parts)
            assert place[part].tolist() == expected.tolist()
            assert torch.equal(batches.image[part], whole.image[expected])
            assert torch.equal(batches.text[part], whole.text[expected])
            assert torch.equal(batches.photo[part], whole.photo[expected])
        places += place.tolist()
    assert next(parts, None) is None and sorted(places) == list(range(170))


def test_the_cosine_does_not_depend_on_the_chunks(monkeypatch):
    pairs, _ = planted_pairs()
    model = torch.randn(5, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    whole = joint_cosine(model, pairs, pairs.train)
    monkeypatch.setattr(crossfit, "CHUNK", 7)
    np.testing.assert_allclose(joint_cosine(model, pairs, pairs.train), whole, rtol=0, atol=1e-14)


def test_features_beyond_the_budget_are_kept_in_half_precision_and_say_the_same(monkeypatch):
    """Float16 features, as stored, lose less than a thousandth of the spread of agreement."""
    image, text, _ = planted_views(600, 12)
    prepare = [image.astype(np.float16), text.astype(np.float16), np.arange(600), np.arange(600), False, 12, 0,
               torch.device("cpu")]
    single = PreparedPairs.prepare(*prepare)
    monkeypatch.setattr(crossfit, "BUDGET", 1000)
    half = PreparedPairs.prepare(*prepare)
    assert single.image.dtype == torch.float32 and half.image.dtype == torch.float16
    assert half.zeros.dtype == half.batches(half.train, 100, 0).image.dtype == torch.float32
    options = ProxyOptions(folds=2, repeats=1, ridge=1e-3, batch_size=200)
    first, second = cross_fit(single, options), cross_fit(half, options)
    assert np.corrcoef(first.agreement, second.agreement)[0, 1] > 1 - 1e-6
    np.testing.assert_allclose(second.agreement, first.agreement, atol=1e-2)
