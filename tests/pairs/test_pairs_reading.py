import pandas as pd
import pytest

from influencespace.errors import PairsError
from influencespace.pairs.problems import Problems


def rows(names, **columns):
    return [
        {"image": name, "caption": f"caption {i}"} | {key: values[i] for key, values in columns.items()}
        for i, name in enumerate(names)
    ]


def test_the_table_has_the_columns_of_the_contract(draw_photos, write_jsonl, read, tmp_path):
    names = draw_photos(10)
    source = write_jsonl(rows(names, region=["n", "s"] * 5, width=[i if i else None for i in range(10)]))
    pairs = read(source, groups=("region",), holdout=0.4)
    assert list(pairs.table.columns) == [
        "id", "row", "image", "image_path", "caption", "photo", "split", "group.region", "meta.width"
    ]
    assert pairs.table["image"].tolist() == names
    assert pairs.table["image_path"].tolist() == [str(tmp_path / name) for name in names]
    assert pairs.table["photo"].str.fullmatch("[0-9a-f]{32}").all()
    assert pairs.table["meta.width"].dtype == "Int64"
    assert pairs.facts == {
        "source": source, "format": "table", "groups": {"region": ["n", "s"]}, "lexicon": [],
        "counts": {"train": 6, "validation": 2, "test": 2}, "photos": {"train": 6, "validation": 2, "test": 2},
        "problems": {},
    }
    assert pairs.image is pairs.text is None


def test_every_bad_row_is_reported_and_the_rest_goes_on(draw_photos, write_jsonl, read, tmp_path):
    names = draw_photos(20)
    (tmp_path / "2.png").write_bytes(b"")
    (tmp_path / "4.png").write_bytes((tmp_path / "4.png").read_bytes()[:50])
    (tmp_path / "6.png").unlink()
    records = rows(names, name=[f"n{i}" for i in range(20)])
    records[8]["caption"] = ""
    records[10]["name"] = "n9"
    records[12]["caption"] = "x" * 100_000
    records[14]["image"] = "https://example.org/a.jpg"
    source = write_jsonl(records)
    pairs = read(source, id_column="name", holdout=0.4)
    problems = pairs.problems.sort_values("row")
    assert problems[["row", "id", "problem"]].to_numpy().tolist() == [
        [3, "n2", "unreadable image"], [5, "n4", "unreadable image"], [7, "n6", "missing file"],
        [9, "n8", "empty caption"], [11, "n9", "repeated id"], [13, "n12", "overlong caption"], [15, "n14", "not a file"],
    ]
    assert set(problems["table"]) == {source}
    assert set(problems["action"]) == {"left out"}
    assert (problems["detail"] != "").sum() == 6
    assert len(pairs.table) == 13
    assert pairs.facts["problems"] == problems["problem"].value_counts().to_dict()


def test_the_same_photo_under_two_names_is_one_photo(draw_photos, write_jsonl, read, tmp_path):
    names = draw_photos(10)
    (tmp_path / "copy.png").write_bytes((tmp_path / "0.png").read_bytes())
    table = read(write_jsonl(rows([*names, "copy.png"])), holdout=0.4).table
    assert table["photo"].nunique() == 10
    assert table["photo"].iloc[0] == table["photo"].iloc[10]
    assert table["split"].iloc[0] == table["split"].iloc[10]


def test_a_held_out_table_is_halved_and_its_photos_leave_training(draw_photos, write_jsonl, read):
    names = draw_photos(12)
    source = write_jsonl(rows(names[:8]))
    heldout = write_jsonl(
        [{"image": name, "captions": ["x", "y"], "part": part}
         for name, part in zip(names, ["no"] * 6 + ["yes"] * 6, strict=True)], "heldout.jsonl",
    )
    pairs = read(source, validation=heldout, validation_filter=("part=yes",))
    assert pairs.facts["photos"] == {"train": 6, "validation": 3, "test": 3}
    assert pairs.facts["counts"] == {"train": 6, "validation": 6, "test": 6}
    assert pairs.problems["row"].tolist() == [7, 8]
    assert set(pairs.problems["problem"]) == {"photo also held out"}
    assert pairs.table["id"].tolist()[6:8] == ["validation:7.1", "validation:7.2"]


def test_validation_and_test_tables(draw_photos, write_jsonl, read):
    names = draw_photos(12)
    pairs = read(
        write_jsonl(rows(names)), validation=write_jsonl(rows(names[:4]), "v.jsonl"),
        test=write_jsonl(rows(names[3:7]), "t.jsonl"),
    )
    assert pairs.facts["photos"] == {"train": 5, "validation": 4, "test": 3}
    assert pairs.facts["problems"] == {"photo also held out": 7, "photo also in validation": 1}


