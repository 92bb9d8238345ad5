"""Tests that a file of which less arrives than there is becomes no file, and is requested again."""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from pathlib import Path

import pytest

from roistat_async import Hooks, Period, RetryEvent, Roistat, errors
from roistat_async.testing import FakeRoistat, Fault, mp3, xls
from tests.downloads.range_server import (
    AUDIO,
    ETAG,
    OTHER_ETAG,
    WITH_XING,
    chunk,
    cut,
    download,
    failing_download,
    partial,
    whole,
)
from tests.helpers.clients import client
from tests.helpers.fault_server import sends
from tests.helpers.raw_server import Handler, RawServer, answer, per_connection

FILE = "call/*/file"
HEAD = answer(b"", kind="audio/mpeg", framing="Transfer-Encoding: chunked")
PART = AUDIO[:20_000]


LAST_FRAME_CUT = whole(body=AUDIO[:-7])
LAST_FRAME_CUT_IN_CHUNKS = sends(HEAD + chunk(AUDIO[:-7]) + b"0\r\n\r\n")
CASES = {
    "length, closed": cut(),
    "length, reset": sends(answer(AUDIO, kind="audio/mpeg")[:50_000], end="reset"),
    "inside a chunk": sends(HEAD + chunk(PART) + chunk(PART, 99_000)),
    "between chunks": sends(HEAD + chunk(PART) * 3),
    "neither length nor chunks": sends(answer(PART, kind="audio/mpeg", framing="")),
    "fewer bytes than Xing counts": whole(body=WITH_XING[:-288]),
    "last frame cut, in chunks": LAST_FRAME_CUT_IN_CHUNKS,
}


@pytest.mark.parametrize("case", [*CASES.values(), LAST_FRAME_CUT], ids=[*CASES, "last frame cut"])
async def test_next_attempt_may_be_complete(case: Handler, tmp_path: Path) -> None:
    """The second attempt starts again, and no byte of the first one is in the file."""
    saved, _ = await download(tmp_path, case, whole(ETAG, body=WITH_XING), attempts=2)
    assert saved.path.read_bytes() == WITH_XING
    assert not saved.resumed


SHEET = xls.workbook([["x" * 90]] * 50)
HABITS = {
    "last frame cut": (LAST_FRAME_CUT, AUDIO[:-7]),
    "last frame cut, in chunks": (LAST_FRAME_CUT_IN_CHUNKS, AUDIO[:-7]),
    "Xing counts more": (whole(body=WITH_XING[:-288]), WITH_XING[:-288]),
}


@pytest.mark.parametrize(("handler", "body"), HABITS.values(), ids=HABITS)
async def test_d64_same_bytes_twice_are_the_recording(
    handler: Handler, body: bytes, tmp_path: Path
) -> None:
    """The very same bytes, twice and to the promised end, are all that Roistat has."""
    saved, requests = await download(tmp_path, handler, attempts=2)
    assert (len(requests), saved.path.read_bytes()) == (2, body)


async def export_cut(roistat: Roistat, fake: FakeRoistat, missing: int, target: Path) -> int:
    """Export a sheet that always lacks so many bytes; return the number of requests."""
    fake.fail("xls/export", Fault.garbage(SHEET[:-missing], "application/vnd.ms-excel"), times=9)
    await roistat.calls.export_xls(Period.last(days=1), to=target)
    return len(fake.requests)


async def test_d64_last_sector_that_is_never_filled(
    fake: FakeRoistat, roistat: Roistat, tmp_path: Path
) -> None:
    """A sheet whose last sector is short is complete if the same bytes come twice."""
    assert await export_cut(roistat, fake, 511, tmp_path / "a.xls") == 2
    assert (tmp_path / "a.xls").read_bytes() == SHEET[:-511]


@pytest.mark.parametrize("missing", [512, 3000])
async def test_d64_missing_sector_is_a_cut(
    missing: int, fake: FakeRoistat, roistat: Roistat, tmp_path: Path
) -> None:
    """No number of equal responses makes a sheet complete that lacks a whole sector."""
    with pytest.raises(errors.TruncatedError) as caught:
        await export_cut(roistat, fake, missing, tmp_path / "a.xls")
    assert (caught.value.path, os.listdir(tmp_path)) == (tmp_path / "a.xls", [])


