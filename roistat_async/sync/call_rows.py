"""A call as the values of one row, the same for every target, and a hash that shows changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from hashlib import blake2b
from operator import attrgetter

import attrs
import msgspec

from ..models.calls import Call
from ..wire.call_json import NESTED, format_utc, format_utc_all, json_column, to_json

Value = str | int | None
Row = tuple[Value, ...]

COLUMNS: tuple[str, ...] = tuple(field.name for field in attrs.fields(Call))
"""The fields of a call in their order, which is also the order of the values in a row."""

_encode_into = msgspec.msgpack.Encoder().encode_into


def to_row(call: Call) -> Row:
    """Return the values of a call; dates and nested objects are text."""
    return tuple([get(call) for get in _GETTERS.values()])


def to_columns(calls: Sequence[Call]) -> list[list[Value]]:
    """Return the values of many calls by column, which is faster than row by row."""
    return [_column(calls, name) for name in COLUMNS]


def content_hashes(columns: Sequence[Sequence[Value]]) -> list[bytearray]:
    """Return 8 bytes per row that differ if rows differ, the same in every process.

    The hash is over MessagePack, because its length prefixes keep "a", "bc" and "ab", "c" apart.
    """
    hashes: list[bytearray] = []
    buffer = bytearray()  # one buffer for all rows saves a quarter of the time
    for row in zip(*columns, strict=True):
        _encode_into(row, buffer)  # truncates the buffer to the row
        hashes.append(bytearray(blake2b(buffer, digest_size=8).digest()))
    return hashes


def _column(calls: Sequence[Call], name: str) -> list[Value]:
    if name in NESTED:
        return [*json_column(calls, name)]
    if name == "date":
        return [*format_utc_all([call.date for call in calls])]
    return list(map(_GETTERS[name], calls))


def _getter(name: str) -> Callable[[Call], Value]:
    if name == "date":
        return lambda call: format_utc(call.date)
    if name in NESTED:
        return partial(_nested_json, name)
    return _status if name == "status" else attrgetter(name)


def _status(call: Call) -> str:
    """Return the status as a plain str, and "" for none: the column of a SQLite copy is NOT NULL.

    For a subclass of str sqlite3 would look for an adapter first.
    """
    return "" if call.status is None else call.status._value_


def _nested_json(name: str, call: Call) -> str | None:
    return to_json(call, name)


_GETTERS = {name: _getter(name) for name in COLUMNS}