def test_first_captions_of_training_photos_only(draw_photos, write_jsonl, read):
    names = draw_photos(8)
    source = write_jsonl(rows(names[:4] * 2, part=["train"] * 8) + rows(names[4:] * 2, part=["dev"] * 8))
    pairs = read(source, holdout_column="part", captions="first")
    assert pairs.facts["counts"] == {"train": 4, "validation": 4, "test": 4}
    assert pairs.table["caption"][pairs.table["split"] == "train"].tolist() == [f"caption {i}" for i in range(4)]
    again = read(source, holdout_column="part", validation_captions="first")
    assert again.facts["counts"] == {"train": 8, "validation": 2, "test": 2}


def test_the_lexicon_reads_each_table_apart(draw_photos, write_jsonl, read):
    names = draw_photos(8)
    source = write_jsonl([{"image": name, "caption": "a man"} for name in names])
    heldout = write_jsonl([{"image": name, "caption": "a woman"} for name in names[4:]], "v.jsonl")
    pairs = read(source, validation=heldout, lexicon=("gender_words",))
    assert set(pairs.table["group.gender_words"][pairs.table["split"] == "train"]) == {"male"}
    assert pairs.facts["groups"] == {"gender_words": ["female"]}
    assert pairs.facts["lexicon"] == ["gender_words"]


def test_a_group_column_must_be_in_both_tables(draw_photos, write_jsonl, read):
    names = draw_photos(8)
    source = write_jsonl(rows(names, region=["n"] * 8))
    with pytest.raises(PairsError, match=r"v.jsonl has no column 'region' .*Its columns: image, caption"):
        read(source, groups=("region",), validation=write_jsonl(rows(names), "v.jsonl"))


def test_columns_of_other_types_in_the_held_out_table_become_text(draw_photos, write_jsonl, read):
    names = draw_photos(10)
    source = write_jsonl(rows(names[:6], code=list(range(6)), only=[1] * 6, mixed=[1] * 6))
    heldout = write_jsonl(rows(names[6:], code=list("abcd"), mixed=[0.5] * 4), "v.jsonl")
    table = read(source, validation=heldout).table
    assert table["meta.code"].tolist() == ["0", "1", "2", "3", "4", "5", "a", "b", "c", "d"]
    assert table["meta.only"].isna().tolist() == [False] * 6 + [True] * 4


def test_ids_that_clash_with_made_ones_are_repeated(draw_photos, write_jsonl, read):
    names = draw_photos(8)
    records = [{"image": name, "captions": ["x", "y"], "name": f"n{i}"} for i, name in enumerate(names)]
    records[3] = {"image": names[3], "captions": ["x"], "name": "n1.2"}
    pairs = read(write_jsonl(records), id_column="name", holdout=0.6)
    assert pairs.table["id"].is_unique
    assert pairs.problems[["row", "id", "problem"]].to_numpy().tolist() == [[4, "n1.2", "repeated id"]]


def test_images_have_folders_of_their_own(draw_photos, write_jsonl, read, tmp_path):
    for folder in ("train", "val"):
        draw_photos(9 if folder == "train" else 4, tmp_path / folder)
    source = write_jsonl(rows([f"{i}.png" for i in range(4, 9)]))
    heldout = write_jsonl(rows([f"{i}.png" for i in range(4)]), "v.jsonl")
    pairs = read(source, validation=heldout, images=str(tmp_path / "train"), heldout_images=str(tmp_path / "val"))
    assert pairs.table["image_path"].tolist() == (
        [str(tmp_path / f"train/{i}.png") for i in range(4, 9)] + [str(tmp_path / f"val/{i}.png") for i in range(4)]
    )
    with pytest.raises(PairsError, match=r"folder of images .*gone does not exist"):
        read(source, images=str(tmp_path / "gone"))


def test_too_little_is_an_error_with_counts_and_reasons(draw_photos, write_jsonl, read):
    names = draw_photos(3)
    with pytest.raises(PairsError, match=r"train 0 \(at least 1\), validation 1 \(at least 2\), test 0"):
        read(write_jsonl(rows(names[:1])))
    reason = r"4 x missing file \(such as row 4 of .*pairs.jsonl: .*gone0.png does not exist\)"
    with pytest.raises(PairsError, match=rf"validation 1 \(at least 2\).* used: 3. Most frequent problems: {reason}"):
        read(write_jsonl(rows(names + [f"gone{i}.png" for i in range(4)])), holdout=0.6)
    with pytest.raises(PairsError, match=r"train 0 .*validation 0 .*test 0 .* can be used: 0"):
        read(write_jsonl(rows(["gone.png"] * 5)), lexicon=("age_words",))