OTHER_CUTS = {
    "one attempt": (1, LAST_FRAME_CUT),
    "another length": (2, whole(body=AUDIO[:-9])),
    "another byte": (2, whole(body=AUDIO[:-9] + b"??")),
}


@pytest.mark.parametrize("case", OTHER_CUTS.values(), ids=OTHER_CUTS)
async def test_another_cut_proves_nothing(case: tuple[int, Handler], tmp_path: Path) -> None:
    """A cut last frame is refused after one attempt, and with other bytes."""
    attempts, second = case
    error, requests = await failing_download(tmp_path, LAST_FRAME_CUT, second, attempts=attempts)
    size = len(AUDIO) - (9 if second is OTHER_CUTS["another length"][1] else 7)
    assert str(error) == (
        f"all {size} bytes arrived, but the last frame of audio is cut: "
        "the file was truncated before it was sent; check=False saves it as it is"
    )
    assert (len(requests), os.listdir(tmp_path)) == (attempts, [])


FAULTS = [Fault.truncated(), Fault.truncated(0), Fault.cut_chunks(), Fault.unframed(0)]


@pytest.mark.parametrize("fault", FAULTS)
async def test_attempts_of_a_body_are_limited(
    fault: Fault, fake: FakeRoistat, roistat: Roistat, recorded: list[str], tmp_path: Path
) -> None:
    """TruncatedError follows three attempts over fresh connections, and the old file stays."""
    target = tmp_path / "a.mp3"
    target.write_bytes(b"old")
    fake.fail(FILE, fault, times=99)
    with pytest.raises(errors.TruncatedError) as caught:
        await roistat.calls.download_recording(recorded[0], to=target)
    assert caught.value.path == target
    assert len({seen.port for seen in fake.requests}) == len(fake.requests) == 3
    assert os.listdir(tmp_path) == ["a.mp3"]
    assert target.read_bytes() == b"old"


@pytest.mark.parametrize("mebibytes", [0.5, 3, 7])
async def test_bytes_on_disk_are_discarded(
    mebibytes: float, fake: FakeRoistat, roistat: Roistat, recorded: list[str], tmp_path: Path
) -> None:
    """A new start discards the bytes of the first attempts, wherever they are."""
    body = fake.state.recordings[recorded[0]] = mp3.recording("7", 2100)
    fake.fail(FILE, Fault.truncated(int(mebibytes * 1024 * 1024)), times=2)
    saved = await roistat.calls.download_recording(recorded[0], to=tmp_path / "a.mp3")
    assert saved.path.read_bytes() == body
    assert len(fake.requests) == 3


PLANS = {
    "starts again": ([cut(), whole()], [errors.TruncatedError]),
    "resumes": ([cut(ETAG), partial(ETAG)], [errors.TruncatedError]),
    "changed": (
        [cut(ETAG), partial(OTHER_ETAG), whole(OTHER_ETAG)],
        [errors.TruncatedError, errors.ChangedError],
    ),
    "fails": ([cut()] * 3, [errors.TruncatedError] * 2),
}


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
async def test_each_retry_is_reported(
    plan: tuple[list[Handler], list[type[errors.RoistatError]]],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """`on_retry` and the log get each error that a retry follows, and not the last one."""
    caplog.set_level(logging.DEBUG, "roistat_async")
    handlers, expected = plan
    events: list[RetryEvent] = []
    hooks = Hooks(on_retry=events.append)
    async with (
        RawServer(per_connection(*handlers)) as server,
        client(server.base_url, attempts=3, hooks=hooks) as roistat,
    ):
        with suppress(errors.TruncatedError):
            await roistat.calls.download_recording(7, to=tmp_path / "a.mp3")
    assert [type(event.error) for event in events] == expected
    assert {event.operation for event in events} == {"project/calltracking/call/{id}/file"}
    assert all(event.delay > 0 for event in events)
    logged = [text for record in caplog.records if "failed (" in (text := record.getMessage())]
    assert len(logged) == len(expected)
