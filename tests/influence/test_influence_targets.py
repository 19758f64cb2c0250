import numpy as np
import pytest

from influencespace.influence.targets import make_targets, target_losses
from influencespace.pairs.views import HeldOut

# Ten photos with one to three captions each, in no order.
PHOTO = np.array([0, 1, 1, 2, 2, 2, 3, 4, 5, 5, 6, 7, 8, 9, 9, 0, 4, 3])
PLACE = np.array(["in"] * 5 + ["out"] * 5, dtype=object)
RARE = np.array(["yes"] * 4 + ["no"] * 6, dtype=object)
HELDOUT = HeldOut(np.arange(100, 118), PHOTO, np.arange(10), {"place": PLACE, "rare": RARE})
COMPARED = {"place": ["in", "out"], "rare": ["no", "yes"]}


def by_name():
    return {target.name: target for target in make_targets(HELDOUT, COMPARED)}


def test_overall_comes_first_then_the_groups_as_compared_and_the_smallest_not_at_all():
    targets = make_targets(HELDOUT, COMPARED)
    assert [t.name for t in targets] == ["overall", "place=in", "place=out", "rare=no"]
    assert [(t.attribute, t.value, t.photos) for t in targets] == [
        (None, None, 10), ("place", "in", 5), ("place", "out", 5), ("rare", "no", 6)
    ]


def test_shares_sum_to_one_and_photos_with_many_captions_count_once():
    for target in make_targets(HELDOUT, COMPARED):
        assert target.anchors.sum() == pytest.approx(1)
        by_photo = np.bincount(PHOTO, target.anchors)
        member = by_photo > 0
        assert member.sum() == target.photos
        np.testing.assert_allclose(by_photo[member], 1 / target.photos)
        for photo in range(10):
            assert len(set(target.anchors[photo == PHOTO])) == 1


def test_a_group_is_about_its_own_photos():
    member = np.bincount(PHOTO, by_name()["place=in"].anchors) > 0
    assert np.array_equal(member, PLACE == "in")


def test_losses_are_means_over_photos_with_their_standard_error():
    losses = np.random.default_rng(0).gamma(2, size=len(PHOTO))
    targets = make_targets(HELDOUT, COMPARED)
    mean, error = target_losses(targets, HELDOUT, losses)
    per_photo = np.array([losses[photo == PHOTO].mean() for photo in range(10)])
    for q, own in enumerate((np.ones(10, bool), PLACE == "in", PLACE == "out", RARE == "no")):
        assert mean[q] == pytest.approx(per_photo[own].mean())
        assert error[q] == pytest.approx(per_photo[own].std(ddof=1) / np.sqrt(own.sum()))
        # The same mean that the anchors take.
        assert mean[q] == pytest.approx(targets[q].anchors @ losses)


def test_without_groups_there_is_one_target():
    assert [t.name for t in make_targets(HeldOut(np.arange(3), np.arange(3), np.arange(3), {}), {})] == ["overall"]
