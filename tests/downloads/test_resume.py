"""Tests that a cut download resumes where the file is proved to be the same, or starts again."""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from pathlib import Path

import pytest
from attrs import frozen

from roistat_async import Hooks, Period, RetryEvent, Roistat, Timeouts, errors
from roistat_async.testing import FakeRoistat, Fault, mp3, xls
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
    WITH_XING,
    audio,
    check,
    chunk,
    chunked,
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


async def test_d7_export_is_not_resumed(tmp_path: Path) -> None:
    """An export starts again, because its period stands in a body and GET has none."""
    sheet = xls.workbook([["x" * 90]] * 50)
    handler = per_connection(cut(ETAG, body=sheet, size=5000), whole(ETAG, body=sheet))
    async with RawServer(handler) as server, client(server.base_url, attempts=2) as roistat:
        saved = await roistat.calls.export_xls(Period.last(days=30), to=tmp_path / "a.xls")
    check(saved, sheet, resumed=False)
    assert [request[:5] for request in server.requests] == [b"POST "] * 2
    assert ranges_of(server.requests) == [None, None]


PARTIAL = "206 Partial Content"
SPAN = f"{RECEIVED}-{TOTAL - 1}"


def part(start: int, end: int = TOTAL, size: int | None = None) -> Handler:
    """Send a range of the recording, or only the first bytes of that range."""
    content_range = f"Content-Range: bytes {start}-{end - 1}/{TOTAL}"
    response = answer(AUDIO[start:end], content_range, ETAG, status=PARTIAL)
    return sends(response if size is None else response[: size - (end - start)])


def begun(size: int, *headers: str, start: int = 0) -> Handler:
    """Send bytes up to this one, in a body that states no length and breaks off."""
    status = PARTIAL if start else "200 OK"
    return chunked(AUDIO[start:size], ETAG, *headers, end=b"", status=status)


OTHER = whole(OTHER_ETAG, body=OTHER_AUDIO)
WRONG = {
    "the file changed on the server during the download": [
        *map(partial, [OTHER_ETAG, 'ETag: W/"one"']),
        *(unsatisfied(f"bytes */{RECEIVED}", etag) for etag in (OTHER_ETAG, 'ETag: W/"one"')),
    ],
    "the partial response does not state a single byte range": [
        *(
            partial(content_range=text)
            for text in (None, "bytes a-b/c", f"items {SPAN}/{TOTAL}", f"bytes {SPAN}/*")
        ),
        partial(ETAG, kind="multipart/byteranges; boundary=x"),
        partial(ETAG, "Content-Encoding: gzip"),
    ],
    "the partial response holds another range than the requested one": [
        *(part(0), part(RECEIVED - 1), partial(content_range=f"bytes {SPAN}/{TOTAL + 1}")),
        partial(body=AUDIO + b"x", content_range=f"bytes {RECEIVED}-{TOTAL}/{TOTAL}"),
        partial(start=TOTAL, content_range=f"bytes {RECEIVED}-{RECEIVED - 1}/{TOTAL}"),
    ],
    "the partial response has a length that contradicts its range": [partial(body=AUDIO[:-1])],
    "the server reports a size that contradicts the bytes received so far": [
        *map(unsatisfied, ["bytes */*", "bytes */99", f"bytes */{RECEIVED}", f"bytes {SPAN}/9"])
    ],
}


@pytest.mark.parametrize(
    ("message", "wrong"),
    [(message, wrong) for message, handlers in WRONG.items() for wrong in handlers],
)
async def test_d10_d11_d12_unproved_rest(message: str, wrong: Handler, tmp_path: Path) -> None:
    """After a rest that proves nothing the file starts again once, then ChangedError is raised."""
    saved, requests = await download(tmp_path, cut(ETAG), wrong, OTHER)
    check(saved, OTHER_AUDIO)
    assert ranges_of(requests) == [None, f"bytes={RECEIVED}-", None]
    saved.path.unlink()
    error, requests = await failing_download(tmp_path, *[cut(ETAG), wrong] * 2, attempts=9)
    assert isinstance(error, errors.ChangedError)
    assert (str(error), error.path) == (message, tmp_path / "a.mp3")
    assert (len(requests), os.listdir(tmp_path)) == (4, [])


