"""The methods on calls."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

from . import sample_data
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
_RANGE = re.compile(r"bytes=([0-9]+)-([0-9]*)", re.ASCII)


def list_calls(asked: ApiRequest) -> FakeResponse:
    """Answer call/list."""
    book, words = asked.project.calls, read_listing(asked, FIELDS, "date")
    check_period(*requested_bounds(words.wanted), asked.quirks)
    places = _ordered(book, book.matching(words.wanted), words)
    page = _page(asked.project, places, words)
    return with_total(asked, book.to_json(page, _extend(asked)), len(page), len(places))


def with_total(asked: ApiRequest, rows: bytes, count: int, matches: int) -> FakeResponse:
    """Answer rows with `total` in the form the quirk asks for."""
    forms: dict[str | None, object] = {
        "matches": matches,
        "page": count,
        "string": str(matches),
        "negative": -1,
    }
    form = asked.quirks.total
    return list_response(rows, forms.get(form), with_total=form != "absent")


def create_call(asked: ApiRequest) -> FakeResponse:
    """Answer project/phone-call."""
    names = ["name"] * asked.quirks.call_name_required + ["callee", "caller", "date"]
    missing = [name for name in names if not asked.args.get(name)]
    at = read_date(asked.args.get("date"))
    if missing or at is None:
        raise FakeApiError(
            "request_data_validation_error", f"Invalid: {', '.join(missing) or 'date'}"
        )
    row = _checked(_new_call(asked))
    kept = {name: value for name, value in row.items() if name not in _NOT_LISTED}
    row = {"id": asked.project.add_call(**kept)["id"]} | row
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


def _new_call(asked: ApiRequest) -> Row:
    given = {name: asked.args[name] for name in WRITABLE if name in asked.args}
    row: Row = {"duration": 0, "answer_duration": 0, "status": "ANSWER", "comment": None}
    row |= given
    for name in ("duration", "answer_duration"):
        row[name] = integer(row[name]) or 0
    row["waiting_time"] = max(0, row["duration"] - row["answer_duration"])
    row["link"] = row.get("link") or row.get("file_url") or ""
    row["script_name"] = None
    at = read_date(asked.args["date"]) or 0
    return row | {"date": write_date(at)}


def _checked(row: Row) -> Row:
    if row["status"] not in sample_data.ALL_STATUSES:
        raise FakeApiError("request_data_validation_error", "Invalid: status")
    for name in ("visit_id", "order_id"):
        row.setdefault(name, None)
    return row


def update_call(asked: ApiRequest) -> FakeResponse:
    """Answer call/update, which only other clients document."""
    call_id = str(asked.required("id"))
    if asked.project.calls.peek(call_id) is None:
        raise FakeApiError("resource_not_found")
    fields = {name: value for name, value in asked.args.items() if name in WRITABLE}
    asked.project.edit_call(call_id, **fields)
    return success()


def delete_calls(asked: ApiRequest) -> FakeResponse:
    """Answer call/delete, which only one other client documents."""
    ids = asked.required("ids")
    wanted = [str(one) for one in ids] if isinstance(ids, list) else [str(ids)]
    if any(asked.project.calls.peek(one) is None for one in wanted):
        raise FakeApiError("resource_not_found")
    for one in wanted:
        asked.project.delete_call(one)
    return success()


def download(asked: ApiRequest) -> FakeResponse:
    """Answer call/{id}/file: the bytes, or nothing at all when there is no recording."""
    call_id, quirks = str(asked.args["call_id"]), asked.quirks
    known = asked.project.calls.peek(call_id) is not None
    body = asked.project.recordings.get(call_id, b"")
    if not known and not body:
        raise FakeApiError("resource_not_found")
    whole = FakeResponse(body, 200, quirks.recording_type, chunked=quirks.recording_chunked)
    return _ranged(asked, whole) if quirks.recording_ranges and body else whole


def _ranged(asked: ApiRequest, whole: FakeResponse) -> FakeResponse:
    etag = f'"{hashlib.sha256(whole.body).hexdigest()[:32]}"'
    marks = {"Accept-Ranges": "bytes", "ETag": etag}
    size, sought = len(whole.body), _RANGE.fullmatch(asked.headers.get("Range", ""))
    # RFC 9110 gives Range a meaning for GET only; a stale If-Range asks for the whole.
    if asked.method != "GET" or not sought or asked.headers.get("If-Range", etag) != etag:
        return FakeResponse(whole.body, 200, whole.content_type, marks, whole.chunked)
    first, last = int(sought[1]), min(int(sought[2] or size - 1), size - 1)
    if first >= size or last < first:
        return FakeResponse(
            b"", 416, whole.content_type, marks | {"Content-Range": f"bytes */{size}"}
        )
    marks["Content-Range"] = f"bytes {first}-{last}/{size}"
    return FakeResponse(whole.body[first : last + 1], 206, whole.content_type, marks, whole.chunked)


def _extend(asked: ApiRequest) -> frozenset[str]:
    extend = asked.args.get("extend") or []
    return frozenset(one for one in extend if isinstance(one, str))


def _ordered(book: CallStore, places: Sequence[int], words: ListArguments) -> Sequence[int]:
    if words.sort == "date":
        return places[::-1] if words.descending else places
    reader, name = book.value_at, words.sort
    return sorted(
        places, key=lambda place: sort_key(reader(place, name), name), reverse=words.descending
    )


def _page(project: FakeProject, places: Sequence[int], words: ListArguments) -> Sequence[int]:
    start = min(words.offset, len(places))
    end = len(places) if words.limit is None else min(start + words.limit, len(places))
    if start == end or project.quirks.ties == "stable" or words.sort != "date":
        return places[start:end]
    first, last = _whole_seconds(project.calls, places, start, end)
    return _shuffled(project, places[first:last], words)[start - first : end - first]


def _whole_seconds(
    book: CallStore, places: Sequence[int], first: int, last: int
) -> tuple[int, int]:
    date_at = book.date_at
    while first > 0 and date_at(places[first - 1]) == date_at(places[first]):
        first -= 1
    while last < len(places) and date_at(places[last - 1]) == date_at(places[last]):
        last += 1
    return first, last


def _shuffled(project: FakeProject, places: Sequence[int], words: ListArguments) -> Sequence[int]:
    mixed = list(places)
    project.random.shuffle(mixed)
    # The sort is stable, so calls of one second stay in the order drawn.
    return sorted(mixed, key=project.calls.date_at, reverse=words.descending)
