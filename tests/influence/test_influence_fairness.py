import numpy as np
import pytest

from influencespace.influence.fairness import gap_scores, gaps
from influencespace.influence.hierarchy import cluster_means


def target(name, loss, error=0.1):
    attribute = name.partition("=")[0] if "=" in name else None
    return {"name": name, "attribute": attribute, "loss": loss, "loss_error": error}


TARGETS = [
    target("overall", 2.0), target("g=a", 1.8), target("g=b", 2.3), target("h=1", 2.0), target("h=2", 1.5), target("h=3", 2.1),
    target("lonely=x", 9.0),
]


def test_the_gap_is_between_the_group_served_worst_and_the_one_served_best():
    g, h = gaps(TARGETS)
    assert (g.attribute, g.behind, g.ahead, g.name) == ("g", "g=b", "g=a", "gap.g")
    assert (h.behind, h.ahead) == ("h=3", "h=2")
    assert g.size == pytest.approx(0.5)
    assert g.reach == pytest.approx(1.96 * np.sqrt(0.02), rel=1e-4)


def test_the_two_farthest_of_many_groups_must_lie_farther_apart():
    """Of three pairs of groups the farthest is looked at: the 95 % are shared out among them."""
    h = gaps(TARGETS)[1]
    assert h.reach == pytest.approx(2.39398 * np.sqrt(0.02), rel=1e-4)
    draw = np.random.default_rng(0).normal(scale=0.1, size=(4000, 3))
    called = np.mean([
        not gaps([target(f"h={k}", loss) for k, loss in enumerate(losses)])[0].within_chance for losses in draw
    ])
    assert called <= 0.055


@pytest.mark.parametrize(("error", "within"), [(0.1, False), (0.2, True)])
def test_a_gap_within_chance_says_so(error, within):
    assert gaps([target("g=a", 1.8, error), target("g=b", 2.3, error)])[0].within_chance is within


def test_groups_that_are_served_alike_have_a_gap_of_nothing():
    [gap] = gaps([target("g=a", 2.0), target("g=b", 2.0)])
    assert (gap.behind, gap.ahead, gap.size, gap.within_chance) == ("g=a", "g=b", 0.0, True)


def test_without_two_groups_there_is_no_gap():
    assert gaps([target("overall", 2.0), target("g=a", 1.8)]) == []


def test_influence_on_a_gap_is_positive_where_the_group_behind_gains_more():
    names = [entry["name"] for entry in TARGETS]
    scores = np.random.default_rng(0).normal(size=(2, 5, len(names)))
    found = gap_scores(scores, names, gaps(TARGETS))
    for half in range(2):
        for row in range(5):
            own = dict(zip(names, scores[half, row], strict=True))
            assert found[half, row] == pytest.approx([own["g=b"] - own["g=a"], own["h=3"] - own["h=2"]])


def test_what_pairs_do_to_both_groups_alike_is_no_error_of_their_difference():
    """Pairs that differ a lot, but not in what they do to the gap: the difference is certain where both parts are not."""
    draw = np.random.default_rng(0)
    alike = draw.normal(size=(200, 1))
    halves = 0.5 * np.stack([np.concatenate([alike, alike + 0.1], axis=1)] * 2)
    names, found = ["g=a", "g=b"], gaps([target("g=a", 1.0), target("g=b", 2.0)])
    labels = np.arange(200) % 4
    apart = cluster_means(gap_scores(halves, names, found), labels)
    assert apart.mean[:, 0] == pytest.approx(0.1)
    assert apart.error[:, 0] == pytest.approx(0, abs=1e-9)
    assert (cluster_means(halves, labels).error > 0.1).all()