NOT_YET = {
    "503 in place of the rest": sends(answer(b"oops", status="503 No", kind="text/html")),
    "206 without framing": sends(audio(AUDIO[RECEIVED:], REST, status=PARTIAL, framing="")),
    "200 cut in its first bytes": cut(ETAG, size=9),
}
TOO_LONG = chunked(AUDIO[RECEIVED:] + b"more", ETAG, REST, status=PARTIAL)
WEAK = [[], ['ETag: W/"one"'], ["ETag: one"], ['ETag: "o ne"'], ['ETag: ""'], ['ETag: "é"']]
HEAD, PART = audio(b"", framing=CHUNKED), AUDIO[:20_000]
PARTS = [part(RECEIVED, 150_000), part(150_000, size=20_000), part(170_000)]
LAST_BYTE = partial(start=TOTAL - 1, content_range=f"BYTES {TOTAL - 1}-{TOTAL - 1}/{TOTAL}")
ALL = f"bytes */{TOTAL}"
FROM_9999 = begun(TOTAL, f"Content-Range: bytes 9999-{TOTAL - 1}/{TOTAL}", start=9999)
STATED = [begun(9999), FROM_9999, unsatisfied(ALL)]
TRUNCATED = [begun(9999), unsatisfied("bytes */9999", ETAG), whole(ETAG)]
LAST_FRAME_CUT = whole(body=AUDIO[:-7])
CUT = {
    "length, closed": cut(),
    "length, reset": sends(audio(AUDIO)[:50_000], end="reset"),
    "inside a chunk": sends(HEAD + chunk(PART) + chunk(PART, 99_000)),
    "between chunks": sends(HEAD + chunk(PART) * 3),
    "neither length nor chunks": sends(audio(PART, framing="")),
    "fewer bytes than Xing counts": whole(body=WITH_XING[:-288]),
    "last frame cut, in chunks": chunked(AUDIO[:-7]),
    "last frame cut": LAST_FRAME_CUT,
}
TWICE = {
    "fewer bytes than Xing counts": WITH_XING[:-288],
    "last frame cut, in chunks": AUDIO[:-7],
    "last frame cut": AUDIO[:-7],
}


@frozen
class Case:
    """Responses one after the other, and where the requests behind the first one start."""

    name: str
    handlers: list[Handler]
    starts: list[int | None]
    body: bytes = AUDIO
    resumed: bool = False


