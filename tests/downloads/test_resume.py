"""Tests that an interrupted download resumes only where the file is proved to be the same."""

from __future__ import annotations

import asyncio
import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from roistat_async import Limits, Period, Roistat, Timeouts, errors
from roistat_async.models.downloads import Download
from roistat_async.testing import FakeRoistat, Fault, mp3, xls
from tests.downloads.cancelling import cancel_after
from tests.downloads.range_server import (
    AUDIO,
    ETAG,
    OTHER_AUDIO,
    OTHER_ETAG,
    RECEIVED,
    TOTAL,
    cut,
    download,
    failing_download,
    header,
    partial,
    ranges_of,
    sends,
    unsatisfied,
    whole,
)
from tests.helpers.clients import client
from tests.helpers.raw_server import Connection, Handler, RawServer, answer, per_connection

FILE = "call/*/file"
CHUNKED = "Transfer-Encoding: chunked"


def check(saved: Download, body: bytes, *, resumed: bool) -> None:
    """Check that a download saved exactly this file, and left nothing beside it."""
    assert saved.path.read_bytes() == body
    assert (saved.size, saved.sha256) == (len(body), hashlib.sha256(body).hexdigest())
    assert saved.resumed is resumed
    assert os.listdir(saved.path.parent) == [saved.path.name]


async def test_d7_rest_is_requested_by_get(tmp_path: Path) -> None:
    """The rest is requested by GET with Range and If-Range, uncompressed."""
    saved, (first, second) = await download(tmp_path, cut(ETAG), partial(ETAG))
    check(saved, AUDIO, resumed=True)
    assert (first[:5], header(first, "Range")) == (b"POST ", None)
    assert (second[:4], header(second, "Range")) == (b"GET ", f"bytes={RECEIVED}-")
    assert header(second, "If-Range") == '"one"'
    assert header(second, "Accept-Encoding") == "identity"


async def test_d7_export_is_not_resumed(tmp_path: Path) -> None:
    """An export starts again, because its period stands in a body and GET has none."""
    sheet = xls.workbook([["x" * 90]] * 50)
    handlers = cut(ETAG, body=sheet, size=5000), whole(ETAG, body=sheet)
    async with (
        RawServer(per_connection(*handlers)) as server,
        client(server.base_url, attempts=2) as roistat,
    ):
        saved = await roistat.calls.export_xls(Period.last(days=30), to=tmp_path / "a.xls")
    check(saved, sheet, resumed=False)
    assert [request[:5] for request in server.requests] == [b"POST "] * 2
    assert ranges_of(server.requests) == [None, None]


async def test_d8_server_without_ranges(tmp_path: Path) -> None:
    """A server that sends everything makes the file start again from its first byte."""
    saved, _ = await download(tmp_path, cut(ETAG), whole(ETAG))
    check(saved, AUDIO, resumed=False)


async def test_d9_changed_file_starts_again(tmp_path: Path) -> None:
    """If the file changed, the new one is saved and no byte of the old one stays."""
    saved, _ = await download(tmp_path, cut(ETAG), whole(OTHER_ETAG, body=OTHER_AUDIO))
    check(saved, OTHER_AUDIO, resumed=False)


WEAK = [[], ['ETag: W/"one"'], ["ETag: one"], ['ETag: "o ne"'], ['ETag: ""'], ['ETag: "é"']]


@pytest.mark.parametrize("headers", WEAK, ids=str)
async def test_d9_without_a_strong_etag_it_starts_again(headers: list[str], tmp_path: Path) -> None:
    """A missing, weak or malformed ETag proves nothing."""
    saved, requests = await download(tmp_path, cut(*headers), whole())
    check(saved, AUDIO, resumed=False)
    assert ranges_of(requests) == [None, None]
    assert requests[1].startswith(b"POST ")


