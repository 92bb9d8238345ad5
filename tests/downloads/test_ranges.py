"""Ranges of a recording, from a server that knows ranges and from servers that do not."""

from __future__ import annotations

from typing import Any

import pytest

from roistat_async import Body, errors
from roistat_async.downloads import open_body
from tests.downloads.conftest import Recording
from tests.downloads.range_server import (
    AUDIO,
    CHUNKED,
    ETAG,
    OTHER_AUDIO,
    OTHER_ETAG,
    RECEIVED,
    REST,
    TOTAL,
    audio,
    chunk,
    chunked,
    cut,
    header,
    partial,
    ranges_of,
    read,
    unsatisfied,
    whole,
)
from tests.helpers.clients import client
from tests.helpers.fault_server import sends
from tests.helpers.raw_server import Handler, RawServer, answer, per_connection


async def _open(
    *handlers: Handler, start: int | None = RECEIVED, **options: Any
) -> tuple[Body, bytes, list[bytes]]:
    """Open a range of a recording; return the body, its bytes and the requests."""
    async with (
        RawServer(per_connection(*handlers)) as server,
        client(server.base_url) as roistat,
        roistat.calls.recording(7, start=start, **options) as body,
    ):
        return body, await read(body), server.requests


SLICES = [
    (0, None), (0, 1), (0, 2), (1, None), (4096, 4097), (5000, 9000), (-1, None), (-7000, None),
    (None, 100), (5000, 10**9), (-(10**9), None),
]  # fmt: skip


@pytest.mark.parametrize("is_chunked", [False, True], ids=["length", "no length"])
@pytest.mark.parametrize("has_ranges", [True, False], ids=["ranges", "no ranges"])
async def test_d120_d121_a_range_is_that_slice_of_the_recording(
    has_ranges: bool, is_chunked: bool, recording: Recording
) -> None:
    """Whatever the server does with ranges, the body is that slice, and states it when it opens.

    A range without any byte raises an error with the size, before a body is given.
    """
    quirks, calls, total = recording.fake.quirks, recording.roistat.calls, len(recording.body)
    quirks.recording_ranges, quirks.recording_chunked = has_ranges, is_chunked
    for start, end in SLICES:
        offsets = range(total)[start:end]
        async with calls.recording(recording.call_id, start=start, end=end) as body:
            if (start, end) != (0, None):
                assert (body.length, body.total, body.start) == (len(offsets), total, offsets[0])
                assert body.content_range == f"bytes {offsets[0]}-{offsets[-1]}/{total}"
                assert body.status == 206
            assert await read(body) == recording.body[start:end]
    for start in (total, total + 1):
        with pytest.raises(errors.RangeNotSatisfiableError) as caught:
            async with calls.recording(recording.call_id, start=start):
                pass
        assert caught.value.total == total


async def test_a_server_with_ranges_sends_only_the_range() -> None:
    """The request names the range, and nothing before it is sent."""
    content_range = f"bytes 100000-100049/{TOTAL}"
    handler = partial(ETAG, body=AUDIO[: RECEIVED + 50], content_range=content_range)
    body, received, requests = await _open(handler, end=RECEIVED + 50)
    assert received == AUDIO[RECEIVED : RECEIVED + 50]
    assert ranges_of(requests) == ["bytes=100000-100049"]
    assert requests[0].startswith(b"GET ")
    sizes = {"Content-Length": "50", "Content-Range": content_range, "Accept-Ranges": "bytes"}
    assert body.headers == sizes | {"Content-Type": "audio/mpeg", "ETag": '"one"'}


async def test_all_bytes_are_requested_without_a_range() -> None:
    """A range from the first byte on is checked as a whole recording, and described as a range."""
    body, received, requests = await _open(whole(ETAG), start=0)
    assert (received, ranges_of(requests)) == (AUDIO, [None])
    assert body.content_range == f"bytes 0-{TOTAL - 1}/{TOTAL}"


