"""The rows of a list answer, read into models: fast where it can be, one by one where it must."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any, TypeVar

import msgspec

from ..errors import MalformedResponseError
from ..models.calls import Call
from ..models.page import BadRecord, Rows
from . import (
    call_structs,
    codec,
    json_checks,
    unknown_keys,
)
from .envelope import Answer

M = TypeVar("M")

_CallTwin = call_structs.TWINS[Call]
_PlainCall = call_structs.PLAIN_CALL
_decode_plain_calls = msgspec.json.Decoder(list[_PlainCall]).decode  # type: ignore[valid-type]
_decode_calls = msgspec.json.Decoder(list[_CallTwin]).decode  # type: ignore[valid-type]
_decode_call = msgspec.json.Decoder(_CallTwin).decode
_split = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_any = msgspec.json.Decoder().decode
_REFUSED = (msgspec.MsgspecError, ValueError, RecursionError)


def read_rows(data: msgspec.Raw, total: int | None, model: type[M], *, skip_bad: bool) -> Rows[M]:
    """Read the `data` of a list answer.

    Raises MalformedResponseError naming the record's index and the path inside it, unless
    `skip_bad`: then such records are reported beside the good ones.
    """
    _check_present(data, "$.data")
    rows = _read_at_once(data, total, model)
    return _read_one_by_one(data, total, model, skip_bad=skip_bad) if rows is None else rows


def read_list(answer: Answer, model: type[M], *, skip_bad: bool) -> Rows[M]:
    """Read a list answer, as `read_rows` does; one whose list is no JSON is opened anew first."""
    _check_present(answer.data, "$.data")
    rows = _read_at_once(answer.data, answer.total, model)
    if rows is not None:
        return rows
    again = answer.looked_into()
    if again is not None:
        return read_rows(again.data, again.total, model, skip_bad=skip_bad)
    return _read_one_by_one(answer.data, answer.total, model, skip_bad=skip_bad)


def read_record(data: msgspec.Raw, model: type[M], *, path: str = "$.data") -> M:
    """Read the one record of an answer; raise MalformedResponseError with the path."""
    _check_present(data, path)
    problem: codec.Unreadable
    try:
        return _read_leniently(data, _plain(data), model)
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


def _read_at_once(data: msgspec.Raw, total: int | None, model: type[M]) -> Rows[M] | None:
    calls = _read_calls_at_once(data) if model is Call else None
    if calls is None:
        return None
    return Rows(calls, [call.id for call in calls], total)  # type: ignore[arg-type]  # M is Call


def _read_calls_at_once(data: msgspec.Raw) -> list[Call] | None:
    try:
        return call_structs.build_calls(_decode_plain_calls(data))
    except _REFUSED:
        pass
    try:
        return [call_structs.build_call(twin) for twin in _decode_calls(data)]
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
            if not skip_bad:
                break  # millions of others may follow, and none is wanted
            rows.bad_keys.append(blake2b(record, digest_size=16).digest())
        else:
            rows.items.append(item)
            rows.keys.append(item.id)  # type: ignore[attr-defined]  # rows of a list have ids
    if rows.bad and not skip_bad:
        raise _bad_record(rows.bad[0])
    return rows


def _read_one(record: msgspec.Raw, model: type[M]) -> M:
    if model is not Call:
        return _read_leniently(record, _plain(record), model)
    try:
        return call_structs.build_call(_decode_call(record))  # type: ignore[return-value]
    except _REFUSED:
        pass
    plain = _plain(record)
    try:
        return unknown_keys.read_call(plain)  # type: ignore[return-value]
    except _REFUSED:
        pass
    return _read_leniently(record, plain, model)


def _read_leniently(record: msgspec.Raw, plain: Any, model: type[M]) -> M:
    """Read by the declared layer; a repeated key is looked for here only, for it takes long."""
    try:
        repeats_a_key = json_checks.repeats_a_key(record)
    except _REFUSED:
        repeats_a_key = True  # deeper than this reader can follow
    if repeats_a_key:
        raise codec.Unreadable("", "a key that stands twice, or too deep")
    return codec.structure(plain, model)


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
    raise codec.Unreadable("", "not valid JSON in UTF-8")


def _check_present(data: msgspec.Raw, path: str) -> None:
    if not data:
        raise MalformedResponseError(f"the answer has nothing at {path}", path=path)


def _bad_record(bad: BadRecord) -> MalformedResponseError:
    path = f"$.data[{bad.index}]{bad.path}"
    return MalformedResponseError(
        f'{bad.problem} at {path}; on_bad_record="skip" reads the others',
        path=path,
        index=bad.index,
    )
