"""One recording or export, from the request to the file."""

from __future__ import annotations

import hashlib
import os
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from roistat_async import Period, Roistat, errors
from roistat_async.testing import FakeRoistat, Fault, mp3
from tests.helpers.clients import client
from tests.helpers.raw_server import RawServer, answer, replies

PERIOD = Period(datetime(2024, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC))
AUDIO = mp3.recording("7", 60)
FILE = "call/*/file"


async def test_a_recording_is_saved(
    fake: FakeRoistat, roistat: Roistat, recorded: list[str], tmp_path: Path
) -> None:
    """The bytes, their number and their hash; readable by the owner only."""
    target = tmp_path / "new" / "a.mp3"
    saved = await roistat.calls.download_recording(recorded[0], to=target)
    body = fake.state.recordings[recorded[0]]
    assert target.read_bytes() == body
    assert (saved.path, saved.size) == (target, len(body))
    assert saved.sha256 == hashlib.sha256(body).hexdigest()
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert stat.S_IMODE(target.parent.stat().st_mode) == 0o700


async def test_a_call_names_its_recording(
    roistat: Roistat, recorded: list[str], tmp_path: Path
) -> None:
    """A Call does instead of an id."""
    call = await roistat.calls.list(filters=[("id", "=", recorded[0])]).first()
    assert call is not None
    saved = await roistat.calls.download_recording(call, to=tmp_path / "a.mp3")
    assert saved.size > 0


async def test_an_export_is_saved(roistat: Roistat, tmp_path: Path) -> None:
    """The sheet of a period."""
    saved = await roistat.calls.export_xls(PERIOD, to=tmp_path / "calls.xls")
    assert saved.path.read_bytes().startswith(b"\xd0\xcf\x11\xe0")


async def test_progress_is_told(
    fake: FakeRoistat, roistat: Roistat, recorded: list[str], tmp_path: Path
) -> None:
    """Bytes so far, growing to the whole, and the bytes expected."""
    steps: list[tuple[int, int | None]] = []
    body = fake.state.recordings[recorded[0]] * 300
    fake.state.recordings[recorded[0]] = body
    await roistat.calls.download_recording(
        recorded[0], to=tmp_path / "a.mp3", progress=lambda *step: steps.append(step)
    )
    sizes = [size for size, _ in steps]
    assert sizes == sorted(set(sizes))
    assert steps[-1] == (len(body), len(body))


async def test_a_chunked_body_has_no_expected_size(
    fake: FakeRoistat, roistat: Roistat, recorded: list[str], tmp_path: Path
) -> None:
    """Chunks are framing enough; how much will come is not said. The label is of no matter."""
    fake.quirks.recording_chunked = True
    fake.quirks.recording_type = "application/octet-stream"
    steps: list[tuple[int, int | None]] = []
    await roistat.calls.download_recording(
        recorded[0], to=tmp_path / "a.mp3", progress=lambda *step: steps.append(step)
    )
    assert steps[-1] == (len(fake.state.recordings[recorded[0]]), None)


async def test_a_failing_callback_leaves_nothing(
    roistat: Roistat, recorded: list[str], tmp_path: Path
) -> None:
    """What a caller's `progress` raises comes out as it is."""

    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await roistat.calls.download_recording(recorded[0], to=tmp_path / "a.mp3", progress=fail)
    assert os.listdir(tmp_path) == []


async def test_an_error_in_place_of_audio_is_that_error(
    fake: FakeRoistat, roistat: Roistat, recorded: list[str], tmp_path: Path
) -> None:
    """JSON with status 200 under the label of audio: the API error it holds, and no file."""
    body = '{"status": "error", "error": "access_denied"}'
    fake.fail(FILE, Fault.status(200, body, "audio/mpeg"))
    with pytest.raises(errors.AccessDeniedError):
        await roistat.calls.download_recording(recorded[0], to=tmp_path / "a.mp3")
    assert os.listdir(tmp_path) == []


async def test_a_refusal_for_now_is_waited_for(
    fake: FakeRoistat, roistat: Roistat, recorded: list[str], tmp_path: Path
) -> None:
    """The limiter's no and a failed server are repeated before any byte is written."""
    fake.fail(FILE, Fault.error("request_limit_error"))
    fake.fail(FILE, Fault.status(502))
    saved = await roistat.calls.download_recording(recorded[0], to=tmp_path / "a.mp3")
    assert saved.size == len(fake.state.recordings[recorded[0]])


