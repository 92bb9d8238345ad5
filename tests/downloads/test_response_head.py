"""Tests for what comes in place of a recording or an export (docs/fault-matrix.md D)."""

from __future__ import annotations

import gzip
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from roistat_async import Period, Roistat, errors
from roistat_async.models.downloads import Download
from roistat_async.testing import FakeRoistat, mp3, xls
from tests.downloads.range_server import (
    AUDIO,
    CHUNKED,
    LAST_CHUNK,
    WITH_XING,
    audio,
    chunk,
    chunked,
    whole,
)
from tests.helpers.clients import client
from tests.helpers.fault_server import sends as raw
from tests.helpers.raw_server import Connection, Handler, RawServer

TAGGED = mp3.recording("8", 60)
CUT_FRAME = AUDIO[: -mp3.FRAME_BYTES // 2]
SHEET = xls.workbook([["x", 1]] * 300)
OLE2 = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)
DENIED = b'{"status": "error", "error": "access_denied"}'
HTML = b"<html><body>sign in</body></html>"


@frozen
class Case:
    """Response, and the error that it must lead to; None if it is a valid file."""

    name: str
    handler: Handler
    error: type[errors.RoistatError] | None
    file: str = "a.mp3"


def sends(body: bytes, *headers: str, **options: Any) -> Handler:
    return raw(audio(body, *headers, **options))


def unframed(body: bytes) -> Handler:
    return sends(body, framing="")


HEAD, FULL, CHUNK = audio(b"", framing=CHUNKED), audio(AUDIO), chunk(AUDIO)
GZIP = "Content-Encoding: gzip"
CUT_GZIP = gzip.compress(AUDIO)[:-99]
PARTIAL = "206 Partial Content"
ALL = f"Content-Range: bytes 0-{len(AUDIO) - 1}/{len(AUDIO)}"
END_ONLY = f"Content-Range: bytes 9-{len(AUDIO) + 8}/{len(AUDIO) + 9}"
CASES = [
    Case("a partial file", sends(AUDIO, status=PARTIAL), errors.ContentError),
    Case("206 of all", sends(AUDIO, ALL, status=PARTIAL), None),
    Case("206 of the end", sends(AUDIO, END_ONLY, status=PARTIAL), errors.ContentError),
    Case("audio with 500", sends(AUDIO, status="500 Oops"), errors.ServerError),
    Case("204", sends(b"", status="204 No Content", framing=""), errors.NoRecordingError),
    Case("D1 JSON error as audio", sends(DENIED), errors.AccessDeniedError),
    Case("D1 JSON error after a BOM", sends(b"\xef\xbb\xbf" + DENIED), errors.AccessDeniedError),
    Case("D1 JSON error, 403", sends(DENIED, status="403 No"), errors.AccessDeniedError),
    Case("D1 JSON error as a sheet", sends(DENIED), errors.AccessDeniedError, "a.xls"),
    Case("D1 JSON success", sends(b'{"status": "success"}'), errors.ContentError),
    Case("D2 zero bytes", sends(b""), errors.NoRecordingError),
    Case("D2 a newline", sends(b"\n"), errors.NoRecordingError),
    Case("D2 null", sends(b"null"), errors.NoRecordingError),
    Case("D2 white space", sends(b" " * 5000), errors.NoRecordingError),
    Case("D2 zero bytes, chunked", raw(HEAD + LAST_CHUNK), errors.NoRecordingError),
    Case("D2 zero bytes as a sheet", sends(b""), errors.ContentError, "a.xls"),
    Case("D3 web page as audio", sends(HTML), errors.ContentError),
    Case("D3 garbage as audio", sends(b"\x01garbage" * 99), errors.ContentError),
    Case("D3 one frame, then garbage", sends(AUDIO[:144] + b"x" * 999), errors.ContentError),
    Case("D3 frame header with a bad rate", sends(b"\xff\xfb\xf8\xc0" * 99), errors.ContentError),
    Case("D3 web page as a sheet", sends(HTML, kind=""), errors.ContentError, "a.xls"),
    Case("D3 audio as a sheet", sends(AUDIO, kind=""), errors.ContentError, "a.xls"),
    Case("D3 sheet as audio", sends(OLE2), errors.ContentError),
    Case("D4 audio as octets", sends(AUDIO, kind="application/octet-stream"), None),
    Case("D4 audio as a web page", sends(AUDIO, kind="text/html; charset=x"), None),
    Case("D4 audio as JSON", sends(TAGGED, kind="application/json"), None),
    Case("D4 sheet as a web page", sends(SHEET, kind="text/html"), None, "a.xls"),
    Case("D5 length, FIN (T13)", raw(FULL[:-7]), errors.TruncatedError),
    Case("D5 length, RST (T13)", raw(FULL[:-7], end="reset"), errors.RoistatError),
    Case("D5 cut in a chunk (T14)", raw(HEAD + CHUNK[:-9]), errors.TruncatedError),
    Case("D5 cut between chunks (T14)", raw(HEAD + CHUNK), errors.TruncatedError),
    Case("D5 neither length nor chunks (T15)", unframed(AUDIO), errors.TruncatedError),
    Case("D5 the same, cut (T15)", unframed(AUDIO[:-7]), errors.TruncatedError),
    Case("D5 length and chunks (T17)", sends(AUDIO, CHUNKED), errors.MalformedResponseError),
    Case("D5 two lengths (T17)", sends(AUDIO, "Content-Length: 9"), errors.MalformedResponseError),
    Case("D5 negative (T17)", sends(AUDIO, framing="Content-Length: -1"), errors.ResponseError),
    Case("D5 bad chunk size (T17)", raw(HEAD + b"zz\r\n" + AUDIO), errors.RoistatError),
    Case("D5 labelled gzip", sends(AUDIO, GZIP), errors.RoistatError),
    Case("D5 truncated gzip", sends(CUT_GZIP, GZIP), errors.RoistatError),
    Case("D6 last frame cut", sends(CUT_FRAME), errors.TruncatedError),
    Case("D6 last frame cut, chunked", chunked(CUT_FRAME), errors.TruncatedError),
    Case("D6 fewer bytes than Xing counts", sends(WITH_XING[: -5 * 144]), errors.TruncatedError),
    Case("D6 all the bytes that Xing counts", sends(WITH_XING), None),
    Case("D6 sheet without its end", sends(SHEET[:-2048]), errors.TruncatedError, "a.xls"),
    Case("D6 last frame cut, unframed", unframed(CUT_FRAME), errors.TruncatedError),
    Case("D6 sheet cut, unframed", unframed(SHEET[:-9]), errors.TruncatedError, "a.xls"),
]