WRONG_SIZES = {
    "smaller": unsatisfied(f"bytes */{RECEIVED - 1}"),
    "larger": unsatisfied(f"bytes */{TOTAL}"),
    "equal, but the announced size was another": unsatisfied(f"bytes */{RECEIVED}", ETAG),
    "another file": unsatisfied(f"bytes */{RECEIVED}", OTHER_ETAG),
    "garbage": unsatisfied("bytes */*"),
}
_START = RECEIVED - 1
WRONG_RANGES = {
    "from the start": partial(start=0, content_range=f"bytes 0-{TOTAL - 1}/{TOTAL}"),
    "from a little before": partial(
        start=_START, content_range=f"bytes {_START}-{TOTAL - 1}/{TOTAL}"
    ),
    "of a longer file": partial(content_range=f"bytes {RECEIVED}-{TOTAL - 1}/{TOTAL + 1}"),
    "of an unknown size": partial(content_range=f"bytes {RECEIVED}-{TOTAL - 1}/*"),
    "end before start": partial(content_range=f"bytes {RECEIVED}-{RECEIVED - 1}/{TOTAL}"),
    "end behind the file": partial(content_range=f"bytes {RECEIVED}-{TOTAL}/{TOTAL}"),
    "of another length": partial(content_range=f"bytes {RECEIVED}-{TOTAL - 2}/{TOTAL}"),
    "no range": partial(content_range=None),
    "garbage": partial(content_range="bytes a-b/c"),
    "another unit": partial(content_range=f"items {RECEIVED}-{TOTAL - 1}/{TOTAL}"),
    "of another file": partial(OTHER_ETAG),
    "weak ETag": partial('ETag: W/"one"'),
    "several ranges": partial(ETAG, kind="multipart/byteranges; boundary=x"),
    "several ranges, none stated": partial(
        content_range=None, kind="multipart/byteranges; boundary=x"
    ),
    "encoded": partial(ETAG, "Content-Encoding: gzip"),
}
wrong = pytest.mark.parametrize(
    "rest",
    [*WRONG_RANGES.values(), *WRONG_SIZES.values()],
    ids=[*(f"206 {name}" for name in WRONG_RANGES), *(f"416 {name}" for name in WRONG_SIZES)],
)


@wrong
@pytest.mark.parametrize("attempts", [2, 3])
async def test_d10_d11_d12_wrong_rest_starts_again(
    rest: Handler, attempts: int, tmp_path: Path
) -> None:
    """A wrong response is discarded, and one more request brings the current file."""
    current = whole(OTHER_ETAG, body=OTHER_AUDIO)
    saved, requests = await download(tmp_path, cut(ETAG), rest, current, attempts=attempts)
    check(saved, OTHER_AUDIO, resumed=False)
    assert ranges_of(requests) == [None, f"bytes={RECEIVED}-", None]


@wrong
async def test_d10_rest_that_stays_wrong(rest: Handler, tmp_path: Path) -> None:
    """After one more start with the same result ChangedError is raised, and the old file stays."""
    (tmp_path / "a.mp3").write_bytes(b"old")
    handlers = cut(ETAG), rest, cut(ETAG), rest
    error, requests = await failing_download(tmp_path, *handlers, attempts=9)
    assert isinstance(error, errors.ChangedError)
    assert error.path == tmp_path / "a.mp3"
    assert len(requests) == 4
    assert os.listdir(tmp_path) == ["a.mp3"]
    assert (tmp_path / "a.mp3").read_bytes() == b"old"


async def test_d10_wrong_rest_costs_no_attempt(tmp_path: Path) -> None:
    """The new start after a wrong response has the attempts that were left."""
    scripts = cut(ETAG), partial(OTHER_ETAG), cut(), whole()
    saved, requests = await download(tmp_path, *scripts, attempts=3)
    check(saved, AUDIO, resumed=False)
    assert len(requests) == 4