async def test_nothing_means_no_recording(
    roistat: Roistat, unrecorded: list[str], tmp_path: Path
) -> None:
    """An empty 200 is Roistat's way to say there is none."""
    with pytest.raises(errors.NoRecordingError) as caught:
        await roistat.calls.download_recording(unrecorded[0], to=tmp_path / "a.mp3")
    assert caught.value.path == tmp_path / "a.mp3"
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    "body", [b"<html>portal</html>", b"garbage" * 99, b'{"status": "success", "data": []}']
)
async def test_what_is_no_audio_is_no_file(
    body: bytes, fake: FakeRoistat, roistat: Roistat, recorded: list[str], tmp_path: Path
) -> None:
    """Whatever the label says."""
    fake.fail(FILE, Fault.garbage(body, "audio/mpeg"), times=9)
    with pytest.raises(errors.ContentError):
        await roistat.calls.download_recording(recorded[0], to=tmp_path / "a.mp3")
    assert len(fake.requests) == 1
    assert os.listdir(tmp_path) == []


async def test_audio_is_no_sheet(fake: FakeRoistat, roistat: Roistat, tmp_path: Path) -> None:
    """Each kind of file must be what was asked for; nothing is no sheet either."""
    fake.fail("xls/export", Fault.garbage(AUDIO, "application/vnd.ms-excel"))
    fake.fail("xls/export", Fault.empty())
    for _ in range(2):
        with pytest.raises(errors.ContentError):
            await roistat.calls.export_xls(PERIOD, to=tmp_path / "a.xls")


async def test_no_header_names_a_file(
    fake: FakeRoistat, roistat: Roistat, recorded: list[str], tmp_path: Path
) -> None:
    """Content-Disposition is not looked at."""
    hostile = {"Content-Disposition": 'attachment; filename="../../evil"'}
    fake.fail(FILE, Fault.headers(hostile))
    await roistat.calls.download_recording(recorded[0], to=tmp_path / "in" / "a.mp3")
    assert [path.name for path in tmp_path.rglob("*")] == ["in", "a.mp3"]


HOSTILE_IDS = [
    "../../x", "..", ".", "%2e%2e", "a/b", "1/2", "a?b", "a#f", "1\r\nX: y", "1\n", "١", "", " 1",
    "-1", "+1", "1.0", "1" * 21, -1, 1.5, True, None, b"1",
]  # fmt: skip


@pytest.mark.parametrize("call_id", HOSTILE_IDS)
async def test_an_id_that_is_none_is_refused(
    call_id: Any, fake: FakeRoistat, roistat: Roistat, tmp_path: Path
) -> None:
    """Before any request and before any folder is made."""
    target = tmp_path / "new" / "a.mp3"
    with pytest.raises(errors.ConfigurationError):
        await roistat.calls.download_recording(call_id, to=target)
    with pytest.raises(errors.ConfigurationError):
        roistat.calls.recording(call_id)
    with pytest.raises(errors.ConfigurationError):
        roistat.calls.download_recordings([call_id], tmp_path / "new")
    assert (fake.requests, os.listdir(tmp_path)) == ([], [])


async def test_a_bad_target_costs_no_request(
    fake: FakeRoistat, roistat: Roistat, recorded: list[str], tmp_path: Path
) -> None:
    """A folder as the target is refused before anything is asked."""
    with pytest.raises(errors.ConfigurationError):
        await roistat.calls.download_recording(recorded[0], to=tmp_path)
    assert fake.requests == []


async def test_a_file_is_asked_for_as_it_is() -> None:
    """Accept-Encoding: identity: a cut gzip stream can look whole."""
    async with (
        RawServer(replies(answer(AUDIO, kind="audio/mpeg"))) as server,
        client(server.base_url) as roistat,
        roistat.calls.recording(7) as body,
    ):
        assert body.length == len(AUDIO)
        assert b"".join([chunk async for chunk in body]) == AUDIO
    assert b"Accept-Encoding: identity\r\n" in server.requests[0]