CASES = [
    Case("D7 the rest", [cut(ETAG), partial(ETAG)], [RECEIVED], resumed=True),
    Case("D7 the last byte", [begun(TOTAL - 1), LAST_BYTE], [TOTAL - 1], resumed=True),
    Case("D8 all in place of the rest", [cut(ETAG), whole(ETAG)], [RECEIVED]),
    Case("D9 another file in place of the rest", [cut(ETAG), OTHER], [RECEIVED], OTHER_AUDIO),
    *(Case(f"D9 {headers}", [cut(*headers), whole()], [None]) for headers in WEAK),
    Case("cut in its first bytes", [cut(ETAG, size=100), whole(ETAG)], [None]),
    *(
        Case(name, [fault, whole(ETAG, body=WITH_XING)], [None], WITH_XING)
        for name, fault in CUT.items()
    ),
    *(Case(f"D64 twice: {name}", [CUT[name]] * 2, [None], body) for name, body in TWICE.items()),
    Case("D10 too many bytes", [cut(ETAG), TOO_LONG, whole()], [RECEIVED, None]),
    Case("D11 416, all bytes", [begun(TOTAL), unsatisfied(ALL, ETAG)], [TOTAL], resumed=True),
    Case("D11 416, no ETag", [begun(TOTAL), unsatisfied(ALL), whole()], [TOTAL, None]),
    Case("D11 416, size stated by a 206", STATED, [9999, TOTAL], resumed=True),
    Case("D11 416, truncated file", TRUNCATED, [9999, None]),
    *(
        Case(name, [cut(ETAG), failed, partial(ETAG)], [RECEIVED, RECEIVED], resumed=True)
        for name, failed in NOT_YET.items()
    ),
    Case("several parts", [cut(ETAG), *PARTS], [RECEIVED, 150_000, 170_000], resumed=True),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_resume(case: Case, tmp_path: Path) -> None:
    """GET requests the rest if the bytes are proved to be of the same file, else POST all of it."""
    saved, requests = await download(tmp_path, *case.handlers, attempts=len(case.handlers))
    check(saved, case.body, resumed=case.resumed)
    starts = [None if start is None else f"bytes={start}-" for start in [None, *case.starts]]
    assert ranges_of(requests) == starts
    assert [request[:4] for request in requests] == [b"GET " if at else b"POST" for at in starts]
    conditions = [header(request, "If-Range") for request in requests]
    assert conditions == ['"one"' if start else None for start in starts]
    assert {header(request, "Accept-Encoding") for request in requests} == {"identity"}


async def test_attempts_are_limited(tmp_path: Path) -> None:
    """A rest that never ends uses up the attempts of a body, and a wrong one does not count."""
    parts = [part(at, at + 9) for at in (RECEIVED, RECEIVED + 9)]
    handlers = cut(ETAG), partial(OTHER_ETAG), cut(ETAG), *parts
    error, requests = await failing_download(tmp_path, *handlers, attempts=3)
    assert isinstance(error, errors.TruncatedError)
    assert str(TOTAL) in str(error)
    assert (len(requests), os.listdir(tmp_path)) == (4, [])


async def test_error_in_place_of_the_rest_is_raised(tmp_path: Path) -> None:
    """A JSON error with status 200 in place of the rest is that error."""
    denied = answer(b'{"status": "error", "error": "access_denied"}', kind="audio/mpeg")
    error, _ = await failing_download(tmp_path, cut(ETAG), sends(denied))
    assert isinstance(error, errors.AccessDeniedError)
    assert os.listdir(tmp_path) == []


async def test_progress_shows_discarded_bytes(tmp_path: Path) -> None:
    """Progress only grows while a download resumes, and falls back where it starts again."""
    resumed: list[tuple[int, int | None]] = []
    again: list[tuple[int, int | None]] = []
    await download(tmp_path, cut(ETAG), partial(ETAG), progress=lambda *step: resumed.append(step))
    handlers = cut(size=TOTAL - 10), whole()
    await download(tmp_path, *handlers, progress=lambda *step: again.append(step))
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
async def test_large_file_is_resumed(mebibytes: int, recording: Recording) -> None:
    """Two cuts cost two more requests, and no received byte is requested again."""
    fake, body = recording.fake, mp3.recording("7", 262 * mebibytes)
    fake.quirks.recording_ranges, recording.body = True, body
    fake.fail(FILE, Fault.truncated(len(body) // 3), times=2)
    check(await recording.save(), body, resumed=True)
    starts = [int(seen.headers.get("Range", "bytes=0-")[6:-1]) for seen in fake.requests]
    assert starts == sorted(set(starts))  # bytes in the buffers of a cut connection may be lost
    assert 0 < starts[2] <= len(body) // 3 * 2
    assert len({seen.port for seen in fake.requests}) == 3


@pytest.mark.parametrize("missing", [511, 512, 3000])
async def test_d64_short_last_sector(
    missing: int, fake: FakeRoistat, roistat: Roistat, tmp_path: Path
) -> None:
    """A sheet is complete if the same bytes come twice, unless it lacks a whole sector."""
    sheet, target = xls.workbook([["x" * 90]] * 50)[:-missing], tmp_path / "a.xls"
    fake.fail("xls/export", Fault.garbage(sheet, "application/vnd.ms-excel"), times=9)
    if missing < 512:
        await roistat.calls.export_xls(Period.last(days=1), to=target)
        assert (len(fake.requests), target.read_bytes()) == (2, sheet)
        return
    with pytest.raises(errors.TruncatedError) as caught:
        await roistat.calls.export_xls(Period.last(days=1), to=target)
    assert (caught.value.path, os.listdir(tmp_path)) == (target, [])


OTHER_CUTS = {
    "one attempt": (1, AUDIO[:-7]),
    "another length": (2, AUDIO[:-9]),
    "another byte": (2, AUDIO[:-9] + b"??"),
}


@pytest.mark.parametrize(("attempts", "second"), OTHER_CUTS.values(), ids=OTHER_CUTS)
async def test_another_cut_proves_nothing(attempts: int, second: bytes, tmp_path: Path) -> None:
    """A cut last frame is refused after one attempt, and with other bytes."""
    handlers = LAST_FRAME_CUT, whole(body=second)
    error, requests = await failing_download(tmp_path, *handlers, attempts=attempts)
    assert str(error) == (
        f"all {len(second)} bytes arrived, but the last frame of audio is cut: "
        "the file was truncated before it was sent; check=False saves it as it is"
    )
    assert (len(requests), os.listdir(tmp_path)) == (attempts, [])


@pytest.mark.parametrize("mebibytes", [0.5, 3, 7])
async def test_bytes_on_disk_are_discarded(mebibytes: float, recording: Recording) -> None:
    """A new start discards the bytes of the first attempts, wherever they are."""
    body = recording.body = mp3.recording("7", 2100)
    recording.fake.fail(FILE, Fault.truncated(int(mebibytes * 1024 * 1024)), times=2)
    saved = await recording.save()
    assert (saved.path.read_bytes(), len(recording.fake.requests)) == (body, 3)


PLANS = {
    "starts again": ([cut(), whole()], [errors.TruncatedError]),
    "resumes": ([cut(ETAG), partial(ETAG)], [errors.TruncatedError]),
    "changed": (
        [cut(ETAG), partial(OTHER_ETAG), whole(OTHER_ETAG)],
        [errors.TruncatedError, errors.ChangedError],
    ),
    "fails": ([cut()] * 3, [errors.TruncatedError] * 2),
}


@pytest.mark.parametrize(("handlers", "expected"), PLANS.values(), ids=PLANS)
async def test_each_retry_is_reported(
    handlers: list[Handler],
    expected: list[type[errors.RoistatError]],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """`on_retry` and the log get each error that a retry follows, and not the last one."""
    caplog.set_level(logging.DEBUG, "roistat_async")
    events: list[RetryEvent] = []
    with suppress(errors.TruncatedError):
        await download(tmp_path, *handlers, hooks=Hooks(on_retry=events.append))
    assert [type(event.error) for event in events] == expected
    assert {event.operation for event in events} == {"project/calltracking/call/{id}/file"}
    assert all(event.delay > 0 for event in events)
    assert sum("failed (" in record.getMessage() for record in caplog.records) == len(expected)
