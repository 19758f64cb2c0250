"""Columns of the training pairs equal the tables they come from, and survive what may happen to a workspace."""

from __future__ import annotations

import os

import numpy as np
import pytest
from fabricated import TARGETS, TOPICS, TRAIN, VALIDATION, AnyOptions, fabricate, rewritten, write_scores

from influencespace.errors import WorkspaceError
from influencespace.ui.reading import training


@pytest.fixture
def small(tmp_path):
    return fabricate(tmp_path / "demo", upto="scores")


def shuffled(workspace):
    """The workspace with its held-out rows among the training rows."""
    table = workspace.artifact("pairs").table("pairs")
    table = table.iloc[np.random.default_rng(0).permutation(len(table))].reset_index(drop=True)
    table.to_parquet(workspace.artifact("pairs").folder / "pairs.parquet", index=False)
    rewritten(workspace, "pairs")
    return table


def test_rows_are_those_of_the_tables(small):
    pairs = training(small)
    source = small.artifact("pairs").table("pairs")
    members, scores = small.artifact("clusters").table("members"), small.artifact("scores").table("pairs")
    assert len(pairs) == TRAIN
    assert pairs.targets == TARGETS
    assert pairs.attributes == ["gender"]
    some = np.array([7, 3, 59])
    rows = pairs.rows(some)
    assert list(rows.index) == [7, 3, 59]
    for column in ("id", "caption", "image_path", "photo", "group.gender"):
        assert list(rows[column]) == list(source[column].iloc[some])
    assert list(rows["cluster"]) == list(members["cluster"].iloc[some])
    assert list(rows["topic"]) == list(members["topic"].iloc[some])
    np.testing.assert_array_equal(rows["influence.overall"], scores["overall"].iloc[some])
    np.testing.assert_array_equal(rows["agreement"], small.artifact("proxy").array("agreement")[some])


def test_training_rows_may_lie_anywhere_in_the_table(small):
    table = shuffled(small)
    pairs = training(small)
    train = np.flatnonzero(table["split"] == "train")
    np.testing.assert_array_equal(pairs.training_rows, train)
    assert pairs.text("id").to_pylist() == list(table["id"].iloc[train])
    assert list(pairs.rows(np.array([5]))["row"]) == [train[5]]
    for row in (0, 40, TRAIN + VALIDATION):
        assert pairs.source(row) == (table["image_path"][row], table["photo"][row])
    assert pairs.source(len(table)) is None
    assert pairs.source(-1) is None


def test_codes_count_every_label(small):
    pairs = training(small)
    for name in ("cluster", "group.gender"):
        codes = pairs.codes(name)
        expected = pairs.rows(np.arange(TRAIN))[name]
        assert list(codes.labels[codes.code]) == list(expected)
        assert dict(zip(codes.labels, codes.counts, strict=True)) == expected.value_counts().to_dict()
    assert list(pairs.codes("topic").labels) == list(range(len(TOPICS)))
    np.testing.assert_array_equal(pairs.codes("cluster").of("1.0"), pairs.rows(np.arange(TRAIN))["cluster"] == "1.0")
    assert not pairs.codes("cluster").of("none such").any()


def test_columns_are_read_once_and_cannot_be_changed(small):
    pairs = training(small)
    assert training(small) is pairs
    assert pairs.numbers("x") is pairs.numbers("x")
    with pytest.raises(ValueError, match="read-only"):
        pairs.numbers("x")[0] = 1


def test_a_change_of_the_workspace_gives_others_and_old_ones_read_nothing_new(small):
    old = training(small)
    with small.write("scores", AnyOptions(seed=1)) as draft:
        write_scores(draft, small)
    new = training(small)
    assert new.key != old.key
    with pytest.raises(WorkspaceError, match="changed meanwhile"):
        old.numbers("influence.overall")
    assert len(new.numbers("influence.overall")) == TRAIN


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_workspace_that_cannot_be_written_is_read(small):
    small.path.chmod(0o500)
    try:
        assert training(small).text("id")[0].as_py() == "pair-0"
    finally:
        small.path.chmod(0o700)



def test_test_pairs_come_in_the_order_of_the_table(small):
    table = shuffled(small)
    found = training(small).test
    assert list(found["row"]) == list(np.flatnonzero(table["split"] == "test"))
    assert list(found["caption"]) == list(table["caption"][table["split"] == "test"])
