"""The preview along the ratio: the weights of the plans themselves, and a Newton step in few directions."""

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from influencespace.curation import preview
from influencespace.curation.decisions import resolve
from influencespace.curation.fairness import Direction
from influencespace.curation.inputs import PlanInputs
from influencespace.curation.members import Members
from influencespace.curation.options import PlanOptions
from influencespace.curation.plan import make_plan
from influencespace.curation.preview import CAPS, Response, curve, grid, shares, weights_along
from influencespace.curation.standing import standing

RATIOS = np.array([0.0, 0.1, 0.37, 0.8])


@given(st.integers(1, 300), st.floats(1, 20), st.integers(0, 99), st.booleans(), st.booleans())
def test_weights_along_the_ratio_are_those_of_the_plans(n, cap, seed, repeats, decided):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 7, n)
    scores, agreement = rng.normal(size=(7, 1))[labels] + rng.normal(size=(n, 1)), rng.normal(size=n)
    clusters, ids = np.array([f"{k}.0" for k in labels], dtype=object), np.array([f"p{i}" for i in range(n)], dtype=object)
    first = {"p0": "keep"} | ({"p1": "prune", "p2": 2.5} if n > 2 else {})
    members = Members.of(clusters, labels)
    choices = resolve({"pairs": first} if decided else {}, ids, members)
    sets = rng.integers(0, n, n) if repeats else None
    inputs = (scores, agreement, members, Direction(np.ones(1)), choices)
    found = weights_along(standing(*inputs, PlanOptions(), sets), choices, cap, RATIOS)
    for row, ratio in zip(found, RATIOS, strict=True):
        plan = make_plan(*inputs, PlanOptions(reduction=ratio, cap=cap), sets)
        np.testing.assert_allclose(row, np.bincount(members.member, plan.weights) / members.pairs, rtol=1e-5)


def test_a_sample_stands_for_very_many_pairs(monkeypatch):
    rng, n = np.random.default_rng(0), 20_000
    labels = rng.integers(0, 10, n)
    scores = rng.normal(size=(10, 1))[labels] + rng.normal(size=(n, 1))
    clusters = np.array([f"{k}.0" for k in labels], dtype=object)
    members = Members.of(clusters, labels)
    choices = resolve({}, np.arange(n).astype(str).astype(object), members)
    own = standing(scores, rng.normal(size=n), members, Direction(np.ones(1)), choices, PlanOptions())
    exact = weights_along(own, choices, 4.0, RATIOS)
    monkeypatch.setattr("influencespace.curation.preview.SAMPLE", 5_000)
    away = np.abs(weights_along(own, choices, 4.0, RATIOS) - exact)
    # The cluster at the boundary goes a little earlier or later.
    assert away.mean() < 0.05 and away.max() < 0.5


def drawn_response(clusters=6, directions=4, targets=2, seed=0):
    rng = np.random.default_rng(seed)

    def bends(count):
        factor = rng.normal(size=(count, directions, directions))
        return (factor @ factor.swapaxes(1, 2)).astype(np.float32)

    return Response(
        rng.normal(size=(clusters, directions)).astype(np.float32), bends(clusters),
        rng.normal(size=directions).astype(np.float32),
        np.eye(directions, dtype=np.float32), rng.normal(size=(targets, directions)).astype(np.float32), bends(targets),
        np.zeros((0, clusters)), np.zeros((0, targets)),
    )


def test_gain_is_the_fall_of_the_loss_at_the_newton_step():
    response, pairs = drawn_response(), np.array([5, 1, 9, 4, 2, 7])
    weights = np.random.default_rng(1).uniform(0, 3, size=(3, 6))
    found = response.gain(weights, pairs)
    for t, row in enumerate(weights):
        total = float(row @ pairs)
        slope, bend = response.pull.astype(float), response.ridge.astype(float)
        for c in range(6):
            slope = slope + row[c] * pairs[c] / total * response.gradients[c]
            bend = bend + row[c] * pairs[c] / total * response.curvature[c]
        step = np.linalg.inv(bend) @ -slope
        for q in range(2):
            rise = response.target_gradients[q] @ step + 0.5 * step @ response.target_curvature[q] @ step
            np.testing.assert_allclose(found[t, q], -rise, rtol=1e-4)


@given(st.floats(0.1, 20), st.integers(0, 20))
def test_the_scale_of_the_weights_means_nothing(scale, seed):
    response, pairs = drawn_response(seed=seed), np.array([5, 1, 9, 4, 2, 7])
    weights = np.random.default_rng(seed).uniform(0.1, 3, size=(2, 6))
    np.testing.assert_allclose(response.gain(scale * weights, pairs), response.gain(weights, pairs), rtol=1e-4, atol=1e-5)


def test_what_the_model_misses_is_added_at_retrained_plans_and_fades_away_from_them():
    bare, pairs = drawn_response(), np.array([5, 1, 9, 4, 2, 7])
    plans = np.random.default_rng(3).uniform(0, 3, size=(4, 6))
    missed = np.array([[0.3, -0.1], [0.0, 0.0], [-0.2, 0.5]])
    learnt = replace(bare, reference_shares=shares(plans[:3], pairs), reference_missed=missed)
    added = learnt.gain(plans, pairs) - bare.gain(plans, pairs)
    np.testing.assert_allclose(added[:3], missed, atol=1e-6)
    assert (missed.min(0) <= added[3]).all() and (added[3] <= missed.max(0)).all()


def test_nothing_kept_is_an_answer():
    response = drawn_response()
    assert np.isfinite(response.gain(np.zeros((1, 6)), np.full(6, 3))).all()


@given(st.integers(0, 60), st.integers(0, 30), st.sampled_from([0.0, 0.3]))
def test_the_grid_is_the_curve_at_each_of_its_caps(n, seed, floor):
    rng = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(6), rng.integers(0, 6, n)])
    n = len(labels)
    ids, clusters = (np.array([form.format(k) for k in own], dtype=object) for form, own in (("p{}", range(n)), ("{}.0", labels)))
    inputs = PlanInputs(
        ids, Members.of(clusters, labels),
        rng.normal(size=(n, 1)), rng.normal(size=n), rng.integers(0, 2 * n, n),
        [{"attribute": None, "loss": 2.0, "loss_error": 0.1}],
    )
    decisions = {"pairs": {"p0": "keep", "p1": "prune", "p2": 2.5, "p3": "up-weight"}}
    decided, response = inputs.decided(decisions), drawn_response(seed=seed)
    found = grid(response, inputs.standing(decided, PlanOptions(floor=floor)), decided)
    assert found.shape == (len(preview.RATIOS), len(CAPS), 2)
    for k, cap in [(0, 1.0), (4, 4.0), (8, 20.0)]:
        options = PlanOptions(cap=cap, floor=floor)
        np.testing.assert_allclose(found[:, k], curve(response, inputs, decisions, options), rtol=1e-5, atol=1e-6)
        plan = inputs.plan(decided, replace(options, reduction=0.35))
        mean = np.bincount(inputs.members.member, plan.weights) / inputs.members.pairs
        np.testing.assert_allclose(found[35, k], response.gain(mean[None], inputs.members.pairs)[0], rtol=1e-3, atol=1e-4)
