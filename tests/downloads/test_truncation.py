"""Tests that a file of which less arrives than there is becomes no file, and is requested again."""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from pathlib import Path

import pytest

from roistat_async import Hooks, Period, RetryEvent, Roistat, errors
from roistat_async.testing import FakeRoistat, Fault, mp3, xls
from tests.downloads.conftest import Recording
from tests.downloads.range_server import (
    AUDIO,
    CHUNKED,
    ETAG,
    OTHER_ETAG,
    WITH_XING,
    audio,
    chunk,
    chunked,
    cut,
    download,
    failing_download,
    partial,
    whole,
)
from tests.helpers.fault_server import sends
from tests.helpers.raw_server import Handler

FILE = "call/*/file"
HEAD = audio(b"", framing=CHUNKED)
PART = AUDIO[:20_000]
LAST_FRAME_CUT = whole(body=AUDIO[:-7])
LAST_FRAME_CUT_IN_CHUNKS = chunked(AUDIO[:-7])
FEWER_THAN_XING = whole(body=WITH_XING[:-288])
CASES = {
    "length, closed": cut(),
    "length, reset": sends(audio(AUDIO)[:50_000], end="reset"),
    "inside a chunk": sends(HEAD + chunk(PART) + chunk(PART, 99_000)),
    "between chunks": sends(HEAD + chunk(PART) * 3),
    "neither length nor chunks": sends(audio(PART, framing="")),
    "fewer bytes than Xing counts": FEWER_THAN_XING,
    "last frame cut, in chunks": LAST_FRAME_CUT_IN_CHUNKS,
    "last frame cut": LAST_FRAME_CUT,
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_next_attempt_may_be_complete(case: Handler, tmp_path: Path) -> None:
    """The second attempt starts again, and no byte of the first one is in the file."""
    saved, _ = await download(tmp_path, case, whole(ETAG, body=WITH_XING), attempts=2)
    assert (saved.path.read_bytes(), saved.resumed) == (WITH_XING, False)


HABITS = {
    "last frame cut": (LAST_FRAME_CUT, AUDIO[:-7]),
    "last frame cut, in chunks": (LAST_FRAME_CUT_IN_CHUNKS, AUDIO[:-7]),
    "Xing counts more": (FEWER_THAN_XING, WITH_XING[:-288]),
}


@pytest.mark.parametrize(("handler", "body"), HABITS.values(), ids=HABITS)
async def test_d64_same_bytes_twice_are_the_recording(
    handler: Handler, body: bytes, tmp_path: Path
) -> None:
    """The very same bytes, twice and to the promised end, are all that Roistat has."""
    saved, requests = await download(tmp_path, handler, attempts=2)
    assert (len(requests), saved.path.read_bytes()) == (2, body)


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


@pytest.mark.parametrize("fault", [Fault.truncated(0), Fault.cut_chunks(), Fault.unframed(0)])
async def test_attempts_of_a_body_are_limited(fault: Fault, recording: Recording) -> None:
    """TruncatedError follows three attempts over fresh connections, and the old file stays."""
    fake, target = recording.fake, recording.target
    target.write_bytes(b"old")
    fake.fail(FILE, fault, times=99)
    with pytest.raises(errors.TruncatedError) as caught:
        await recording.save()
    assert caught.value.path == target
    assert len({seen.port for seen in fake.requests}) == len(fake.requests) == 3
    assert (os.listdir(target.parent), target.read_bytes()) == (["a.mp3"], b"old")


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