async def test_d10_rest_that_is_too_long(tmp_path: Path) -> None:
    """A chunked rest with more bytes than its range is discarded, and the file starts again."""
    head = answer(
        b"",
        ETAG,
        f"Content-Range: bytes {RECEIVED}-{TOTAL - 1}/{TOTAL}",
        status="206 Partial Content",
        framing=CHUNKED,
    )
    body = AUDIO[RECEIVED:] + b"more"
    too_long = sends(head + f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n")
    saved, requests = await download(tmp_path, cut(ETAG), too_long, whole())
    check(saved, AUDIO, resumed=False)
    assert ranges_of(requests) == [None, f"bytes={RECEIVED}-", None]


def unfinished_chunk(*headers: str, body: bytes = AUDIO) -> Handler:
    """Send a body in one chunk, without the last chunk."""
    head = answer(b"", *headers, kind="audio/mpeg", framing=CHUNKED)
    return sends(head + f"{len(body):x}\r\n".encode() + body + b"\r\n")


async def test_d11_416_for_a_complete_file(tmp_path: Path) -> None:
    """Status 416 completes a file of which only the end of the body was missing."""
    handlers = unfinished_chunk(ETAG), unsatisfied(f"bytes */{TOTAL}", ETAG)
    saved, requests = await download(tmp_path, *handlers)
    check(saved, AUDIO, resumed=True)
    assert ranges_of(requests) == [None, f"bytes={TOTAL}-"]


async def test_d11_416_for_a_truncated_file(tmp_path: Path) -> None:
    """Status 416 does not make a file with a cut frame complete."""
    half = AUDIO[: RECEIVED - 50]
    handlers = unfinished_chunk(ETAG, body=half), unsatisfied(f"bytes */{len(half)}", ETAG)
    saved, requests = await download(tmp_path, *handlers, whole(ETAG))
    check(saved, AUDIO, resumed=False)
    assert ranges_of(requests) == [None, f"bytes={len(half)}-", None]


async def test_error_in_place_of_the_rest_is_raised(tmp_path: Path) -> None:
    """A JSON error with status 200 in place of the rest is that error."""
    denied = answer(b'{"status": "error", "error": "access_denied"}', kind="audio/mpeg")
    error, _ = await failing_download(tmp_path, cut(ETAG), sends(denied))
    assert isinstance(error, errors.AccessDeniedError)
    assert os.listdir(tmp_path) == []


UNAVAILABLE = sends(answer(b"oops", status="503 No", kind="text/html"))
UNFRAMED = sends(
    answer(
        AUDIO[RECEIVED:],
        f"Content-Range: bytes {RECEIVED}-{TOTAL - 1}/{TOTAL}",
        status="206 Partial Content",
        framing="",
    )
)
NO_LOSS = {
    "503": UNAVAILABLE,
    "206 without framing": UNFRAMED,
    "200 cut in its first bytes": cut(ETAG, size=9),
}


@pytest.mark.parametrize("failed", NO_LOSS.values(), ids=NO_LOSS)
async def test_failed_request_for_the_rest_loses_nothing(failed: Handler, tmp_path: Path) -> None:
    """The bytes so far stay, and the same rest is requested again."""
    saved, requests = await download(tmp_path, cut(ETAG), failed, partial(ETAG))
    check(saved, AUDIO, resumed=True)
    assert ranges_of(requests) == [None, *[f"bytes={RECEIVED}-"] * 2]


async def test_rest_may_come_in_several_parts(tmp_path: Path) -> None:
    """A rest that is cut, or smaller than requested, is resumed in turn."""
    middle, late = RECEIVED + 10_000, TOTAL - 1000
    small = partial(body=AUDIO[:middle], content_range=f"bytes {RECEIVED}-{middle - 1}/{TOTAL}")
    body, content_range = AUDIO[middle:], f"Content-Range: bytes {middle}-{TOTAL - 1}/{TOTAL}"
    broken = sends(answer(body, content_range, status="206 Partial Content")[:-1000])
    last = partial(start=late, content_range=f"bytes {late}-{TOTAL - 1}/{TOTAL}")
    saved, requests = await download(tmp_path, cut(ETAG), small, broken, last, attempts=4)
    check(saved, AUDIO, resumed=True)
    assert ranges_of(requests)[2:] == [f"bytes={middle}-", f"bytes={late}-"]


async def test_attempts_are_limited(tmp_path: Path) -> None:
    """A rest that never ends uses up the attempts of a body."""
    starts = [RECEIVED, RECEIVED + 9]
    parts = [
        partial(body=AUDIO[: at + 9], start=at, content_range=f"bytes {at}-{at + 8}/{TOTAL}")
        for at in starts
    ]
    error, requests = await failing_download(tmp_path, cut(ETAG), *parts)
    assert isinstance(error, errors.TruncatedError)
    assert str(TOTAL) in str(error)
    assert (len(requests), os.listdir(tmp_path)) == (3, [])


async def test_cut_in_the_first_bytes_starts_again(tmp_path: Path) -> None:
    """Bytes that were not recognised as audio are not kept."""
    saved, requests = await download(tmp_path, cut(ETAG, size=100), whole(ETAG))
    check(saved, AUDIO, resumed=False)
    assert ranges_of(requests) == [None, None]


async def test_progress_shows_discarded_bytes(tmp_path: Path) -> None:
    """Progress only grows while a download resumes, and falls back where it starts again."""
    steps: list[tuple[int, int | None]] = []

    def progress(size: int, total: int | None) -> None:
        steps.append((size, total))

    await download(tmp_path, cut(ETAG), partial(ETAG), progress=progress)
    sizes = [size for size, _ in steps]
    assert sizes == sorted(set(sizes))
    assert {total for _, total in steps} == {TOTAL}
    assert sizes[-1] == TOTAL
    steps.clear()
    await download(tmp_path, cut(size=TOTAL - 10), whole(), progress=progress)
    sizes = [size for size, _ in steps]
    assert sizes != sorted(sizes)
    assert steps[-1] == (TOTAL, TOTAL)


async def send_rest(connection: Connection) -> None:
    """Send what the request's Range names."""
    start = int((header(await connection.request(), "Range") or "")[6:-1])
    content_range = f"Content-Range: bytes {start}-{TOTAL - 1}/{TOTAL}"
    await connection.send(answer(AUDIO[start:], content_range, ETAG, status="206 Partial Content"))


async def test_silence_is_resumed(tmp_path: Path) -> None:
    """A body that stops arriving is resumed like one that breaks off."""

    async def stall(connection: Connection) -> None:
        await connection.request()
        await connection.send(answer(AUDIO, ETAG, kind="audio/mpeg")[:-50_000])
        await connection.closed()

    async with RawServer(per_connection(stall, send_rest)) as server:
        quick = Timeouts(connect=5, response=5, read=0.1)
        async with client(server.base_url, attempts=2, timeouts=quick) as roistat:
            saved = await roistat.calls.download_recording(7, to=tmp_path / "a.mp3")
    check(saved, AUDIO, resumed=True)


@pytest.mark.parametrize("mebibytes", [1, 7])
async def test_large_file_is_resumed(
    mebibytes: int, fake: FakeRoistat, roistat: Roistat, recorded: list[str], tmp_path: Path
) -> None:
    """Two cuts cost two more requests, and no received byte is requested again."""
    fake.quirks.recording_ranges = True
    body = fake.state.recordings[recorded[0]] = mp3.recording("7", 262 * mebibytes)
    fake.fail(FILE, Fault.truncated(len(body) // 3), times=2)
    saved = await roistat.calls.download_recording(recorded[0], to=tmp_path / "a.mp3")
    check(saved, body, resumed=True)
    starts = [int(seen.headers.get("Range", "bytes=0-")[6:-1]) for seen in fake.requests]
    assert starts == sorted(set(starts))  # bytes in the buffers of a cut connection may be lost
    assert 0 < starts[2] <= len(body) // 3 * 2
    assert len({seen.port for seen in fake.requests}) == 3


async def test_d9_file_that_changes_during_the_download(
    fake: FakeRoistat, roistat: Roistat, recorded: list[str], tmp_path: Path
) -> None:
    """The new file is saved, and no byte of the old one."""
    fake.quirks.recording_ranges = True
    new = mp3.recording("9", 600)
    fake.state.recordings[recorded[0]] = mp3.recording("7", 600)

    def change(size: int, _: object) -> None:
        if size < 200_000:
            fake.state.recordings[recorded[0]] = new

    fake.fail(FILE, Fault.truncated(150_000))
    target = tmp_path / "a.mp3"
    saved = await roistat.calls.download_recording(recorded[0], to=target, progress=change)
    check(saved, new, resumed=False)


async def test_cancel_during_a_resume_leaves_nothing(
    fake: FakeRoistat, recorded: list[str], tmp_path: Path
) -> None:
    """A cancellation at any turn of the event loop leaves no file and no permit behind."""
    fake.quirks.recording_ranges = True
    fake.state.recordings[recorded[0]] = AUDIO
    truncated = Fault.truncated(RECEIVED)
    fake.fail(FILE, truncated, times=10**6, when=lambda seen: "Range" not in seen.headers)
    target, turns, was_running = tmp_path / "a.mp3", 0, True
    one_permit = Limits(per_second=None, per_hour=None, concurrency=1)
    options: dict[str, Any] = {"api_key": fake.api_key, "attempts": 2, "limits": one_permit}
    while was_running:
        async with client(fake.base_url, **options) as roistat:
            work = roistat.calls.download_recording(recorded[0], to=target)
            was_running = await cancel_after(turns, work)
            async with asyncio.timeout(5):  # a permit that is not returned would block this
                await roistat.scripts.list()
        assert os.listdir(tmp_path) in ([], ["a.mp3"])
        if target.exists():
            assert target.read_bytes() == AUDIO
            target.unlink()
        turns += 1 if turns < 150 else 1 + turns // 3
    assert sum("Range" in seen.headers for seen in fake.requests) > 5