async def save(roistat: Roistat, target: Path) -> Download:
    if target.suffix == ".xls":
        return await roistat.calls.export_xls(Period.last(days=1), to=target)
    return await roistat.calls.download_recording(7, to=target)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_response(case: Case, tmp_path: Path) -> None:
    """A valid file is saved whatever its label; anything else is an error."""
    target = tmp_path / case.file
    target.write_bytes(b"old")
    async with RawServer(case.handler) as server, client(server.base_url) as roistat:
        if case.error is None:
            saved = await save(roistat, target)
            assert target.stat().st_size == saved.size > len(b"old")
            return
        with pytest.raises(case.error) as caught:
            await save(roistat, target)
    assert case.error is errors.RoistatError or type(caught.value) is not errors.RoistatError
    assert not isinstance(caught.value, errors.DownloadError) or caught.value.path == target
    assert os.listdir(tmp_path) == [case.file]
    assert target.read_bytes() == b"old"


NAMES = [
    'attachment; filename="../../../etc/cron.d/x"',
    "attachment; filename*=UTF-8''..%2F..%2Fevil.mp3",
    "attachment; filename=/etc/passwd",
    'attachment; filename="con"',
    'attachment; filename="a\x01b"',
]


@pytest.mark.parametrize("name", NAMES)
async def test_d13_no_header_names_a_file(name: str, tmp_path: Path) -> None:
    """Content-Disposition is ignored: the file is where the caller wants it."""
    handler, target = whole(f"Content-Disposition: {name}"), tmp_path / "in" / "a.mp3"
    # A control byte is invalid HTTP in aiohttp's debug mode.
    refused = [errors.ResponseError] if "\x01" in name else []
    async with RawServer(handler) as server, client(server.base_url) as roistat:
        with suppress(*refused):
            await save(roistat, target)
            assert target.read_bytes() == AUDIO
    assert {path.name for path in tmp_path.rglob("*")} <= {"in", "a.mp3"}


INVALID_IDS = [
    "../../x", "..", ".", "%2e%2e", "a/b", "1/2", "a?b", "a#f", "1\r\nX: y", "1\n", "١", "", " 1",
    "-1", "+1", "1.0", "1" * 21, -1, 1.5, True, None, b"1",
]  # fmt: skip


@pytest.mark.parametrize("call_id", INVALID_IDS)
async def test_d14_invalid_id(
    call_id: Any, fake: FakeRoistat, roistat: Roistat, tmp_path: Path
) -> None:
    """An invalid id is refused before any request and before any folder is created."""
    with pytest.raises(errors.ConfigurationError):
        await roistat.calls.download_recording(call_id, to=tmp_path / "new" / "a.mp3")
    with pytest.raises(errors.ConfigurationError):
        roistat.calls.recording(call_id)
    with pytest.raises(errors.ConfigurationError):
        roistat.calls.download_recordings(["1", call_id], tmp_path / "new")
    assert (fake.requests, os.listdir(tmp_path)) == ([], [])


async def test_d14_invalid_id_in_a_list(
    fake: FakeRoistat, roistat: Roistat, tmp_path: Path
) -> None:
    """A list may return any id, but it does not become a path."""
    fake.state.edit_call(fake.state.calls.ids()[-1], id="../../evil")
    (call,) = await roistat.calls.list(limit=1).collect()
    assert call.id == "../../evil"
    with pytest.raises(errors.ConfigurationError):
        await roistat.calls.download_recording(call, to=tmp_path / "a.mp3")
    assert not [seen for seen in fake.requests if seen.path.endswith("/file")]


@pytest.mark.parametrize("count", [60, pytest.param(10_000, marks=pytest.mark.long)])
async def test_d16_some_of_many_fail(count: int, tmp_path: Path) -> None:
    """The others are saved, and each failure is an outcome with its error."""
    bad = {"7", "33", "59"}

    async def serve(connection: Connection) -> None:
        while request := await connection.request():
            number = request.split(b"/call/")[1].split(b"/")[0].decode()
            await connection.send(audio(HTML if number in bad else mp3.recording(number, 0.1)))

    async with RawServer(serve) as server, client(server.base_url) as roistat:
        downloads = roistat.calls.download_recordings(range(1, count + 1), tmp_path)
        failed = [outcome async for outcome in downloads if outcome.status == "failed"]
    assert {outcome.call_id for outcome in failed} == bad
    assert all(isinstance(outcome.error, errors.ContentError) for outcome in failed)
    assert len(os.listdir(tmp_path)) == count - len(bad)
    assert server.connections <= 8
