import numpy as np
import pytest

from influencespace.clusters import projection
from influencespace.clusters.projection import FEWEST, Reduction, _placed, _principal, _scaled, project
from influencespace.clusters.tree import TopicSpace

BLOBS = 6


def blobs(n, width=20, seed=0):
    """Points around a few centres far apart, and which centre each is from."""
    rng = np.random.default_rng(seed)
    of = rng.integers(0, BLOBS, n)
    centres = 10 * rng.normal(size=(BLOBS, width))
    return (centres[of] + rng.normal(size=(n, width))).astype(np.float32), of


def share_of_neighbours_alike(xy, of):
    distance = ((xy[:, None] - xy[None]) ** 2).sum(axis=2)
    np.fill_diagonal(distance, np.inf)
    return (of[np.argsort(distance, axis=1)[:, :5]] == of[:, None]).mean()


def test_what_is_alike_lies_together_and_the_map_is_the_same_each_time():
    space, of = blobs(300)
    xy, how = project(space, seed=3)
    assert how == "umap of all pairs"
    assert (xy.dtype, xy.shape) == (np.float32, (300, 2))
    assert (xy.min(axis=0) == 0).all()
    assert (xy.max(axis=0) == 1).all()
    assert share_of_neighbours_alike(xy, of) > 0.98
    np.testing.assert_array_equal(project(space, seed=3)[0], xy)
    assert not np.array_equal(project(space, seed=4)[0], xy)


def test_points_beyond_the_sample_are_placed_among_their_like_and_it_is_said():
    space, of = blobs(400)
    xy, how = project(space, seed=0, sample=150)
    assert how == "umap fitted on 150 pairs, the other 250 placed among their neighbours"
    assert share_of_neighbours_alike(xy, of) > 0.98


def test_the_space_is_read_in_chunks_that_change_nothing(monkeypatch):
    space, _ = blobs(400)
    whole, read = project(space, seed=0, sample=100)[0], []
    monkeypatch.setattr(projection, "CHUNK", 70)
    sides = [Reads(side, read) for side in (space[:, :8], space[:, 8:])]
    np.testing.assert_allclose(project(TopicSpace(*sides, np.arange(400)), seed=0, sample=100)[0], whole, atol=1e-5)
    assert max(read) == 100


def test_points_are_reduced_to_their_principal_components():
    space, _ = blobs(200)
    reduced = Reduction(**_principal(space, np.arange(200)))(space)
    centred = space - space.mean(0)
    spread = np.linalg.svd(centred / np.abs(centred).max(), compute_uv=False)
    np.testing.assert_allclose(np.linalg.norm(reduced, axis=0), spread[: reduced.shape[1]], rtol=1e-4)


class Reads:
    """An array that notes how many rows are read at once."""

    def __init__(self, array, read):
        self.array, self.read, self.shape = array, read, array.shape

    def __len__(self):
        return len(self.array)

    def __getitem__(self, rows):
        self.read.append(len(rows))
        return self.array[rows]


def test_a_point_is_placed_between_its_neighbours_nearer_to_the_nearer():
    fitted, xy = np.array([[0.0], [1.0]]), np.array([[0.0, 0.0], [1.0, 1.0]])
    placed = _placed(np.array([[0.5], [0.2], [0.9]]), fitted, xy)
    np.testing.assert_allclose(placed[:, 0], placed[:, 1])
    assert placed[0, 0] == pytest.approx(0.5)
    assert 0 < placed[1, 0] < 0.5 < placed[2, 0] < 1


def test_many_equal_pairs_are_no_obstacle():
    space, of = blobs(15)
    xy, how = project(np.repeat(space, 20, axis=0), seed=0)
    assert how == "umap of all pairs"
    assert np.isfinite(xy).all()
    assert share_of_neighbours_alike(xy, np.repeat(of, 20)) > 0.9


@pytest.mark.parametrize("space", [np.ones((40, 5)), np.zeros((1, 3)), np.zeros((0, 3)), np.full((9, 2), 1e6)])
def test_pairs_that_are_all_alike_lie_in_the_middle(space):
    xy, how = project(space.astype(np.float32), seed=0)
    assert how == "no map: all pairs are alike"
    np.testing.assert_array_equal(xy, np.full((len(space), 2), 0.5))


@pytest.mark.parametrize("n", [2, 4, FEWEST - 1])
def test_few_different_pairs_show_their_principal_components(n):
    space = np.repeat(blobs(n)[0], 30, axis=0)
    xy, how = project(space, seed=0)
    assert "first two principal components" in how
    assert len(np.unique(xy.round(4), axis=0)) == n
    # The first component is the longest: the two farthest pairs span it.
    assert np.ptp(xy[:, 0]) == 1


@pytest.mark.parametrize("shape", [(FEWEST, 3), (16, 600), (40, 1)])
def test_small_and_narrow_spaces_have_a_map(shape):
    xy, how = project(np.random.default_rng(0).normal(size=shape).astype(np.float32), seed=0)
    assert how == "umap of all pairs"
    assert np.isfinite(xy).all()
    assert len(np.unique(xy, axis=0)) > shape[0] // 2


def test_outliers_lie_on_the_edge_and_squeeze_nothing():
    line = np.column_stack([np.linspace(0, 1, 1001)] * 2)
    line[0] = -1e6
    line[-1] = 1e6
    scaled = _scaled(line)
    assert (scaled.min(), scaled.max()) == (0, 1)
    assert 0.98 < scaled[900, 0] - scaled[100, 0] + 0.2 < 1.02