async def test_a_whole_body_has_the_headers_of_a_whole_response() -> None:
    """Without a range status, size, type and ETag are those of the uncompressed file."""
    body, received, requests = await _open(whole(ETAG), start=None)
    assert (body.status, body.length, body.total, body.start) == (200, TOTAL, TOTAL, 0)
    headers = {"Content-Type": "audio/mpeg", "Content-Length": str(TOTAL)}
    assert body.headers == headers | {"Accept-Ranges": "bytes", "ETag": '"one"'}
    assert received == AUDIO
    assert header(requests[0], "Accept-Encoding") == "identity"  # a cut gzip can look whole


@pytest.mark.parametrize("start", [None, 0])
async def test_a_whole_body_of_unknown_size_promises_nothing(start: int | None) -> None:
    """Without a size there is neither Content-Length nor Accept-Ranges nor Content-Range."""
    body, received, _ = await _open(chunked(AUDIO), start=start)
    assert (received, body.headers) == (AUDIO, {"Content-Type": "audio/mpeg"})
    assert (body.status, body.length, body.total) == (200, None, None)


@pytest.mark.parametrize("etag", ['W/"one"', "one", '"' + "a" * 300 + '"'])
async def test_an_etag_that_proves_nothing_is_not_passed_on(etag: str) -> None:
    """A weak or malformed ETag of Roistat is no ETag of the body."""
    body, _, _ = await _open(whole(f"ETag: {etag}"))
    assert body.etag is None


CHANGED = whole(OTHER_ETAG, body=OTHER_AUDIO)
FROM = f"bytes={RECEIVED}-"


@pytest.mark.parametrize(
    ("handlers", "ranges"),
    [
        ([CHANGED], [FROM]),
        ([whole(body=OTHER_AUDIO)], [FROM]),
        ([chunked(OTHER_AUDIO)], [FROM]),
        ([partial(OTHER_ETAG, body=OTHER_AUDIO), CHANGED], [FROM, None]),
    ],
    ids=["another ETag", "no ETag", "no size", "no If-Range"],
)
async def test_d122_a_recording_that_changed_is_sent_whole(
    handlers: list[Handler], ranges: list[str | None]
) -> None:
    """With `if_range` a recording that is not provably the same is returned whole, as a 200."""
    body, received, requests = await _open(*handlers, if_range='"one"')
    assert (body.status, received) == (200, OTHER_AUDIO)
    assert (body.start, body.content_range) == (0, None)
    assert (header(requests[0], "If-Range"), ranges_of(requests)) == ('"one"', ranges)


@pytest.mark.parametrize("handler", [whole(ETAG), partial(ETAG)], ids=["no ranges", "ranges"])
async def test_an_unchanged_recording_is_a_range(handler: Handler) -> None:
    """With the `if_range` of the same version, the range is returned."""
    body, received, _ = await _open(handler, if_range='"one"')
    assert (body.status, received) == (206, AUDIO[RECEIVED:])


@pytest.mark.parametrize("if_range", ['W/"one"', "Sat, 28 Nov 2026 12:00:00 GMT", '"a\r\nb"', ""])
async def test_d123_an_if_range_that_proves_nothing_is_never_sent(if_range: str) -> None:
    """A weak ETag, a date or a header of an attacker is answered by the whole recording."""
    body, received, requests = await _open(whole(ETAG), if_range=if_range)
    assert (body.status, received) == (200, AUDIO)
    assert header(requests[0], "If-Range") is None


