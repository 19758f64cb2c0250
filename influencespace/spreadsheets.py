"""Tables for spreadsheets: CSV in which no text is taken for a formula.

A spreadsheet computes a cell that begins with certain characters, quoted or not, so that a caption such as
``=HYPERLINK(...)`` would run where somebody opens the file. Such a text gets an apostrophe in front, as OWASP advises
(https://owasp.org/www-community/attacks/CSV_Injection), and :func:`original` takes it away again, exactly.
"""

from __future__ import annotations

import re

import pandas as pd

# With them a cell is a formula; the last four are the full-width forms, which some spreadsheets read alike.
_SIGNS = "=+-@\t\r\n＝＋－＠"
# A text that begins so after apostrophes of its own gets one more, so that taking one away always gives back what was there.
_FORMULA = re.compile(f"'*[{re.escape(_SIGNS)}]")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def harmless(text: str) -> str:
    """The text as a cell that no spreadsheet computes; numbers stay as they are.

    >>> harmless("=1+1"), harmless("-0.5"), harmless("a dog")
    ("'=1+1", '-0.5', 'a dog')
    """
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text


def original(cell: str) -> str:
    """The text that a cell was made from by :func:`harmless`."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def harmless_texts(texts: pd.Series) -> pd.Series:
    """:func:`harmless` for every text; what is no text stays as it is."""
    if not isinstance(texts.dtype, pd.StringDtype):
        return texts.map(lambda value: harmless(value) if isinstance(value, str) else value)
    # Few texts begin so: only these are taken up one by one.
    some = texts.str.startswith((*_SIGNS, "'"), na=False)
    return texts.where(~some, texts[some].map(harmless)) if some.any() else texts


def harmless_table(table: pd.DataFrame) -> pd.DataFrame:
    """The table with every text and every name of a column made harmless.

    Tables on pages are shown so too where they hold texts from outside: the browser saves them as CSV.
    """
    texts = table.select_dtypes(exclude=["number", "bool", "datetime", "datetimetz"])
    return table.assign(**{name: harmless_texts(texts[name]) for name in texts}).rename(columns=harmless)


def csv_text(table: pd.DataFrame) -> str:
    """A small table as CSV: a header, a line feed after each row, harmless texts."""
    return harmless_table(table).to_csv(index=False, lineterminator="\n")
