import pandas as pd
import pytest

from influencespace.errors import PairsError
from influencespace.pairs.candidates import candidates, origins, select
from influencespace.pairs.options import ImportOptions
from influencespace.pairs.problems import Problems
from influencespace.pairs.sources import read_records


@pytest.fixture
def found(tmp_path):
    """``found(records, **options)``: the candidates and problems of a Parquet table with these records."""

    def call(records, which=0, **options):
        path = tmp_path / "t.parquet"
        pd.DataFrame(records).to_parquet(path)
        options = ImportOptions(source=str(path), **options)
        problems = Problems()
        read = read_records(path, problems)
        origin = origins(options)[which]
        pairs = candidates(select(read, origin.filter, origin.filter_flag), origin, options, problems).to_pandas()
        return pairs, problems.table()

    return call


def rows(*captions, **columns):
    return {"image": [f"{i}.png" for i in range(len(captions))], "caption": list(captions)} | columns


def test_a_row_is_a_pair_and_its_number_the_id(found):
    pairs, problems = found(rows("x", "y", " z "))
    assert pairs["id"].tolist() == ["1", "2", "3"]
    assert pairs["row"].tolist() == [1, 2, 3]
    assert pairs["caption"].tolist() == ["x", "y", "z"]
    assert problems.empty


def test_several_captions_make_one_pair_each(found):
    pairs, problems = found(rows(["a", "b"], ["c"], [], None, ["d", " ", "e"]))
    assert pairs["id"].tolist() == ["1.1", "1.2", "2", "5.1", "5.3"]
    assert pairs["caption"].tolist() == ["a", "b", "c", "d", "e"]
    assert pairs["image"].tolist() == ["0.png", "0.png", "1.png", "4.png", "4.png"]
    assert problems[["row", "id", "problem"]].to_numpy().tolist() == [
        [3, "3", "empty caption"], [4, "4", "empty caption"], [5, "5.2", "empty caption"]
    ]


def test_the_first_usable_caption_only(found):
    pairs, _ = found(rows(["a", "b"], ["", "c"]), captions="first")
    assert pairs[["id", "caption"]].to_numpy().tolist() == [["1", "a"], ["2", "c"]]


def test_held_out_tables_have_ids_and_captions_of_their_own(found):
    table = rows(["a", "b"], ["c", "d"])
    pairs, _ = found(table, which=1, validation="v", captions="first", id_column="name")
    assert pairs["id"].tolist() == ["validation:1.1", "validation:1.2", "validation:2.1", "validation:2.2"]
    pairs, _ = found(table, which=2, validation="v", test="t", validation_captions="first")
    assert pairs["id"].tolist() == ["test:1", "test:2"]
    pairs, _ = found(rows("a", "b", name=["x", "y"]), which=1, validation="v", id_column="name")
    assert pairs["id"].tolist() == ["validation:x", "validation:y"]


def test_named_ids_must_be_there_and_must_not_repeat(found):
    pairs, problems = found(rows(*"abcde", name=["x", "y", "x", None, " y "]), id_column="name")
    assert pairs["id"].tolist() == ["x", "y"]
    assert problems[["row", "id", "problem", "action"]].to_numpy().tolist() == [
        [4, "", "missing id", "left out"], [3, "x", "repeated id", "left out"], [5, "y", "repeated id", "left out"]
    ]


def test_numbers_serve_as_ids_and_as_captions(found):
    pairs, _ = found(rows(12, 13, name=[7, 8]), id_column="name")
    assert pairs[["id", "caption"]].to_numpy().tolist() == [["7", "12"], ["8", "13"]]


def test_repeated_photos_and_captions_are_no_errors(found):
    pairs, problems = found({"image": ["a.png"] * 3, "caption": ["x"] * 3})
    assert len(pairs) == 3
    assert problems.empty


def test_captions_that_are_empty_or_too_long_and_rows_without_image_are_problems(found):
    captions = ["x", "", None, "\n\t", "y" * 10_000, "z" * 10_001, "w"]
    pairs, problems = found({"image": ["a.png"] * 6 + [None], "caption": captions})
    assert pairs["row"].tolist() == [1, 5]
    assert dict(zip(problems["row"], problems["problem"], strict=True)) == {
        2: "empty caption", 3: "empty caption", 4: "empty caption", 6: "overlong caption", 7: "no image named"
    }


@pytest.mark.parametrize(
    ("condition", "kept"),
    [("split=dev", [2, 3]), ("seen=TRUE", [1, 3]), ("seen=false", [2]), ("n=2", [2]), ("size=0.5", [1]), ("size=2", [2])],
)
def test_a_filter_compares_text(found, condition, kept):
    table = rows("a", "b", "c", split=["train", "dev", "dev"], seen=[True, False, True], n=[1, 2, None])
    table["size"] = [0.5, 2.0, None]
    assert found(table, filter=(condition,))[0]["row"].tolist() == kept


