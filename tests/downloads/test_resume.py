"""Tests that an interrupted download resumes only where the file is proved to be the same."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from roistat_async import Period, Roistat, Timeouts, errors
from roistat_async.models.downloads import Download
from roistat_async.testing import FakeRoistat, Fault, mp3, xls
from tests.downloads.range_server import (
    AUDIO,
    ETAG,
    OTHER_AUDIO,
    OTHER_ETAG,
    RECEIVED,
    TOTAL,
    chunk,
    cut,
    download,
    failing_download,
    header,
    partial,
    ranges_of,
    unsatisfied,
    whole,
)
from tests.helpers.clients import client
from tests.helpers.fault_server import sends
from tests.helpers.raw_server import Handler, RawServer, answer, per_connection

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


@pytest.mark.parametrize(
    ("answer", "body"),
    [(whole(ETAG), AUDIO), (whole(OTHER_ETAG, body=OTHER_AUDIO), OTHER_AUDIO)],
    ids=["same", "changed"],
)
async def test_d8_d9_whole_file_in_place_of_the_rest(
    answer: Handler, body: bytes, tmp_path: Path
) -> None:
    """A server that sends everything makes the file start again from its first byte."""
    saved, _ = await download(tmp_path, cut(ETAG), answer)
    check(saved, body, resumed=False)


WEAK = [[], ['ETag: W/"one"'], ["ETag: one"], ['ETag: "o ne"'], ['ETag: ""'], ['ETag: "é"']]


@pytest.mark.parametrize("headers", WEAK, ids=str)
async def test_d9_without_a_strong_etag_it_starts_again(headers: list[str], tmp_path: Path) -> None:
    """A missing, weak or malformed ETag proves nothing."""
    saved, requests = await download(tmp_path, cut(*headers), whole())
    check(saved, AUDIO, resumed=False)
    assert ranges_of(requests) == [None, None]
    assert requests[1].startswith(b"POST ")


WRONG = {
    "206 from a little before": partial(
        start=RECEIVED - 1, content_range=f"bytes {RECEIVED - 1}-{TOTAL - 1}/{TOTAL}"
    ),
    "206 without a range": partial(content_range=None),
    "206 of another file": partial(OTHER_ETAG),
    "206 encoded": partial(ETAG, "Content-Encoding: gzip"),
    "416 of another size": unsatisfied(f"bytes */{TOTAL}"),
    "416 of another file": unsatisfied(f"bytes */{RECEIVED}", OTHER_ETAG),
}
wrong = pytest.mark.parametrize("rest", WRONG.values(), ids=WRONG)


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
    """After one more start with the same result ChangedError is raised, and there is no file."""
    handlers = cut(ETAG), rest, cut(ETAG), rest
    error, requests = await failing_download(tmp_path, *handlers, attempts=9)
    assert isinstance(error, errors.ChangedError)
    assert error.path == tmp_path / "a.mp3"
    assert (len(requests), os.listdir(tmp_path)) == (4, [])


async def test_attempts_are_limited(tmp_path: Path) -> None:
    """A rest that never ends uses up the attempts of a body, and a wrong one does not count."""
    parts = [
        partial(body=AUDIO[: at + 9], start=at, content_range=f"bytes {at}-{at + 8}/{TOTAL}")
        for at in (RECEIVED, RECEIVED + 9)
    ]
    handlers = cut(ETAG), partial(OTHER_ETAG), cut(ETAG), *parts
    error, requests = await failing_download(tmp_path, *handlers, attempts=3)
    assert isinstance(error, errors.TruncatedError)
    assert str(TOTAL) in str(error)
    assert (len(requests), os.listdir(tmp_path)) == (4, [])


def chunked(body: bytes, *headers: str, end: bytes = b"", **options: str) -> Handler:
    """Send a body in one chunk, and by default no end of it."""
    head = answer(b"", *headers, kind="audio/mpeg", framing=CHUNKED, **options)
    return sends(head + chunk(body) + end)


async def test_d10_rest_that_is_too_long(tmp_path: Path) -> None:
    """A chunked rest with more bytes than its range is discarded, and the file starts again."""
    too_long = chunked(
        AUDIO[RECEIVED:] + b"more",
        ETAG,
        f"Content-Range: bytes {RECEIVED}-{TOTAL - 1}/{TOTAL}",
        status="206 Partial Content",
        end=b"0\r\n\r\n",
    )
    saved, requests = await download(tmp_path, cut(ETAG), too_long, whole())
    check(saved, AUDIO, resumed=False)
    assert ranges_of(requests) == [None, f"bytes={RECEIVED}-", None]


async def test_d11_416_for_a_complete_file(tmp_path: Path) -> None:
    """Status 416 completes a file of which only the end of the body was missing."""
    handlers = chunked(AUDIO, ETAG), unsatisfied(f"bytes */{TOTAL}", ETAG)
    saved, requests = await download(tmp_path, *handlers)
    check(saved, AUDIO, resumed=True)
    assert ranges_of(requests) == [None, f"bytes={TOTAL}-"]


async def test_d11_416_for_a_truncated_file(tmp_path: Path) -> None:
    """Status 416 does not make a file with a cut frame complete."""
    half = AUDIO[: RECEIVED - 50]
    handlers = chunked(half, ETAG), unsatisfied(f"bytes */{len(half)}", ETAG)
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


async def test_cut_in_the_first_bytes_starts_again(tmp_path: Path) -> None:
    """Bytes that were not recognised as audio are not kept."""
    saved, requests = await download(tmp_path, cut(ETAG, size=100), whole(ETAG))
    check(saved, AUDIO, resumed=False)
    assert ranges_of(requests) == [None, None]


async def test_progress_shows_discarded_bytes(tmp_path: Path) -> None:
    """Progress only grows while a download resumes, and falls back where it starts again."""
    resumed: list[tuple[int, int | None]] = []
    again: list[tuple[int, int | None]] = []
    await download(tmp_path, cut(ETAG), partial(ETAG), progress=lambda *step: resumed.append(step))
    await download(
        tmp_path, cut(size=TOTAL - 10), whole(), progress=lambda *step: again.append(step)
    )
    assert resumed == sorted(set(resumed))
    assert {total for _, total in resumed} == {TOTAL}
    assert again != sorted(again)
    assert resumed[-1] == again[-1] == (TOTAL, TOTAL)


async def test_silence_is_resumed(tmp_path: Path) -> None:
    """A body that stops arriving is resumed like one that breaks off."""
    quick = Timeouts(connect=5, response=5, read=0.1)
    saved, _ = await download(tmp_path, cut(ETAG, end="wait"), partial(ETAG), timeouts=quick)
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