MORE = r"Give more pairs, or hold out another share of them: --holdout, --validation\.$"


def test_where_most_images_are_missing_the_folder_of_images_is_asked_for(draw_photos, write_jsonl, read, tmp_path):
    there = draw_photos(8)
    gone = [f"photos/{name}" for name in there]
    advice = "In most rows of {} the image file is missing: name the folder that the paths are relative to with {}"
    source, heldout = write_jsonl(rows(there)), write_jsonl(rows(gone), "v.jsonl")
    with pytest.raises(PairsError, match=rf"does not exist\)\. {advice.format('.*v.jsonl', '--images')}\.$"):
        read(heldout)
    with pytest.raises(PairsError, match=rf"does not exist\)\. {advice.format('.*v.jsonl', '--heldout-images')}\.$"):
        read(source, validation=heldout)
    # Half of the rows are not most of them.
    with pytest.raises(PairsError, match=MORE):
        read(write_jsonl(rows(there[:2] + gone[2:4]), "half.jsonl"))
    # The rows of a table that is filtered for either are told apart.
    both = write_jsonl(rows(there + gone, part=["train"] * 8 + ["val"] * 8), "both.jsonl")
    with pytest.raises(PairsError, match=advice.format(".*both.jsonl", "--heldout-images")) as raised:
        read(both, filter=("part=train",), validation=both, validation_filter=("part=val",))
    assert "--images" not in str(raised.value)


def test_where_most_captions_are_empty_a_column_of_captions_is_asked_for(draw_photos, write_jsonl, read, shards):
    names = draw_photos(6)
    empty = write_jsonl([{"image": name, "text": None} for name in names])
    advice = r"No caption was found in most rows of {}: {}\.$"
    with pytest.raises(PairsError, match=advice.format(".*pairs.jsonl", "name the column that holds them with --caption-column")):
        read(empty)
    folder = shards([{"__key__": str(i), "png": b"x", "json": {"alt": "a dog"}} for i in range(6)])
    where = "a sample has it in KEY.txt, or in the field of its JSON that --caption-column names"
    with pytest.raises(PairsError, match=advice.format(".*shards", where)):
        read(folder)
    # These have captions, beside empty ones.
    with pytest.raises(PairsError, match=MORE):
        read(write_jsonl([{"image": name, "captions": ["x", "", " "]} for name in names[:3]], "some.jsonl"))


def test_too_little_without_problems_says_nothing_of_any(draw_photos, write_jsonl, read):
    with pytest.raises(PairsError, match=r"can be used: 3\. Give more pairs"):
        read(write_jsonl(rows(draw_photos(3))))


@pytest.mark.parametrize(("name", "message"), [("gone.csv", "does not exist"), ("pairs.xlsx", "of no known kind"),
                                               (".", "folder of no known kind")])
def test_a_source_of_no_known_kind_is_an_error(tmp_path, read, name, message):
    (tmp_path / "pairs.xlsx").touch()
    with pytest.raises(PairsError, match=message):
        read(tmp_path / name)


def test_the_digest_is_that_of_the_content(draw_photos, write_jsonl, read, tmp_path):
    names = draw_photos(10)
    source = write_jsonl(rows(names, region=["n", "s"] * 5))
    first = read(source, holdout=0.4, groups=("region",)).digest()
    assert read(source, holdout=0.4, groups=("region",)).digest() == first
    pd.read_json(source, lines=True).to_csv(tmp_path / "same.csv", index=False)
    assert read(tmp_path / "same.csv", holdout=0.4, groups=("region",)).digest() == first
    others = [{"holdout": 0.4, "groups": ("region:n",)}, {"holdout": 0.4, "groups": ("region",), "seed": 1}]
    (tmp_path / "0.png").write_bytes((tmp_path / "1.png").read_bytes())
    others.append({"holdout": 0.4, "groups": ("region",)})
    assert len({first, *(read(source, **options).digest() for options in others)}) == 4


def test_the_summary_names_the_most_frequent_first():
    problems = Problems()
    assert problems.summary() == ""
    problems.report("missing file", "t.csv", [3], detail="gone")
    problems.report("malformed row", "t.csv", [5, 6])
    problems.report("unreadable index", "t.csv", [-1])
    assert problems.summary(2) == (
        "Most frequent problems: 2 x malformed row (such as row 5 of t.csv); "
        "1 x missing file (such as row 3 of t.csv: gone)."
    )
    assert problems.counts() == {"malformed row": 2, "missing file": 1, "unreadable index": 1}
