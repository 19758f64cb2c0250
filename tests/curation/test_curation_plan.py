import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from influencespace.curation.decisions import resolve
from influencespace.curation.fairness import Direction
from influencespace.curation.members import Members
from influencespace.curation.options import PlanOptions
from influencespace.curation.plan import IN_PART, KEEP, PRUNE, UP_WEIGHT, make_plan
from influencespace.curation.standing import selection_score

ONE = Direction(np.ones(1))


def case(n, clusters=7, seed=0, targets=1):
    """(n, targets) scores, (n,) agreement and (n,) labels of some clusters that differ in score."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, clusters, n)
    scores = rng.normal(size=(clusters, targets))[labels] + 0.5 * rng.normal(size=(n, targets))
    return scores, rng.normal(size=n), np.array([f"{k}.0" for k in labels], dtype=object)


def plan_of(scores, fit, labels, decisions=None, serves=ONE, **options):
    ids = np.array([f"p{i}" for i in range(len(labels))], dtype=object)
    topics = np.array([int(label.split(".")[0]) for label in labels])
    asked = PlanOptions(**options)
    members = Members.of(labels, topics)
    return make_plan(scores, fit, members, serves, resolve(decisions or {}, ids, members), asked)


def removed(plan):
    return int((plan.weights == 0).sum())


@pytest.mark.parametrize(("n", "reduction", "count"), [
    (4200, 0.2, 840), (6300, 0.2, 1260), (10, 0.25, 3), (10, 0.0, 0), (3, 0.2, 1), (1000, 0.95, 950), (7, 0.5, 4),
    (4200, 0.29, 1218),
])
def test_the_ratio_is_met_to_the_pair(n, reduction, count):
    plan = plan_of(*case(n), reduction=reduction)
    assert removed(plan) == count and plan.notes == []


@given(st.integers(1, 400), st.integers(0, 95), st.integers(1, 30), st.integers(0, 99))
def test_the_ratio_is_met_for_any_numbers(n, percent, clusters, seed):
    plan = plan_of(*case(n, clusters, seed), reduction=percent / 100)
    assert removed(plan) == (2 * percent * n + 100) // 200
    assert plan.clusters["kept"].sum() == n - removed(plan) and plan.clusters["pairs"].sum() == n


@given(st.integers(1, 400), st.floats(0, 0.95), st.floats(1, 20), st.integers(0, 99))
def test_weights_are_nothing_one_or_up_to_the_cap(n, reduction, cap, seed):
    plan = plan_of(*case(n, seed=seed), reduction=reduction, cap=cap)
    kept = plan.weights[plan.weights > 0]
    assert plan.weights.dtype == np.float32
    assert ((kept >= 1) & (kept <= np.float32(cap))).all()
    assert np.array_equal(plan.dispositions == PRUNE, plan.weights == 0)
    assert set(plan.dispositions) <= {PRUNE, KEEP, UP_WEIGHT}


@given(st.integers(1, 400), st.floats(0, 0.95), st.integers(0, 99))
def test_clusters_go_whole_and_worst_first_and_one_at_most_in_part(n, reduction, seed):
    scores, agreement, labels = case(n, seed=seed)
    plan = plan_of(scores, agreement, labels, reduction=reduction)
    table = plan.clusters
    assert table["score"].is_monotonic_increasing
    words = [word if word in (PRUNE, IN_PART) else KEEP for word in table["disposition"]]
    assert words == sorted(words, key=[PRUNE, IN_PART, KEEP].index) and words.count(IN_PART) <= 1
    for row in table[table["disposition"] == IN_PART].itertuples():
        own = labels == row.cluster
        value = selection_score(scores, agreement, ONE, 1.0)
        assert value[own & (plan.weights == 0)].max() <= value[own & (plan.weights > 0)].min()


@given(st.integers(1, 400), st.floats(0, 0.95), st.integers(0, 99))
def test_only_clusters_with_more_than_their_share_of_the_benefit_are_up_weighted(n, reduction, seed):
    scores, agreement, labels = case(n, seed=seed)
    plan = plan_of(scores, agreement, labels, reduction=reduction, cap=4.0)
    table = plan.clusters.set_index("cluster")
    benefit = np.maximum(table["score"], 0) * table["kept"]
    if benefit.sum() > 0:
        share = (benefit / benefit.sum()) / (table["kept"] / table["kept"].sum())
        np.testing.assert_allclose(table["excess"][table["kept"] > 0], share[table["kept"] > 0], rtol=1e-9)
    for label, row in table.iterrows():
        own = (labels == label) & (plan.weights > 0)
        assert set(plan.dispositions[own]) <= {UP_WEIGHT if row.excess > 1 + 1e-6 else KEEP}
        np.testing.assert_allclose(row.weight, plan.weights[own].mean() if own.any() else 0, rtol=1e-6)


@given(st.integers(2, 400), st.floats(0, 0.95), st.floats(1, 20), st.integers(0, 99))
def test_weights_rise_with_the_rank_of_the_score_from_one_to_the_cap(n, reduction, cap, seed):
    scores, agreement, labels = case(n, seed=seed)
    plan = plan_of(scores, agreement, labels, reduction=reduction, cap=cap)
    kept = plan.weights > 0
    value, weights = selection_score(scores, agreement, ONE, 1.0)[kept], plan.weights[kept]
    below = np.array([(value < own).sum() for own in value])
    np.testing.assert_allclose(weights, 1 + (cap - 1) * below / max(kept.sum() - 1, 1), rtol=1e-6)


def test_a_cap_of_one_weights_nothing_up():
    plan = plan_of(*case(100), cap=1.0)
    assert set(plan.weights.tolist()) == {0, 1} and UP_WEIGHT not in set(plan.dispositions)


def test_where_nothing_helps_nothing_is_up_weighted():
    scores, agreement, labels = case(100)
    plan = plan_of(-np.abs(scores) - 9, -np.abs(agreement), labels)
    assert UP_WEIGHT not in set(plan.dispositions) and (plan.clusters["excess"] == 0).all()


def test_the_same_inputs_give_the_same_bytes():
    first, again = (plan_of(*case(500), reduction=0.3) for _ in range(2))
    assert first.weights.tobytes() == again.weights.tobytes()
    assert first.clusters.to_json() == again.clusters.to_json()


def plain_plan(value, clusters, decided, reduction, cap):
    """Weights, dispositions and the words of the clusters by the rule as it is told: cluster by cluster, pair by pair."""
    n = len(value)
    names = sorted(set(clusters))
    mean = {c: np.bincount(np.searchsorted(names, clusters), value)[k] / (clusters == c).sum() for k, c in enumerate(names)}
    order = sorted(names, key=lambda c: (mean[c], c))
    by_hand, given = decided.any, decided.weights(cap)
    removed = decided.prune.copy()
    queue = sorted(np.flatnonzero(~by_hand), key=lambda i: (order.index(clusters[i]), value[i], i))
    removed[queue[: max(int(np.floor(reduction * n + 0.5)) - removed.sum(), 0)]] = True
    kept = {c: int((~removed & (clusters == c)).sum()) for c in names}
    benefit = sum(max(mean[c], 0) * kept[c] for c in names)
    excess = {c: max(mean[c], 0) * (n - removed.sum()) / benefit if benefit > 0 else 0 for c in names}
    ranked = [i for i in range(n) if not removed[i] and np.isnan(given[i])]
    weights, words = np.zeros(n, dtype=np.float32), []
    for i in range(n):
        if not np.isnan(given[i]):
            weights[i] = given[i]
        elif not removed[i]:
            below = sum(value[j] < value[i] for j in ranked)
            weights[i] = 1 + (cap - 1) * below / (len(ranked) - 1) if len(ranked) > 1 else 1
        more = weights[i] > 1 if not np.isnan(given[i]) else excess[clusters[i]] > 1 + 1e-6 and cap > 1 and not decided.keep[i]
        words.append(PRUNE if removed[i] else UP_WEIGHT if more else KEEP)
    of_cluster = []
    for c in order:
        heavier = sum(words[i] == UP_WEIGHT for i in np.flatnonzero(clusters == c))
        size = int((clusters == c).sum())
        of_cluster.append(PRUNE if kept[c] == 0 else IN_PART if kept[c] < size else UP_WEIGHT if 2 * heavier > size else KEEP)
    return weights, words, order, of_cluster


@given(st.data(), st.integers(1, 60), st.integers(1, 8), st.floats(0, 0.95), st.floats(1, 9), st.integers(0, 99), st.booleans())
def test_the_plan_is_that_of_the_plain_rule_byte_for_byte(data, n, clusters, reduction, cap, seed, ties):
    scores, agreement, labels = case(n, clusters, seed)
    if ties:
        scores, agreement = scores.round(), agreement.round()
    say = st.sampled_from(["keep", "prune", "up-weight", 0.5, 7.5])
    decisions = {"clusters": data.draw(st.dictionaries(st.sampled_from(sorted(set(labels))), say, max_size=2)),
                 "pairs": data.draw(st.dictionaries(st.integers(0, n - 1).map("p{}".format), say, max_size=10))}
    ids = np.array([f"p{i}" for i in range(n)], dtype=object)
    members = Members.of(labels, np.zeros(n, int))
    decided = resolve(decisions, ids, members)
    plan = make_plan(scores, agreement, members, ONE, decided, PlanOptions(reduction=reduction, cap=cap))
    value = selection_score(scores, agreement, ONE, 1.0)
    weights, words, order, of_cluster = plain_plan(value, labels, decided, reduction, cap)
    assert plan.weights.tobytes() == weights.tobytes() and plan.dispositions.tolist() == words
    assert plan.clusters["cluster"].tolist() == order and plan.clusters["disposition"].tolist() == of_cluster


def test_pairs_that_are_all_alike_are_removed_in_their_order():
    plan = plan_of(np.zeros((10, 1)), np.zeros(10), np.array(["0.0"] * 10, dtype=object), reduction=0.3)
    assert plan.weights.tolist() == [0] * 3 + [1] * 7


# -- The curator's word.


@given(st.data(), st.floats(0, 0.95), st.integers(0, 30))
def test_the_curators_word_always_wins(data, reduction, seed):
    scores, agreement, labels = case(120, 5, seed)
    say = st.sampled_from(["keep", "prune", "up-weight", 0.5, 7.5])
    names = sorted(set(labels))
    decisions = {
        "clusters": data.draw(st.dictionaries(st.sampled_from(names), say, max_size=3)),
        "topics": data.draw(st.dictionaries(st.sampled_from([name[0] for name in names]), say, max_size=3)),
        "pairs": data.draw(st.dictionaries(st.integers(0, 119).map("p{}".format), say, max_size=30)),
    }
    plan = plan_of(scores, agreement, labels, decisions, reduction=reduction, cap=3.0)
    meant = {"prune": 0.0, "up-weight": 3.0}
    free = np.ones(120, dtype=bool)
    for i in range(120):
        for level, name in (("pairs", f"p{i}"), ("clusters", labels[i]), ("topics", labels[i][0])):
            if name in decisions[level]:
                word = decisions[level][name]
                assert plan.weights[i] >= 1 if word == "keep" else plan.weights[i] == np.float32(meant.get(word, word))
                free[i] = False
                break
    wanted = int(np.floor(reduction * 120 + 0.5))
    by_hand = int((plan.weights[~free] == 0).sum())
    assert removed(plan) == min(max(wanted, by_hand), by_hand + free.sum())
    assert (plan.notes == []) == (removed(plan) == wanted)
    decided = {label for i, label in enumerate(labels) if not free[i]}
    assert set(plan.clusters["cluster"][plan.clusters["decided"] > 0]) == decided


def test_a_note_says_when_too_much_was_pruned_by_hand():
    scores, agreement, labels = case(100, 2)
    many = str(labels[0])
    count = int((labels == many).sum())
    plan = plan_of(scores, agreement, labels, {"clusters": {many: "prune"}}, reduction=0.1)
    assert plan.notes == [f"{count} pairs are removed instead of 10: so many were pruned by hand."]


def test_a_note_says_when_too_much_is_kept_by_hand():
    scores, agreement, labels = case(100, 2)
    many = str(labels[0])
    left = int((labels != many).sum())
    plan = plan_of(scores, agreement, labels, {"clusters": {many: "keep"}}, reduction=0.9)
    assert plan.notes == [f"{left} pairs are removed instead of 90: only so many are left when those kept by hand stay."]


def test_decisions_that_leave_room_keep_the_ratio():
    scores, agreement, labels = case(200, 8)
    worst, best = (plan_of(scores, agreement, labels).clusters["cluster"].iloc[k] for k in (0, -1))
    plan = plan_of(scores, agreement, labels, {"clusters": {worst: "keep", best: "prune"}}, reduction=0.4)
    assert removed(plan) == 80 and plan.notes == []
    assert (plan.weights[labels == worst] >= 1).all() and (plan.weights[labels == best] == 0).all()


# -- What pairs are ordered by.


def test_the_selection_score_is_influence_in_deviations_and_agreement():
    scores, agreement, _ = case(50, targets=3)
    serves = Direction(np.array([1, 0.5, -0.5]))
    helps = [s[0] + 0.5 * s[1] - 0.5 * s[2] for s in scores]
    expected = [h / np.std(helps) + 2 * a for h, a in zip(helps, agreement, strict=True)]
    np.testing.assert_allclose(selection_score(scores, agreement, serves, 2.0), expected)


def test_a_large_fairness_weight_does_not_drown_agreement():
    scores, agreement, _ = case(400, targets=3)
    value = selection_score(scores, agreement, Direction(np.array([1, 50.0, -50.0])), 1.0)
    assert np.corrcoef(value, agreement)[0, 1] > 0.5


def test_units_of_the_loss_do_not_matter():
    scores, agreement, labels = case(200)
    assert np.array_equal(plan_of(scores, agreement, labels).weights, plan_of(1024 * scores, agreement, labels).weights)


@pytest.mark.parametrize("constant", [0.0, 0.1, -3.3e-6, 1e5])
def test_where_all_pairs_have_the_same_influence_agreement_decides(constant):
    """Shrinkage leaves one number where validation halves agree on nothing; its rounding is no spread to divide by."""
    _, agreement, _ = case(50)
    alone = plan_of(np.full((50, 1), constant), agreement, np.full(50, "0.0", dtype=object), reduction=0.2)
    assert set(np.flatnonzero(alone.weights == 0)) == set(np.argsort(agreement)[:10])


def test_without_agreement_influence_decides():
    scores, agreement, _ = case(50)
    alone = plan_of(scores, agreement, np.full(50, "0.0", dtype=object), reduction=0.2, agreement=0.0)
    assert set(np.flatnonzero(alone.weights == 0)) == set(np.argsort(scores[:, 0])[:10])
