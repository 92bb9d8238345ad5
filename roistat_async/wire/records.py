"""The rows of a list answer, read into models: fast where it can be, one by one where it must."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any, TypeVar

import msgspec

from ..errors import MalformedResponseError
from ..models.calls import Call
from ..models.page import BadRecord, RowBatch
from . import codec, json_checks
from .call_structs import DECODE_ERRORS, call_decoder
from .envelope import ApiResponse

M = TypeVar("M")

_split = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_any = msgspec.json.Decoder().decode


def decode_rows(
    data: msgspec.Raw, total: int | None, model: type[M], *, skip_bad: bool
) -> RowBatch[M]:
    """Read the `data` of a list answer.

    Raises MalformedResponseError naming the record's index and the path inside it, unless
    `skip_bad`: then such records are reported beside the good ones.
    """
    _check_present(data, "$.data")
    rows = _decode_batch(data, total, model)
    return _decode_individually(data, total, model, skip_bad=skip_bad) if rows is None else rows


def decode_list(answer: ApiResponse, model: type[M], *, skip_bad: bool) -> RowBatch[M]:
    """Read a list answer, as `read_rows` does; one whose list is no JSON is opened anew first."""
    _check_present(answer.data, "$.data")
    rows = _decode_batch(answer.data, answer.total, model)
    if rows is not None:
        return rows
    again = answer.reparse()
    if again is not None:
        return decode_rows(again.data, again.total, model, skip_bad=skip_bad)
    return _decode_individually(answer.data, answer.total, model, skip_bad=skip_bad)


def decode_record(data: msgspec.Raw, model: type[M], *, path: str = "$.data") -> M:
    """Read the one record of an answer; raise MalformedResponseError with the path."""
    _check_present(data, path)
    problem: codec.RecordError
    try:
        return _decode_leniently(data, _to_dict(data), model)
    except codec.RecordError as found:
        problem = found
    raise MalformedResponseError(
        f"{problem.problem} at {path}{problem.path}", path=path + problem.path
    )


def decode_plain_list(data: msgspec.Raw, model: type[M]) -> list[M]:
    """Read a list whose records have no id."""
    return [
        decode_record(record, model, path=f"$.data[{index}]")
        for index, record in enumerate(_split_records(data))
    ]


def _decode_batch(data: msgspec.Raw, total: int | None, model: type[M]) -> RowBatch[M] | None:
    if model is not Call:
        return None
    try:
        calls: list[Any] = call_decoder.decode_page(data)
    except DECODE_ERRORS:
        return None
    return RowBatch(calls, [call.id for call in calls], total)


def _decode_individually(
    data: msgspec.Raw, total: int | None, model: type[M], *, skip_bad: bool
) -> RowBatch[M]:
    rows: RowBatch[M] = RowBatch([], [], total)
    for index, record in enumerate(_split_records(data)):
        try:
            item = _decode_row(record, model)
        except codec.RecordError as found:
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


def _decode_row(record: msgspec.Raw, model: type[M]) -> M:
    if model is Call:
        try:
            return call_decoder.decode_record(record)  # type: ignore[return-value]
        except DECODE_ERRORS:
            pass
    return _decode_leniently(record, _to_dict(record), model)


def _decode_leniently(record: msgspec.Raw, plain: Any, model: type[M]) -> M:
    """Read by the declared layer; a repeated key is looked for here only, for it takes long."""
    try:
        repeats_a_key = json_checks.has_duplicate_keys(record)
    except DECODE_ERRORS:
        repeats_a_key = True  # deeper than this reader can follow
    if repeats_a_key:
        raise codec.RecordError("", "a key that stands twice, or too deep")
    return codec.structure(plain, model)


def _split_records(data: msgspec.Raw) -> list[msgspec.Raw]:
    try:
        return _split(data)
    except DECODE_ERRORS:
        pass
    raise MalformedResponseError("expected a list at $.data", path="$.data")


def _to_dict(record: msgspec.Raw) -> Any:
    try:
        return _decode_any(record)
    except DECODE_ERRORS:
        pass
    raise codec.RecordError("", "not valid JSON in UTF-8")


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