@pytest.mark.parametrize(
    "handler",
    [
        partial(content_range=f"bytes 99999-{TOTAL - 1}/{TOTAL}"),
        partial(content_range=f"bytes {RECEIVED}-{TOTAL - 2}/{TOTAL}"),
        partial(content_range=f"bytes {RECEIVED}-{RECEIVED - 1}/{TOTAL}"),
        partial(content_range=f"bytes {RECEIVED}-{TOTAL - 1}/*"),
        partial(start=TOTAL, content_range="bytes 50-49/50"),
        *(partial(content_range=None), partial(body=AUDIO[:-1])),
        partial("Content-Encoding: gzip"),
        partial(kind="multipart/byteranges; boundary=x"),
        *(unsatisfied(text) for text in (f"bytes */{TOTAL}", "bytes */*", "bytes */0")),
    ],
)
async def test_d124_a_response_that_proves_no_range_is_dropped(handler: Handler) -> None:
    """A 206 or 416 that is not about the wanted range costs a second request, for all bytes."""
    body, received, requests = await _open(handler, whole())
    assert (received, ranges_of(requests)) == (AUDIO[RECEIVED:], [FROM, None])
    assert body.content_range == f"bytes {RECEIVED}-{TOTAL - 1}/{TOTAL}"


DENIED = answer(b'{"status": "error", "error": "resource_not_found"}')
SHORT = chunked(AUDIO[RECEIVED:-1], REST, status="206 Partial Content")
CUT_CHUNK = sends(audio(chunk(AUDIO[:-5], TOTAL), framing=CHUNKED))
REFUSED = {
    "D125 a short range": (SHORT, errors.TruncatedError),
    "D125 inside the range": (cut(size=RECEIVED + 5000), errors.TruncatedError),
    "D125 before the range": (cut(size=RECEIVED - 5000), errors.TruncatedError),
    "D125 in chunks": (CUT_CHUNK, errors.TruncatedError),
    "D126 nothing": (whole(body=b""), errors.NoRecordingError),
    "D126 a web page": (whole(body=b"<html></html>"), errors.ContentError),
    "D126 an error": (sends(DENIED), errors.NotFoundError),
}


@pytest.mark.parametrize(("handler", "error"), REFUSED.values(), ids=REFUSED)
async def test_what_is_no_range_is_refused(
    handler: Handler, error: type[errors.RoistatError]
) -> None:
    """A range that breaks off is a TruncatedError; other content raises the error of a whole."""
    with pytest.raises(error):
        await _open(handler)


async def test_the_bytes_around_a_range_are_dropped_as_they_arrive() -> None:
    """A range in a long recording ends with its last byte, not with that of the recording."""
    _, received, _ = await _open(cut(size=RECEIVED + 10), end=RECEIVED + 10)
    assert received == AUDIO[RECEIVED : RECEIVED + 10]


@pytest.mark.parametrize(
    ("start", "end"),
    [(5, 5), (5, 4), (-5, 3), (-5, -2), (0, 0), (0, -1), (True, None), (1.5, None), ("1", None)],
)
async def test_impossible_ranges_are_refused(start: Any, end: int | None) -> None:
    """A range that cannot hold a byte, or is no number, is refused before any request."""
    with pytest.raises(errors.ConfigurationError, match="start"):
        client("http://127.0.0.1:9").calls.recording(7, start=start, end=end)


async def test_d130_a_recording_without_a_size_does_not_fill_the_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A range of a recording without a size that goes on and on is refused."""
    monkeypatch.setattr(open_body, "MAX_BUFFERED", TOTAL - 1)
    with pytest.raises(errors.ContentError, match="open it without start and end"):
        await _open(sends(audio(chunk(AUDIO, TOTAL + 5), framing=CHUNKED)))


async def test_a_dropped_range_leaves_no_connection() -> None:
    """The rest of a range that is not the requested one is not waited for."""
    begun = answer(AUDIO, "Content-Range: bytes 0-9/10", status="206 Partial Content")[:5000]
    handlers = per_connection(sends(begun, end="wait"), whole())
    async with RawServer(handlers) as server, client(server.base_url) as roistat:
        async with roistat.calls.recording(7, start=RECEIVED) as body:
            assert await read(body) == AUDIO[RECEIVED:]
        await server.emptied()
