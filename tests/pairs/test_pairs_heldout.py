import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from influencespace.pairs.heldout import assign_splits, halve, sample
from influencespace.pairs.options import ImportOptions
from influencespace.pairs.problems import Problems

few = settings(max_examples=50)
STRATA = st.lists(st.sampled_from(["a", "b", "c", "d", "e", "f"]), min_size=0, max_size=60)


def photos(n):
    return np.array([f"{i:05x}" for i in range(n)], dtype=str)


@few
@given(STRATA, st.integers(0, 2**32 - 1))
def test_halves_are_disjoint_cover_all_and_differ_by_at_most_one(strata, seed):
    half = halve(photos(len(strata)), np.array(strata, dtype=str), seed)
    assert half.shape == (len(strata),)
    assert half.sum() == len(strata) // 2


@few
@given(STRATA, st.integers(0, 1000), st.data())
def test_a_sample_has_its_size_and_depends_on_no_order(strata, seed, data):
    n = len(strata)
    size = data.draw(st.integers(0, n))
    order = np.array(data.draw(st.permutations(range(n))), dtype=int)
    names, strata = photos(n), np.array(strata, dtype=str)
    drawn = sample(names, strata, size, seed)
    assert drawn.sum() == size
    assert np.array_equal(sample(names[order], strata[order], size, seed), drawn[order])


@few
@given(st.lists(st.integers(4, 40), min_size=2, max_size=4), st.integers(0, 1000))
def test_every_stratum_is_halved(sizes, seed):
    strata = np.repeat([f"s{i}" for i in range(len(sizes))], sizes)
    half = halve(photos(len(strata)), strata, seed)
    for i, size in enumerate(sizes):
        # Odd strata round to one side or the other.
        assert abs(half[strata == f"s{i}"].sum() - size / 2) <= 1


def test_another_seed_draws_others():
    names, strata = photos(100), np.full(100, "a")
    assert not np.array_equal(halve(names, strata, 0), halve(names, strata, 1))


def table(rows, **columns):
    """Candidates from (origin, photo) pairs."""
    frame = pd.DataFrame(rows, columns=["origin", "photo"])
    return frame.assign(table="t", row=range(1, len(rows) + 1), id=[str(i) for i in range(1, len(rows) + 1)],
                        **({"holdout": None} | columns))


def splits(pairs):
    return {split: sorted(set(rows["photo"])) for split, rows in pairs.groupby("split")}


def disjoint(found):
    return sum(map(len, found.values())) == len(set().union(*found.values()))


@few
@given(st.lists(st.sampled_from("abcdefghij"), min_size=1, max_size=40), st.integers(0, 50), st.floats(0.01, 0.9))
def test_drawn_photos_stay_whole(names, seed, holdout):
    pairs = table([("source", name) for name in names])
    problems = Problems()
    found = assign_splits(pairs, ImportOptions(source="s", seed=seed, holdout=holdout), problems)
    assert len(found) == len(pairs)
    assert disjoint(splits(found))
    assert problems.table().empty
    held = set(found["photo"][found["split"] != "train"])
    assert len(held) == max(1, round(holdout * len(set(names))))


@few
@given(
    st.lists(st.tuples(st.sampled_from(["source", "validation", "test"]), st.sampled_from("abcdefghijkl")), max_size=40),
    st.booleans(), st.integers(0, 50),
)
def test_tables_that_overlap_end_disjoint_and_say_so(rows, with_test, seed):
    rows = [row for row in rows if with_test or row[0] != "test"]
    # Without any row the test table would not be one.
    rows += [("validation", "m"), ("validation", "n")] + [("test", "o")] * with_test
    pairs, problems = table(rows), Problems()
    options = ImportOptions(source="s", validation="v", test="t" if with_test else None, seed=seed)
    found = assign_splits(pairs, options, problems)
    by_split = splits(found)
    validation = {photo for origin, photo in rows if origin == "validation"}
    test = {photo for origin, photo in rows if origin == "test"}
    train = {photo for origin, photo in rows if origin == "source"}
    assert disjoint(by_split)
    assert set(by_split.get("train", [])) == train - validation - test
    if with_test:
        assert set(by_split["validation"]) == validation
        assert set(by_split["test"]) == test - validation
    else:
        assert {*by_split["validation"], *by_split["test"]} == validation
        assert abs(len(by_split["validation"]) - len(by_split["test"])) <= 1
    reported = problems.table()
    assert sorted([*found["row"], *reported["row"]]) == pairs["row"].tolist()
    gone = pairs.set_index("row").loc[reported["row"]]
    expected = {"source": "photo also held out", "test": "photo also in validation"}
    assert gone["origin"].map(expected).tolist() == reported["problem"].tolist()


def test_a_column_says_the_split():
    said = ["train", "Train ", "val", "dev", "validation", "TEST", "test", "later", None, "train"]
    pairs = table([("source", name) for name in "abcdefghif"], holdout=said)
    problems = Problems()
    found = assign_splits(pairs, ImportOptions(source="s", holdout_column="part"), problems)
    assert splits(found) == {"train": ["a", "b"], "validation": ["c", "d", "e"], "test": ["f", "g"]}
    assert problems.table()[["row", "problem", "detail"]].to_numpy().tolist() == [
        [8, "unknown split", "part is later"], [9, "unknown split", "part is empty"],
        [10, "photo also held out", "photo f"],
    ]


@pytest.mark.parametrize(("said", "split"), [("restval", "train"), ("Training", "train"), ("valid", "validation")])
def test_a_column_may_say_it_in_other_usual_words(said, split):
    pairs = table([("source", name) for name in "abcd"], holdout=["train", said, "val", "test"])
    problems = Problems()
    found = assign_splits(pairs, ImportOptions(source="s", holdout_column="part"), problems)
    assert found["split"].tolist() == ["train", split, "validation", "test"]
    assert problems.table().empty


def test_a_column_without_test_has_its_validation_halved():
    pairs = table([("source", name) for name in "abcdef"], holdout=["train"] * 2 + ["dev"] * 4)
    found = splits(assign_splits(pairs, ImportOptions(source="s", holdout_column="part"), Problems()))
    assert {split: len(names) for split, names in found.items()} == {"train": 2, "validation": 2, "test": 2}


@pytest.mark.parametrize("given_table", [False, True])
def test_groups_are_held_out_in_their_shares(given_table):
    n = 200
    groups = np.where(np.arange(n) < 40, "few", "many")
    pairs = table([("validation" if given_table else "source", f"{i:03}") for i in range(n)], **{"group.g": groups})
    options = ImportOptions(source="s", validation="v" if given_table else None, holdout=0.2)
    found = assign_splits(pairs, options, Problems())
    shares = {split: (rows["group.g"] == "few").mean() for split, rows in found.groupby("split")}
    assert all(share == pytest.approx(0.2) for share in shares.values())
