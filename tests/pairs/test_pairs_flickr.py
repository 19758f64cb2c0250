"""Captions as Flickr8k and Flickr30k were published."""

import pytest

from influencespace.errors import PairsError
from influencespace.pairs.problems import Problems
from influencespace.pairs.sources import read_records


def write(tmp_path, text, name="Flickr8k.token.txt"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["Flickr8k.token.txt", "results_20130124.token"])
def test_each_line_is_a_caption_of_its_image(tmp_path, name):
    text = "1#0.jpg#0\tA child , in a pink dress .\r\n1#0.jpg#1\tA girl.\tShe runs.\n\nno caption\n#1\tx\nb.jpg#12\t\n"
    problems = Problems()
    records = read_records(write(tmp_path, text, name), problems)
    assert records.format == "flickr" and records.rows.tolist() == [1, 2, 6]
    assert records.columns.to_pylist() == [
        {"image": "1#0.jpg", "caption": "A child , in a pink dress ."}, {"image": "1#0.jpg", "caption": "A girl.\tShe runs."},
        {"image": "b.jpg", "caption": ""},
    ]
    assert problems.table()["row"].tolist() == [4, 5]


def test_only_newlines_end_a_line(tmp_path):
    records = read_records(write(tmp_path, "a.jpg#0\tA dog\u2028runs\x0b.\rb.jpg#0\tB.\n"), Problems())
    assert records.rows.tolist() == [1, 2] and records.columns["caption"].to_pylist() == ["A dog\u2028runs\x0b.", "B."]


def test_pairs_from_captions_of_flickr(tmp_path, draw_photos, read):
    names = draw_photos(10)
    text = "".join(f"{name}#{number}\tcaption {number} of {name}\n" for name in names for number in range(5))
    pairs = read(write(tmp_path, text), holdout=0.4)
    assert pairs.facts["format"] == "flickr"
    assert pairs.facts["counts"] == {"train": 30, "validation": 10, "test": 10}


@pytest.mark.parametrize("text", ["image,caption\na.jpg,A dog.\n", "a.jpg\tA dog.\n"])
def test_other_text_is_an_error_that_says_what_to_do(tmp_path, text):
    with pytest.raises(PairsError, match=r"text of no known kind.*'a\.jpg#0'.*must end in \.csv or \.tsv"):
        read_records(write(tmp_path, text, "pairs.txt"), Problems())
