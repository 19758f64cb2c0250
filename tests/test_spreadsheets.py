"""No text of a CSV is a formula to a spreadsheet, and each comes back to the letter."""

import io

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from influencespace.spreadsheets import csv_text, harmless, harmless_texts, original

SIGNS = "=+-@\t\r\n＝＋－＠"
texts = st.text(st.one_of(st.sampled_from(SIGNS + "'0123456789.eE"), st.characters(codec="utf-8")), max_size=12)


@given(texts)
def test_a_text_comes_back_to_the_letter(text):
    assert original(harmless(text)) == text


@given(texts, texts)
def test_two_texts_are_never_one_cell(one, other):
    assert (harmless(one) == harmless(other)) == (one == other)


@given(texts)
def test_a_cell_begins_with_a_sign_only_where_it_is_a_number(text):
    cell = harmless(text)
    if cell[:1] and cell[0] in SIGNS:
        assert cell[0] in "+-"
        float(cell)


@pytest.mark.parametrize(("text", "cell"), [
    ("=1+1", "'=1+1"), ("@SUM(A1)", "'@SUM(A1)"), ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"), ("-2+3", "'-2+3"),
    ("\t=1", "'\t=1"), ("＝1", "'＝1"), ("'=1", "''=1"), ("-", "'-"), ("-1e400", "-1e400"), ("-٣", "'-٣"),
    ("-0.5", "-0.5"), ("+49", "+49"), ("-.5e-3", "-.5e-3"), ("'tis", "'tis"), ("a=b", "a=b"), ("", ""), (" =1", " =1"),
])
def test_by_hand(text, cell):
    assert harmless(text) == cell
    assert original(cell) == text


@pytest.mark.parametrize(("kind", "more"), [("str", []), (object, [2]), ("category", []), ("string[pyarrow]", [])])
def test_columns_of_texts_keep_what_is_missing_and_what_is_no_text(kind, more):
    found = harmless_texts(pd.Series(["=1", None, "a", *more], dtype=kind)).tolist()
    assert pd.isna(found.pop(1)) and found == ["'=1", "a", *more]


def test_a_table_has_harmless_names_and_texts_and_the_numbers_it_had():
    table = pd.DataFrame({"=name": ["=1", "b"], "change": [-0.5, 1.0], "flag": [True, False]})
    assert csv_text(table) == "'=name,change,flag\n'=1,-0.5,True\nb,1.0,False\n"
    assert pd.read_csv(io.StringIO(csv_text(table)))["change"].tolist() == [-0.5, 1.0]
