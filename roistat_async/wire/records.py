"""Records of a response decoded into models."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from hashlib import blake2b
from typing import Any, TypeVar

import msgspec
from attrs import evolve

from ..errors import MalformedResponseError
from ..models.calls import Call
from ..models.page import BadRecord, RowBatch
from ..tracebacks import hides_locals
from . import codec, coerce, json_repair
from .call_structs import DECODE_ERRORS, call_decoder
from .envelope import ApiResponse

M = TypeVar("M")
T = TypeVar("T")

_CHUNK = 50  # records that are decoded at once on a page that cannot be decoded as a whole
_EMPTY_LISTS = (b"", b"null", b"false", b'""')
_ID = re.compile("[0-9]{1,20}")
_INDEX = re.compile("[0-9]{1,9}", re.ASCII)
_split = msgspec.json.Decoder(list[msgspec.Raw]).decode
_split_numbered = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_any = msgspec.json.Decoder().decode


@hides_locals
def decode_list(response: ApiResponse, model: type[M], *, skip_bad: bool) -> RowBatch[M]:
    """Decode the records of a list response.

    Raises MalformedResponseError with the index of the first bad record and the path in it. With
    `skip_bad` the bad records are returned beside the others. Null, false, "" and {} are an empty
    list, and so is no list at all: whether `total` contradicts that is the caller's question.
    """
    try:
        batch = _decode_batch(response, model) or _decode_in_chunks(
            response, model, skip_bad=skip_bad
        )
    except MalformedResponseError as error:
        failure = error.with_traceback(None)
    else:
        if skip_bad or not batch.bad:
            return batch
        failure = _bad_record_error(batch.bad[0])
        del batch
    # The traceback leads to frames that hold the response: a kept error must not keep its bytes.
    response.data = response.phone_call = msgspec.Raw()
    raise failure


@hides_locals
def decode_record(data: msgspec.Raw, model: type[M], *, path: str = "$.data") -> M:
    """Decode the only record of a response; raise MalformedResponseError with the path in it."""
    _check_present(data, path)
    bad: codec.RecordError
    try:
        return codec.structure(_to_dict(data), model)
    except codec.RecordError as error:
        bad = error
    raise _record_error(bad, path)


@hides_locals
def decode_created(response: ApiResponse, model: type[M], **defaults: Any) -> list[M]:
    """Decode the records that a create returned: objects or ids, in a list or alone.

    A success with an id is a success, whatever else is missing in it: a second create would be
    the worse mistake. `defaults` are the JSON values of required fields that may be missing.
    """
    # Roistat documents two places for a call: `phoneCall` in the example, `data` in the table.
    for data, path in ((response.phone_call, "$.phoneCall"), (response.data, "$.data")):
        created = _created_objects(data)
        if created:
            return [_structure_created(record, model, path, defaults) for record in created]
    raise MalformedResponseError("the response has no record with an id", path="$.data")


def _created_objects(data: msgspec.Raw) -> list[dict[str, Any]]:
    try:
        value = _to_dict(data) if data else None
    except codec.RecordError:
        return []
    records = value if isinstance(value, list) else [value]
    objects = [{"id": item} if _is_id(item) else item for item in records]
    return [item for item in objects if isinstance(item, dict)]


def _is_id(value: Any) -> bool:
    text = _readable(coerce.to_text, value)
    return text is not None and _ID.fullmatch(text) is not None


def _structure_created(
    record: dict[str, Any], model: type[M], path: str, defaults: dict[str, Any]
) -> M:
    bad: codec.RecordError
    for values in (record, {**record, **defaults}):
        try:
            return codec.structure(values, model)
        except codec.RecordError as error:
            bad = error
    raise _record_error(bad, path)


def _record_error(bad: codec.RecordError, path: str) -> MalformedResponseError:
    return MalformedResponseError(f"{bad.problem} at {path}{bad.path}", path=path + bad.path)


@hides_locals
def decode_plain_list(data: msgspec.Raw, model: type[M]) -> list[M]:
    """Decode a list whose records have no id."""
    return [
        decode_record(record, model, path=f"$.data[{index}]")
        for index, record in enumerate(_split_records(data))
    ]


def _decode_batch(response: ApiResponse, model: type[M]) -> RowBatch[M] | None:
    if model is not Call:
        return None
    try:
        calls: list[Any] = call_decoder.decode_known(response.data)
    except DECODE_ERRORS:
        return None
    return RowBatch(calls, [call.id for call in calls], response.total)


def _decode_in_chunks(response: ApiResponse, model: type[M], *, skip_bad: bool) -> RowBatch[M]:
    """Decode a page with odd records: they cost the speed of their chunk, not of the page."""
    batch: RowBatch[M] = RowBatch([], [], response.total)
    item_counts: list[int] = []  # before each bad record
    records = _split_records(response.data)
    for start in range(0, len(records), _CHUNK):
        chunk = records[start : start + _CHUNK]
        calls = _decode_chunk(chunk, model)
        if calls is not None:
            _add_items(batch, calls)
            continue
        _decode_individually(chunk, model, batch, start, item_counts)
        if batch.bad and not skip_bad:
            break  # a million records may follow, and none of them would be returned
    if batch.bad:
        _add_neighbours(batch, item_counts)
    return batch


def _decode_chunk(chunk: list[msgspec.Raw], model: type[M]) -> list[M] | None:
    if model is not Call:
        return None
    try:
        return call_decoder.decode_page(b"[" + b",".join(chunk) + b"]")  # type: ignore[return-value]  # M is Call
    except DECODE_ERRORS:
        return None


def _add_items(batch: RowBatch[M], items: list[M]) -> None:
    batch.items.extend(items)
    batch.keys.extend(item.id for item in items)  # type: ignore[attr-defined]  # rows have ids


def _decode_individually(
    chunk: list[msgspec.Raw],
    model: type[M],
    batch: RowBatch[M],
    start: int,
    item_counts: list[int],
) -> None:
    """Add the records of a chunk to a batch, the bad ones among them too."""
    for index, record in enumerate(chunk, start):
        if len(record) == 4 and bytes(record) == b"null":
            batch.null_rows.append(index)
            continue
        try:
            _add_items(batch, [_decode_row(record, model, batch.odd)])
        except codec.RecordError as error:
            bad_id, date = _identity(record)
            batch.bad.append(BadRecord(index, error.path, error.problem, bad_id, date))
            batch.bad_keys.append(blake2b(record, digest_size=16).digest())
            item_counts.append(len(batch.items))


def _add_neighbours(batch: RowBatch[Any], item_counts: list[int]) -> None:
    dates = [None, *(getattr(item, "date", None) for item in batch.items), None]
    batch.bad[:] = [
        evolve(bad, after=dates[count], before=dates[count + 1])
        for bad, count in zip(batch.bad, item_counts, strict=True)
    ]


def _decode_row(record: msgspec.Raw, model: type[M], odd: dict[str, int]) -> M:
    """Return a record as a model; add the paths of its odd values to `odd`."""
    if model is Call:
        try:
            return call_decoder.decode_known(b"[" + bytes(record) + b"]")[0]  # type: ignore[return-value]  # M is Call
        except DECODE_ERRORS:
            pass
    item = codec.structure(_to_dict(record), model)
    for path in codec.odd_fields(item):
        odd[path] = odd.get(path, 0) + 1
    return item


def _identity(record: msgspec.Raw) -> tuple[str | None, datetime | None]:
    """Return the id and the date of a bad record, as far as they can be read."""
    try:
        values = _to_dict(record)
    except codec.RecordError:
        return None, None
    if not isinstance(values, dict):
        return None, None
    text = _readable(coerce.to_text, values.get("id"))
    record_id = text if text is not None and _ID.fullmatch(text) else None
    return record_id, _readable(coerce.to_datetime, values.get("date"))


def _readable(read: Callable[[Any], T], value: Any) -> T | None:
    try:
        return read(value)
    except ValueError:
        return None


def _split_records(data: msgspec.Raw) -> list[msgspec.Raw]:
    """Split a list, or what PHP sends in place of one: an object with numbers for keys, or none."""
    if len(data) <= 5 and bytes(data) in _EMPTY_LISTS:
        return []
    try:
        return _split(data)
    except DECODE_ERRORS:
        pass
    numbered = _split_object(data)
    if numbered is not None and all(_INDEX.fullmatch(key) for key in numbered):
        return [numbered[key] for key in sorted(numbered, key=int)]
    raise MalformedResponseError("expected a list at $.data", path="$.data")


def _split_object(data: msgspec.Raw) -> dict[str, msgspec.Raw] | None:
    try:
        return _split_numbered(data)
    except DECODE_ERRORS:
        return None


def _to_dict(record: msgspec.Raw) -> Any:
    try:
        return _decode_any(record)
    except DECODE_ERRORS:
        valid = json_repair.repair(bytes(record))
    try:
        if valid is not None:
            return _decode_any(valid)
    except DECODE_ERRORS:
        pass
    raise codec.RecordError("", "expected valid JSON in UTF-8")


def _check_present(data: msgspec.Raw, path: str) -> None:
    if not data:
        raise MalformedResponseError(f"the response has nothing at {path}", path=path)


def _bad_record_error(bad: BadRecord) -> MalformedResponseError:
    path = f"$.data[{bad.index}]{bad.path}"
    return MalformedResponseError(
        f'{bad.problem} at {path}; on_bad_record="skip" returns the other records',
        path=path,
        index=bad.index,
    )
