"""Tables of pairs that are text: CSV, TSV and JSONL."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from influencespace.errors import PairsError
from influencespace.pairs.problems import MALFORMED_ROW, Problems
from influencespace.pairs.records import Records, from_dicts

DELIMITERS = {".csv": ",", ".tsv": "\t"}
# Of OpenCLIP, of Flickr30k, and of spreadsheets where the comma is in numbers; they are called .csv, too.
OTHERS = "\t|;"
_QUOTED = re.compile(r'(?:^|(?<=[\r\n,\t|;]))(?:"[^"]*")+')
JSON_LINES = (".jsonl", ".ndjson")
SUFFIXES = (*DELIMITERS, *JSON_LINES)


def read_table(path: Path, problems: Problems) -> Records:
    """Read a table by its suffix; rows that cannot be parsed become problems and the rest goes on.

    All columns of CSV and TSV are text, with empty fields null, so that ``007`` stays what it is. A row of CSV and
    TSV is numbered as a record, a row of JSONL by its line. CSV without a comma in its header is delimited by the tab,
    ``|`` or ``;`` that is there, and spaces around its fields are dropped.

    Raises
    ------
    PairsError
        If the file cannot be read, is not UTF-8 or not what its suffix says, or holds no rows.
    """
    suffix = path.suffix.lower()
    if suffix not in DELIMITERS:
        return json_lines(path, read_utf8(path), problems)
    records = _read_delimited(path, DELIMITERS[suffix], problems)
    if not len(records):
        raise PairsError(problems.added_to(f"{path} holds no rows."))
    return records


def read_utf8(path: Path) -> str:
    """A whole text file, with or without a byte order mark.

    Raises
    ------
    PairsError
        If it cannot be read, is empty or not UTF-8; the message says at which byte and line.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise PairsError(f"{path} cannot be read: {error.strerror}.") from None
    try:
        text = data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise PairsError(
            f"{path} is not UTF-8: byte {error.start} (line {line}) is 0x{data[error.start]:02x}. Save it as UTF-8."
        ) from None
    if not text.strip():
        raise PairsError(f"{path} is empty.")
    return text


def _read_delimited(path: Path, delimiter: str, problems: Problems) -> Records:
    text = read_utf8(path)
    try:
        names, header = _header(text, delimiter)
        marks = _QUOTED.sub("", header)
        if delimiter == "," and "," not in marks and not set(OTHERS).isdisjoint(marks):
            delimiter = max(OTHERS, key=marks.count)
            names, _ = _header(text, delimiter)
    except (csv.Error, StopIteration) as error:
        raise PairsError(f"{path} has no readable header: {error}.") from None
    data = text.encode("utf-8")
    ragged: dict[int, str] = {}

    def note(row: pa.csv.InvalidRow) -> str:
        # The parser counts the header as a row.
        ragged[row.number - 1] = f"{row.actual_columns} fields where the header has {row.expected_columns}"
        return "skip"

    try:
        columns = pa.csv.read_csv(
            pa.BufferReader(data),
            # One block and one thread: rows are numbered only then, and no row can straddle two blocks.
            read_options=pa.csv.ReadOptions(use_threads=False, block_size=min(len(data) + 1, 2**31 - 1)),
            parse_options=pa.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True, invalid_row_handler=note),
            convert_options=pa.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True, null_values=[""]
            ),
        )
    except pa.ArrowInvalid as error:
        raise PairsError(f"{path} cannot be read as a table: {error}.") from None
    problems.report(MALFORMED_ROW, path, ragged, detail=ragged.values())
    if delimiter != DELIMITERS[path.suffix.lower()]:
        stripped = [pc.utf8_trim_whitespace(column) for column in columns.columns]
        columns = pa.table([pc.if_else(pc.equal(column, ""), None, column) for column in stripped],
                           names=[name.strip() for name in columns.column_names])
    rows = np.setdiff1d(np.arange(1, columns.num_rows + len(ragged) + 1), list(ragged))
    return Records(path, "table", columns, rows)


def _header(text: str, delimiter: str) -> tuple[list[str], str]:
    """The names of the columns, and the lines from which they were read."""
    lines = io.StringIO(text, newline="")
    names = next(filter(None, csv.reader(lines, delimiter=delimiter)))
    return names, text[: lines.tell()]


def json_lines(path: Path, text: str, problems: Problems) -> Records:
    """Records of JSON, one a line; numbered by their lines.

    Raises
    ------
    PairsError
        If there are none.
    """
    lines = ((number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip())
    return json_records(path, ((number, _parsed(line)) for number, line in lines), problems)


def json_records(path: Path, values: Iterable[tuple[int, Any]], problems: Problems) -> Records:
    """Numbered values of JSON as rows; those that are no records, or errors, are reported.

    Raises
    ------
    PairsError
        If no row is left.
    """
    records, rows, malformed = [], [], {}
    for number, value in values:
        if isinstance(value, dict) and value:
            records.append(value)
            rows.append(number)
        else:
            malformed[number] = f"no JSON: {value}" if isinstance(value, Exception) else "no JSON object with named values"
    problems.report(MALFORMED_ROW, path, malformed, detail=malformed.values())
    if not records:
        raise PairsError(problems.added_to(f"{path} holds no rows."))
    return Records(path, "table", from_dicts(records), np.array(rows, dtype=np.int64))


def _parsed(line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        return error
