"""The methods on calls."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

from . import call_variants, sample_data
from .api_errors import FakeApiError
from .api_request import (
    ApiRequest,
    ListArguments,
    check_period,
    integer,
    read_listing,
    sort_key,
)
from .call_store import CallStore
from .dates import read_date, write_date
from .filters import requested_bounds
from .project import FakeProject
from .responses import (
    FakeResponse,
    Row,
    list_response,
    success,
)

FIELDS = frozenset(
    {
        "id",
        "date",
        "callee",
        "caller",
        "duration",
        "waiting_time",
        "answer_duration",
        "status",
        "link",
        "visit_id",
        "order_id",
        "comment",
        "script_name",
    }
)
# phone-call and call/update take these as they are; file_url and the client ids were seen in use.
WRITABLE = frozenset(
    {
        "callee",
        "caller",
        "duration",
        "answer_duration",
        "status",
        "visit_id",
        "order_id",
        "comment",
        "marker",
        "link",
        "google_client_id",
        "yandex_client_id",
        "file_url",
    }
)
_RANGE = re.compile(r"bytes=([0-9]*)-([0-9]*)", re.ASCII)


def list_calls(request: ApiRequest) -> FakeResponse:
    """Answer call/list."""
    book, arguments = request.project.calls, read_listing(request, FIELDS, "date")
    check_period(*requested_bounds(arguments.criteria), request.quirks)
    indexes = _ordered(book, book.matching(arguments.criteria), arguments)
    page = _page(request.project, indexes, arguments)
    rows = call_variants.apply(book.to_json(page, _extend(request)), request.quirks)
    return with_total(request, rows, len(page), len(indexes))


def with_total(request: ApiRequest, rows: bytes, count: int, matches: int) -> FakeResponse:
    """Answer rows with `total` in the form the quirk asks for."""
    forms: dict[str | None, object] = {
        "matches": matches,
        "page": count,
        "string": str(matches),
        "negative": -1,
    }
    form = request.quirks.total
    return list_response(rows, forms.get(form), with_total=form != "absent")


def create_call(request: ApiRequest) -> FakeResponse:
    """Answer project/phone-call."""
    names = ["name"] * request.quirks.call_name_required + ["callee", "caller", "date"]
    missing = [name for name in names if not request.args.get(name)]
    at = read_date(request.args.get("date"))
    if missing or at is None:
        raise FakeApiError(
            "request_data_validation_error", f"Invalid: {', '.join(missing) or 'date'}"
        )
    row = _checked(_new_call(request))
    stored = {name: value for name, value in row.items() if name not in _NOT_LISTED}
    row = {"id": request.project.add_call(**stored)["id"]} | row
    return success(phoneCall={name: row.get(name) for name in _ANSWERED})


# `marker` and the client ids belong to webhooks; nobody saw them on call/list.
_NOT_LISTED = frozenset({"marker", "google_client_id", "yandex_client_id", "file_url"})
_ANSWERED = [
    "id",
    "callee",
    "caller",
    "visit_id",
    "marker",
    "order_id",
    "duration",
    "status",
    "google_client_id",
    "date",
    "comment",
    "answer_duration",
]


def _new_call(request: ApiRequest) -> Row:
    sent = {name: request.args[name] for name in WRITABLE if name in request.args}
    row: Row = {"duration": 0, "answer_duration": 0, "status": "ANSWER", "comment": None}
    row |= sent
    for name in ("duration", "answer_duration"):
        row[name] = integer(row[name]) or 0
    row["waiting_time"] = max(0, row["duration"] - row["answer_duration"])
    row["link"] = row.get("link") or row.get("file_url") or ""
    row["script_name"] = None
    at = read_date(request.args["date"]) or 0
    return row | {"date": write_date(at)}


def _checked(row: Row) -> Row:
    if row["status"] not in sample_data.ALL_STATUSES:
        raise FakeApiError("request_data_validation_error", "Invalid: status")
    for name in ("visit_id", "order_id"):
        row.setdefault(name, None)
    return row


def update_call(request: ApiRequest) -> FakeResponse:
    """Answer call/update, which only other clients document."""
    call_id = str(request.required("id"))
    if request.project.calls.peek(call_id) is None:
        raise FakeApiError("resource_not_found")
    fields = {name: value for name, value in request.args.items() if name in WRITABLE}
    request.project.edit_call(call_id, **fields)
    return success()


def delete_calls(request: ApiRequest) -> FakeResponse:
    """Answer call/delete, which only one other client documents."""
    ids = request.required("ids")
    call_ids = [str(call_id) for call_id in ids] if isinstance(ids, list) else [str(ids)]
    if any(request.project.calls.peek(call_id) is None for call_id in call_ids):
        raise FakeApiError("resource_not_found")
    for call_id in call_ids:
        request.project.delete_call(call_id)
    return success()


def download(request: ApiRequest) -> FakeResponse:
    """Answer call/{id}/file: the bytes, or nothing at all when there is no recording."""
    call_id, quirks = str(request.args["call_id"]), request.quirks
    known = request.project.calls.peek(call_id) is not None
    body = request.project.recordings.get(call_id, b"")
    if not known and not body:
        raise FakeApiError("resource_not_found")
    whole = FakeResponse(body, 200, quirks.recording_type, chunked=quirks.recording_chunked)
    return _ranged(request, whole) if quirks.recording_ranges and body else whole


def _ranged(request: ApiRequest, whole: FakeResponse) -> FakeResponse:
    etag = f'"{hashlib.sha256(whole.body).hexdigest()[:32]}"'
    headers = {"Accept-Ranges": "bytes", "ETag": etag}
    size, sought = len(whole.body), _RANGE.fullmatch(request.headers.get("Range", ""))
    sought = sought if sought and any(sought.groups()) else None
    # RFC 9110 gives Range a meaning for GET only; a stale If-Range asks for the whole.
    if request.method != "GET" or not sought or request.headers.get("If-Range", etag) != etag:
        return FakeResponse(whole.body, 200, whole.content_type, headers, whole.chunked)
    first, last = _offsets(sought[1], sought[2], size)
    if first >= size or last < first:
        return FakeResponse(
            b"", 416, whole.content_type, headers | {"Content-Range": f"bytes */{size}"}
        )
    headers["Content-Range"] = f"bytes {first}-{last}/{size}"
    return FakeResponse(
        whole.body[first : last + 1], 206, whole.content_type, headers, whole.chunked
    )


def _offsets(first: str, last: str, size: int) -> tuple[int, int]:
    """Return the first and the last offset of a range; without a first one it is the end."""
    if not first:
        return max(0, size - int(last)), size - 1
    return int(first), min(int(last or size - 1), size - 1)


def _extend(request: ApiRequest) -> frozenset[str]:
    extend = request.args.get("extend") or []
    return frozenset(part for part in extend if isinstance(part, str))


def _ordered(book: CallStore, indexes: Sequence[int], arguments: ListArguments) -> Sequence[int]:
    if arguments.sort == "date":
        return indexes[::-1] if arguments.descending else indexes
    reader, name = book.value_at, arguments.sort
    return sorted(
        indexes, key=lambda index: sort_key(reader(index, name), name), reverse=arguments.descending
    )


def _page(project: FakeProject, indexes: Sequence[int], arguments: ListArguments) -> Sequence[int]:
    start = min(arguments.offset, len(indexes))
    end = len(indexes) if arguments.limit is None else min(start + arguments.limit, len(indexes))
    if start == end or project.quirks.ties == "stable" or arguments.sort != "date":
        return indexes[start:end]
    first, last = _whole_seconds(project.calls, indexes, start, end)
    return _shuffled(project, indexes[first:last], arguments)[start - first : end - first]


def _whole_seconds(
    book: CallStore, indexes: Sequence[int], first: int, last: int
) -> tuple[int, int]:
    date_at = book.date_at
    while first > 0 and date_at(indexes[first - 1]) == date_at(indexes[first]):
        first -= 1
    while last < len(indexes) and date_at(indexes[last - 1]) == date_at(indexes[last]):
        last += 1
    return first, last


def _shuffled(
    project: FakeProject, indexes: Sequence[int], arguments: ListArguments
) -> Sequence[int]:
    mixed = list(indexes)
    project.random.shuffle(mixed)
    # The sort is stable, so calls of one second stay in the order drawn.
    return sorted(mixed, key=project.calls.date_at, reverse=arguments.descending)
