import numpy as np
import pandas as pd
import pytest

from influencespace.errors import PairsError
from influencespace.pairs.problems import Problems
from influencespace.pairs.sources import read_records

ROWS = [
    {"image": "a.jpg", "caption": "a dog, running", "id": "007"},
    {"image": "b.jpg", "caption": 'he says "hi"\non two lines', "id": "008"},
    {"image": "ç.jpg", "caption": "naïve café 犬", "id": "009"},
]


def write(path, text, encoding="utf-8"):
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.jsonl", "t.parquet", "T.CSV", "t.ndjson"])
def test_all_formats_read_the_same_rows(tmp_path, name):
    frame, path = pd.DataFrame(ROWS), tmp_path / name
    match path.suffix.lower():
        case ".csv":
            frame.to_csv(path, index=False)
        case ".tsv":
            frame.to_csv(path, index=False, sep="\t")
        case ".parquet":
            frame.to_parquet(path)
        case _:
            frame.to_json(path, orient="records", lines=True)
    records = read_records(path, Problems())
    assert records.columns.to_pylist() == ROWS
    assert records.rows.tolist() == [1, 2, 3]


@pytest.mark.parametrize("name", ["t.csv", "t.jsonl"])
def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path, name):
    text = "image,caption\na.jpg,x\n" if name == "t.csv" else '{"image": "a.jpg", "caption": "x"}\n'
    records = read_records(write(tmp_path / name, text, "utf-8-sig"), Problems())
    assert records.columns.column_names == ["image", "caption"]


def test_ragged_lines_are_problems_with_their_row(tmp_path):
    path = write(tmp_path / "t.csv", 'image,caption\na.jpg,x\nb.jpg,one,two\nc.jpg\n"d.jpg","two\nlines"\n')
    problems = Problems()
    records = read_records(path, problems)
    assert records.rows.tolist() == [1, 4]
    assert records.columns["image"].to_pylist() == ["a.jpg", "d.jpg"]
    table = problems.table()
    assert table["row"].tolist() == [2, 3]
    assert table["detail"].tolist() == [f"{n} fields where the header has 2" for n in (3, 1)]
    assert set(table["problem"]) == {"malformed row"}
    assert set(table["table"]) == {str(path)}


def test_malformed_lines_of_json_are_problems_with_their_line(tmp_path):
    path = write(tmp_path / "t.jsonl", '{"image": "a"}\n\n{"image": \n[1]\n{}\n' + "[" * 100_000 + '\n{"image": "b"}')
    problems = Problems()
    records = read_records(path, problems)
    assert records.rows.tolist() == [1, 7]
    assert problems.table()["row"].tolist() == [3, 4, 5, 6]


def test_json_values_of_mixed_types_become_text(tmp_path):
    lines = ['{"a": 1, "b": ["x"], "c": "\\ud83d"}', '{"a": true, "b": "y", "c": "ok"}', '{"a": "z", "b": null}']
    records = read_records(write(tmp_path / "t.jsonl", "\n".join(lines)), Problems())
    assert records.columns.to_pydict() == {
        "a": ["1", "true", "z"], "b": [["x"], ["y"], None], "c": ["?", "ok", None]
    }


def test_large_integers_keep_their_digits(tmp_path):
    path = write(tmp_path / "t.jsonl", '{"id": 9007199254740993}\n{"other": 1}\n')
    assert read_records(path, Problems()).columns["id"].to_pylist() == [9007199254740993, None]


def test_a_row_longer_than_usual_is_read(tmp_path):
    path = write(tmp_path / "t.csv", "image,caption\na.jpg," + "x" * 3_000_000 + "\nb.jpg,y\n")
    assert [len(c) for c in read_records(path, Problems()).columns["caption"].to_pylist()] == [3_000_000, 1]


@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.jsonl", "t.parquet"])
@pytest.mark.parametrize("content", [b"", b"\n \n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_an_error(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(PairsError, match=name):
        read_records(tmp_path / name, Problems())


@pytest.mark.parametrize(("name", "text"), [("t.csv", "image,caption\n"), ("t.jsonl", "nonsense\n")])
def test_a_table_without_rows_is_an_error(tmp_path, name, text):
    with pytest.raises(PairsError, match="holds no rows"):
        read_records(write(tmp_path / name, text), Problems())


def test_a_file_that_is_not_utf8_is_an_error_with_the_place(tmp_path):
    path = write(tmp_path / "t.csv", "image,caption\na.jpg,café\n", "latin-1")
    with pytest.raises(PairsError, match=r"not UTF-8: byte 23 \(line 2\) is 0xe9"):
        read_records(path, Problems())


def test_a_file_that_is_no_parquet_is_an_error(tmp_path):
    with pytest.raises(PairsError, match="cannot be read as Parquet"):
        read_records(write(tmp_path / "t.parquet", "image,caption"), Problems())


def test_repeated_columns_are_an_error(tmp_path):
    with pytest.raises(PairsError, match="'image' occurs more than once"):
        read_records(write(tmp_path / "t.csv", "image,caption,image\na,b,c\n"), Problems())


def test_a_folder_named_like_a_partition_adds_no_column(tmp_path):
    folder = tmp_path / "split=train"
    folder.mkdir()
    pd.DataFrame({"image": ["a"], "caption": ["x"]}).to_parquet(folder / "t.parquet")
    assert read_records(folder / "t.parquet", Problems()).columns.column_names == ["image", "caption"]


def test_take_keeps_rows_and_columns_together(tmp_path):
    path = write(tmp_path / "t.csv", "image,caption\na,1\nb,2\nc,3\n")
    kept = read_records(path, Problems()).take(np.array([True, False, True]))
    assert (kept.columns["image"].to_pylist(), kept.rows.tolist()) == (["a", "c"], [1, 3])
