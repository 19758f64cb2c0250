import csv
import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

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


@pytest.mark.parametrize(("header", "delimiter", "names"), [
    ("image;caption", ";", ["image", "caption"]), ('"image";"caption"', ";", ["image", "caption"]),
    ("filepath\ttitle", "\t", ["filepath", "title"]), ("image| caption", "|", ["image", "caption"]),
    ('image ;"a, b"; caption|x', ";", ["image", "a, b", "caption|x"]), ('\n\n"a\nb"|"c;d"', "|", ["a\nb", "c;d"]),
])
def test_a_csv_without_a_comma_in_its_header_is_delimited_by_what_is_there(tmp_path, header, delimiter, names):
    values = ["1.jpg", "a dog, running", "3"][:len(names)]
    path = write(tmp_path / "t.csv", f"{header}\n" + f"{delimiter} ".join(values) + "\n")
    assert read_records(path, Problems()).columns.to_pylist() == [dict(zip(names, values, strict=True))]


def test_flickr30k_is_read_as_it_comes_and_its_broken_row_is_a_problem(tmp_path):
    path = write(tmp_path / "results.csv", "image_name| comment_number| comment\n1.jpg| 0| Two men , outside .\n"
                 "1.jpg| 4   A dog runs .\n2.jpg| 1| \n")
    problems = Problems()
    assert read_records(path, problems).columns.to_pylist() == [
        {"image_name": "1.jpg", "comment_number": "0", "comment": "Two men , outside ."},
        {"image_name": "2.jpg", "comment_number": "1", "comment": None},
    ]
    assert problems.table()["row"].tolist() == [2]


@pytest.mark.parametrize(("name", "header"), [
    ("t.csv", '"a;b"'), ("t.csv", '"a;b|c\td"'), ("t.csv", "a;b, c"), ("t.csv", '5";a,b"'), ("t.csv", "image"),
    ("t.csv", '"a\nb;c"'), ("t.tsv", "a;b"),
])
def test_other_marks_in_a_header_are_part_of_its_names(tmp_path, name, header):
    names = header.strip('"').split(",") if header[0] == '"' else header.split(",")
    path = write(tmp_path / name, header + "\n" + ", ".join("x;y" for _ in names) + "\n")
    assert read_records(path, Problems()).columns.to_pylist() == [dict(zip(names, ["x;y", " x;y"][:len(names)], strict=True))]


TEXTS = st.text(st.sampled_from('ab ,;|\t"\n'), min_size=1, max_size=8).map(lambda text: f"x{text}x")


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(",;|\t"), st.booleans(),
    st.lists(TEXTS, min_size=2, max_size=4, unique_by=lambda name: name.replace("\n", " ")).flatmap(lambda names: st.tuples(
        st.just(names), st.lists(st.lists(TEXTS, min_size=len(names), max_size=len(names)), min_size=1, max_size=4))),
)
def test_what_a_spreadsheet_writes_with_any_delimiter_is_read_alike(tmp_path, delimiter, quoted, table):
    names, rows = table
    text = io.StringIO(newline="")
    # Without quotes, names hold no delimiter.
    names = [name.replace("\n", " ") if quoted else f"n{i}" for i, name in enumerate(names)]
    csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL).writerows([names, *rows])
    records = read_records(write(tmp_path / "t.csv", text.getvalue()), Problems())
    assert records.columns.to_pylist() == [dict(zip(names, row, strict=True)) for row in rows]


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


@pytest.mark.parametrize(("name", "text", "why"), [
    ("t.csv", "image,caption\n", ""), ("t.jsonl", "nonsense\n", " Most frequent problems: 1 x malformed row .*"),
])
def test_a_table_without_rows_is_an_error(tmp_path, name, text, why):
    with pytest.raises(PairsError, match=rf"holds no rows\.{why}$"):
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
