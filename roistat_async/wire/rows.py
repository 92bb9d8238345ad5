"""The rows of a list answer, read into models: fast where it can be, one by one where it must."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from ..errors import MalformedResponseError
from ..models.calls import Call
from ..models.page import BadRecord, Rows
from . import codec, twins

M = TypeVar("M")

_CallTwin = twins.TWINS[Call]
_decode_calls = msgspec.json.Decoder(list[_CallTwin]).decode  # type: ignore[valid-type]
_decode_call = msgspec.json.Decoder(_CallTwin).decode
_split = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_any = msgspec.json.Decoder().decode
_REFUSED = (msgspec.MsgspecError, ValueError, RecursionError)


def read_rows(
    data: msgspec.Raw, total: int | None, model: type[M], *, skip_bad: bool
) -> Rows[M]:
    """Read the `data` of a list answer.

    Raises MalformedResponseError naming the record's index and the path inside it, unless
    `skip_bad`: then such records are reported beside the good ones.
    """
    if not data:
        raise MalformedResponseError("the answer has no data", path="$.data")
    if model is Call:
        calls = _read_calls_at_once(data)
        if calls is not None:
            return Rows(calls, [call.id for call in calls], total)  # type: ignore[arg-type]
    return _read_one_by_one(data, total, model, skip_bad=skip_bad)


def read_record(data: msgspec.Raw, model: type[M], *, path: str = "$.data") -> M:
    """Read the one record of an answer; raise MalformedResponseError with the path."""
    problem: codec.Unreadable
    try:
        return codec.structure(_plain(data), model)
    except codec.Unreadable as found:
        problem = found
    raise MalformedResponseError(
        f"{problem.problem} at {path}{problem.path}", path=path + problem.path
    )


def read_plain(data: msgspec.Raw, model: type[M]) -> list[M]:
    """Read a list whose records have no id."""
    return [
        read_record(record, model, path=f"$.data[{index}]")
        for index, record in enumerate(_records(data))
    ]


def _read_calls_at_once(data: msgspec.Raw) -> list[Call] | None:
    try:
        found = _decode_calls(data)
        return [twins.build_call(twin) for twin in found]
    except _REFUSED:
        return None


def _read_one_by_one(
    data: msgspec.Raw, total: int | None, model: type[M], *, skip_bad: bool
) -> Rows[M]:
    rows: Rows[M] = Rows([], [], total)
    for index, record in enumerate(_records(data)):
        try:
            item = _read_one(record, model)
        except codec.Unreadable as found:
            rows.bad.append(BadRecord(index, found.path, found.problem))
            rows.bad_keys.append(bytes(record))
        else:
            rows.items.append(item)
            rows.keys.append(item.id)  # type: ignore[attr-defined]  # rows of a list have ids
    if rows.bad and not skip_bad:
        raise _bad_record(rows.bad[0])
    return rows


def _read_one(record: msgspec.Raw, model: type[M]) -> M:
    if model is Call:
        try:
            return twins.build_call(_decode_call(record))  # type: ignore[return-value]
        except _REFUSED:
            pass
    return codec.structure(_plain(record), model)


def _records(data: msgspec.Raw) -> list[msgspec.Raw]:
    try:
        return _split(data)
    except _REFUSED:
        pass
    raise MalformedResponseError("expected a list at $.data", path="$.data")


def _plain(record: msgspec.Raw) -> Any:
    try:
        return _decode_any(record)
    except _REFUSED:
        pass
    raise codec.Unreadable("", "not valid JSON")


def _bad_record(bad: BadRecord) -> MalformedResponseError:
    path = f"$.data[{bad.index}]{bad.path}"
    return MalformedResponseError(
        f'{bad.problem} at {path}; on_bad_record="skip" reads the others',
        path=path,
        index=bad.index,
    )
