"""Classes by their names: Hugging Face ``datasets`` keeps numbers in the column and the names beside the schema."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.compute as pc

from influencespace.pairs.records import as_text

KEY = b"huggingface"
NONE = -1
"""The number that ``datasets`` gives to what has no class."""


def with_names(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """A table whose columns of classes hold names instead of numbers; a number without a name becomes its digits.

    Parameters
    ----------
    schema
        Of the file, with the metadata that ``datasets`` writes; where it says nothing that can be used, numbers stay.
    """
    for name, classes in _classes(schema.metadata or {}).items():
        at = table.column_names.index(name) if name in table.column_names else -1
        if at >= 0 and pa.types.is_signed_integer(table[name].type):
            table = table.set_column(at, name, _named(table[name], classes))
    return table


def _classes(metadata: dict[bytes, bytes]) -> dict[str, list[str]]:
    try:
        features = json.loads(metadata.get(KEY, b"{}"))["info"]["features"].items()
        return {
            name: feature["names"] for name, feature in features
            if isinstance(feature, dict) and feature.get("_type") == "ClassLabel" and _texts(feature.get("names"))
        }
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def _texts(names: object) -> bool:
    return isinstance(names, list) and all(isinstance(name, str) for name in names)


def _named(numbers: pa.ChunkedArray, classes: list[str]) -> pa.ChunkedArray:
    known = pc.and_(pc.greater_equal(numbers, 0), pc.less(numbers, len(classes)))
    names = pa.array(classes, pa.string()).take(pc.if_else(known, numbers, None))
    return pc.if_else(pc.equal(numbers, NONE), None, pc.if_else(known, names, as_text(numbers)))