def test_all_conditions_must_hold(found):
    table = rows("a", "b", "c", split=["train", "dev", "dev"], seen=["true", "true", "False"])
    assert found(table, filter=("split=dev", "seen=False"))[0]["row"].tolist() == [3]
    with pytest.raises(PairsError, match="no row has seen=False together with the conditions before it"):
        found(table, filter=("split=train", "seen=False"))


def test_a_filter_that_lets_nothing_through_says_what_there_is(found):
    with pytest.raises(PairsError, match=r"no row has split=val. Values of split: train, dev"):
        found(rows("a", "b", split=["train", "dev"]), filter=("split=val",))


@pytest.mark.parametrize(
    "options",
    [{"image_column": "nope"}, {"caption_column": "nope"}, {"id_column": "nope"}, {"groups": ("nope",)},
     {"filter": ("nope=1",)}, {"holdout_column": "nope"}],
)
def test_a_missing_column_is_an_error_that_names_the_columns(found, options):
    flag = "--" + next(iter(options)).replace("_", "-")
    with pytest.raises(PairsError, match=rf"no column 'nope' \(asked for by {flag}\). Its columns: image, caption"):
        found(rows("a"), **options)


@pytest.mark.parametrize("missing", ["image", "caption"])
def test_the_usual_columns_must_be_there_too(found, missing):
    table = rows("a") | {"other": ["x"]}
    del table[missing]
    with pytest.raises(PairsError, match=rf"no column of {missing}s: none is called {missing}, .*Name it with --{missing}-col"):
        found(table)


def test_addresses_alone_are_no_images_and_the_message_says_what_to_do(found):
    table = {"URL": ["http://x"], "caption": ["a"]}
    with pytest.raises(PairsError, match=r"column 'URL' holds addresses.*img2dataset, and import what it writes"):
        found(table)


def test_a_column_of_records_cannot_serve(found):
    with pytest.raises(PairsError, match=r"'image' .*holds struct"):
        found({"image": [{"name": "a.png"}], "caption": ["x"]})
    with pytest.raises(PairsError, match="neither captions nor lists of captions"):
        found(rows([{"text": "x"}]))


def test_only_a_column_that_was_named_is_said_to_be_asked_for(found):
    record = [{"x": 1}]
    with pytest.raises(PairsError, match=r"'image' holds struct.*>, not single values; another is named by --image-column\."):
        found(rows("a") | {"image": record})
    with pytest.raises(PairsError, match=r"column 'own' \(asked for by --image-column\) holds struct.*>, not single values\."):
        found(rows("a") | {"own": record}, image_column="own")
    with pytest.raises(PairsError, match=r"'caption' holds struct.*>, neither .* nor lists of .* is named by --caption-column"):
        found(rows(*record))


def test_the_usual_names_of_columns_are_found(found):
    pairs, _ = found({"file_name": ["a.png"], "captions": [["x"]]})
    assert pairs[["image", "caption"]].to_numpy().tolist() == [["a.png", "x"]]
    pairs, _ = found({"image_path": ["a.png"], "file_name": ["b.png"], "caption": ["x"], "captions": ["y"]})
    assert pairs[["image", "caption"]].to_numpy().tolist() == [["a.png", "x"]]
    pairs, _ = found({"pic": ["a.png"], "alt": ["x"], "caption": ["y"]}, image_column="pic", caption_column="alt")
    assert pairs[["image", "caption", "meta.caption"]].to_numpy().tolist() == [["a.png", "x", "y"]]


def test_group_columns_are_text_and_null_is_unknown(found):
    pairs, _ = found(rows(*"abcd", g=["x ", None, "", "y"], b=[True, False, None, True]), groups=("g:x", "b"))
    assert pairs["group.g"].tolist() == ["x", "unknown", "unknown", "y"]
    assert pairs["group.b"].tolist() == ["true", "false", "unknown", "true"]
    assert not [name for name in pairs.columns if name.startswith("meta.")]


def test_other_single_values_travel_along(found):
    pairs, _ = found(rows("a", n=[3], f=[0.5], b=[True], s=["t"], when=[pd.Timestamp("2020-01-02")], many=[[1, 2]],
                          record=[{"x": 1}], raw=[b"x"]))
    meta = {name: pairs[name][0] for name in pairs.columns if name.startswith("meta.")}
    assert meta == {"meta.n": 3, "meta.f": 0.5, "meta.b": True, "meta.s": "t", "meta.when": "2020-01-02 00:00:00.000000"}
