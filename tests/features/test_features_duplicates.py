"""Near-duplicates that are planted among pairs of many features, and the sets that are made of them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.csgraph import connected_components
from sklearn.covariance import LedoitWolf

from influencespace.features import duplicates
from influencespace.features.duplicates import Whitening, find_duplicates, twin_codes

D = 48


def planted(n=400, copies=5, sets=20, noise=0.1, seed=0, d=D):
    """Features (n, d) of photos and captions, in which the first pairs of ``sets`` sets stand ``copies`` times, nearly; and
    (n,) the set of each. Features crowd in a few directions, as those of encoders do."""
    rng = np.random.default_rng(seed)
    of = np.concatenate([np.repeat(np.arange(sets), copies), np.arange(sets, n - sets * (copies - 1))])
    crowd = np.where(np.arange(d) < 4, 20.0, 1.0)
    views = [rng.normal(size=(of.max() + 1, d))[of] for _ in range(2)]
    order = rng.permutation(n)
    return *(((3 + view + noise * rng.normal(size=(n, d))) * crowd)[order].astype(np.float32) for view in views), of[order]


def found(image, text, same=None, **changes):
    n = len(image)
    return find_duplicates(image, text, np.arange(n), np.arange(n) if same is None else same, **changes)


def partition(codes):
    return {tuple(np.flatnonzero(codes == code)) for code in codes}


def likeness(image, text):
    """By its definition: the mean over both sides of the cosine of features times the root of their inverse covariance."""
    sides = []
    for features in (image, text):
        fitted = LedoitWolf().fit(features.astype(np.float64))
        white = (features - fitted.location_) @ np.linalg.cholesky(fitted.precision_)
        white /= np.linalg.norm(white, axis=1, keepdims=True)
        sides.append(white @ white.T)
    return (sides[0] + sides[1]) / 2


def test_planted_sets_are_found_and_nothing_else():
    image, text, of = planted()
    assert partition(found(image, text)) == partition(of)


def test_a_set_is_named_by_one_of_its_own():
    image, text, _ = planted()
    sets = found(image, text)
    assert sets.dtype == np.int32 and np.array_equal(sets[sets], sets)


def test_plain_cosines_would_call_many_pairs_alike():
    """Why features are whitened: by their plain cosine the crowd of the main directions hides what tells pairs apart."""
    image, _, of = planted()
    centred = image - image.mean(0)
    centred /= np.linalg.norm(centred, axis=1, keepdims=True)
    others = (centred @ centred.T)[of[:, None] != of[None]]
    assert (others >= duplicates.CLOSE).mean() > 0.05


def test_members_are_as_near_to_the_centre_of_their_set_as_is_said():
    """And where none is a near-duplicate by that measure, there is no set."""
    image, text, _ = planted(n=1000, noise=0.5, d=16)
    sets, near = found(image, text), likeness(image, text)
    member = np.flatnonzero(sets != np.arange(1000))
    assert len(member) > 50 and (near[member, sets[member]] > duplicates.CLOSE - 1e-4).all()
    alone = np.bincount(sets, minlength=1000)[sets] == 1
    assert (near[np.ix_(alone, alone)][~np.eye(alone.sum(), dtype=bool)] < duplicates.CLOSE + 1e-4).all()


@pytest.mark.parametrize("kept", ["image", "text"])
def test_one_side_alone_makes_no_near_duplicate(kept):
    image, text, _ = planted()
    other = np.random.default_rng(9).permutation(len(image))
    assert len(set(found(image, text[other]) if kept == "image" else found(image[other], text))) == len(image)


def test_the_same_photo_and_caption_are_duplicates_whatever_the_features_say():
    image, text, _ = planted(sets=0)
    same = np.arange(400)
    same[[7, 9, 300]] = 7
    assert partition(found(image, text, same)) == partition(same)


@settings(max_examples=10)
@given(st.integers(0, 99))
def test_the_order_of_pairs_does_not_matter_where_sets_are_clear(seed):
    image, text, _ = planted()
    order = np.random.default_rng(seed).permutation(400)
    assert partition(found(image, text)[order]) == partition(found(image[order], text[order]))


def test_cells_find_nearly_all_that_comparing_each_with_each_finds(monkeypatch):
    image, text, of = planted(n=3000, sets=200)
    monkeypatch.setattr(duplicates, "REACH", 1000)
    monkeypatch.setattr(duplicates, "BLOCK", 128)
    sets = found(image, text)
    assert all(len(set(of[sets == s])) == 1 for s in set(sets))
    assert len(set(sets)) <= 1.02 * len(set(of))
    assert np.array_equal(sets, found(image, text))


def test_where_most_pairs_repeat_a_few_what_they_differ_by_does_not_pass_for_content():
    image, text, of = planted(n=1000, copies=40, sets=20)
    sets = found(image, text)
    assert all(len(set(of[sets == s])) == 1 for s in set(sets))
    assert len(set(sets)) < 1.1 * len(set(of))


def test_a_pair_with_very_many_near_duplicates_makes_several_sets(monkeypatch):
    image, text, of = planted(n=600, copies=100, sets=2)
    whole = found(image, text)
    monkeypatch.setattr(duplicates, "MOST", 16)
    sets = found(image, text)
    often = np.isin(of, (0, 1))
    assert all(len(set(of[sets == s])) == 1 for s in set(sets))
    assert len(set(whole[often])) < len(set(sets[often])) < 40


def test_few_pairs_of_many_features():
    image, text, of = planted(n=60, sets=10, copies=2, d=200)
    assert partition(found(image, text)) == partition(of)


@pytest.mark.parametrize("n", [1, 2, 30])
def test_identical_features_are_no_reason_to_fail(n):
    flat = np.full((n, 6), 2.0, np.float32)
    assert found(flat, flat).tolist() == list(range(n))
    assert found(flat, flat, np.zeros(n, int)).tolist() == [0] * n


def test_only_the_rows_asked_for_are_looked_at():
    image, text, of = planted()
    rows = np.arange(0, 400, 2)
    image[1::2], text[1::2] = np.nan, np.nan
    assert partition(find_duplicates(image, text, rows, rows)) == partition(of[rows])


def test_whitened_features_have_unit_covariance_before_they_are_normalised():
    image, _, _ = planted(n=4000, sets=0)
    fitted = Whitening.fit(image, np.arange(4000), 0)
    white = (image - fitted.mean) @ (fitted.basis / fitted.spread)
    np.testing.assert_allclose(white.T @ white / 4000, np.eye(D), atol=0.1)
    assert (np.diff(fitted.spread) <= 0).all()


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), min_size=1, max_size=30))
def test_twins_share_a_photo_or_a_set_or_are_joined_through_others(codes):
    photo, sets = (np.array(side) for side in zip(*codes, strict=True))
    linked = (photo[:, None] == photo[None]) | (sets[:, None] == sets[None])
    expected = connected_components(linked, directed=False)[1]
    assert partition(twin_codes(photo, sets)) == partition(expected)
