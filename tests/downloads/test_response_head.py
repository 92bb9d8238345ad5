"""D: what comes in place of a recording or an export, and what must become of it."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import pytest
from attrs import frozen

from roistat_async import Period, Roistat, errors
from roistat_async.cli.app import run
from roistat_async.models.downloads import Download
from roistat_async.testing import FakeRoistat, Fault, mp3, xls
from tests.helpers.clients import client
from tests.helpers.raw_server import RawServer, Script, Wire, answer, replies

AUDIO = mp3.recording("7", 60)
TAGGED = mp3.recording("8", 60)
CUT_FRAME = AUDIO[: -mp3.FRAME_BYTES // 2]
XING = AUDIO[:21] + b"Xing\0\0\0\x02" + len(AUDIO).to_bytes(4, "big") + AUDIO[33:]
SHEET = xls.workbook([["x", 1]] * 300)
OLE2 = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)
REFUSED = b'{"status": "error", "error": "access_denied"}'
PERIOD = Period.last(days=1)
CHUNKED = "Transfer-Encoding: chunked"


@frozen
class Row:
    """Be an answer, and the error it must lead to; None where it is a good file."""

    what: str
    script: Script
    error: type[errors.RoistatError] | None
    file: str = "a.mp3"


def says(body: bytes, *headers: str, kind: str = "audio/mpeg", **given: str | None) -> Script:
    return replies(answer(body, *headers, kind=kind, **given), close=True)  # type: ignore[arg-type]


def raw(*data: bytes, reset: bool = False) -> Script:
    async def script(wire: Wire) -> None:
        await wire.request()
        await wire.send(b"".join(data))
        if reset:
            wire.reset()

    return script


def unframed(body: bytes, kind: str = "audio/mpeg") -> Script:
    return says(body, kind=kind, framing="")


def chunk(body: bytes) -> bytes:
    return f"{len(body):x}\r\n".encode() + body + b"\r\n"


HEAD = answer(b"", kind="audio/mpeg", framing=CHUNKED)
FULL = answer(AUDIO, kind="audio/mpeg")
LENGTH = f"Content-Length: {len(AUDIO)}"
CHUNK = chunk(AUDIO)
END = b"0\r\n\r\n"
HTML = b"<html><body>sign in</body></html>"

ROWS = [
    Row("D1 JSON error as audio", says(REFUSED), errors.AccessDeniedError),
    Row("D1 JSON error after a BOM", says(b"\xef\xbb\xbf" + REFUSED), errors.AccessDeniedError),
    Row("D1 JSON error, 403", says(REFUSED, status="403 No"), errors.AccessDeniedError),
    Row("D1 JSON error as a sheet", says(REFUSED), errors.AccessDeniedError, "a.xls"),
    Row("D1 JSON success", says(b'{"status": "success"}'), errors.ContentError),
    Row("D2 zero bytes", says(b""), errors.NoRecordingError),
    Row("D2 zero bytes, chunked", raw(HEAD, END), errors.NoRecordingError),
    Row("D2 zero bytes as a sheet", says(b""), errors.ContentError, "a.xls"),
    Row("D3 web page as audio", says(HTML), errors.ContentError),
    Row("D3 garbage as audio", says(b"\x01garbage" * 99), errors.ContentError),
    Row("D3 one frame, then garbage", says(AUDIO[:144] + b"x" * 999), errors.ContentError),
    Row("D3 frame header with a bad rate", says(b"\xff\xfb\xf8\xc0" * 99), errors.ContentError),
    Row("D3 web page as a sheet", says(HTML, kind=""), errors.ContentError, "a.xls"),
    Row("D3 audio as a sheet", says(AUDIO, kind=""), errors.ContentError, "a.xls"),
    Row("D3 sheet as audio", says(OLE2), errors.ContentError),
    Row("D4 audio as octets", says(AUDIO, kind="application/octet-stream"), None),
    Row("D4 audio as a web page", says(AUDIO, kind="text/html; charset=x"), None),
    Row("D4 audio as JSON", says(TAGGED, kind="application/json"), None),
    Row("D4 sheet as a web page", says(SHEET, kind="text/html"), None, "a.xls"),
    Row("D5 length, FIN (T13)", raw(FULL[:-7]), errors.TruncatedError),
    Row("D5 length, RST (T13)", raw(FULL[:-7], reset=True), errors.RoistatError),
    Row("D5 cut in a chunk (T14)", raw(HEAD, CHUNK[:-9]), errors.TruncatedError),
    Row("D5 cut between chunks (T14)", raw(HEAD, CHUNK), errors.TruncatedError),
    Row("D5 neither length nor chunks (T15)", unframed(AUDIO), errors.TruncatedError),
    Row("D5 the same, cut (T15)", unframed(AUDIO[:-7]), errors.TruncatedError),
    Row("D5 length and chunks (T17)", says(AUDIO, CHUNKED), errors.MalformedResponseError),
    Row("D5 two lengths (T17)", says(AUDIO, "Content-Length: 9"), errors.MalformedResponseError),
    Row("D5 negative (T17)", says(AUDIO, framing="Content-Length: -1"), errors.ResponseError),
    Row("D5 bad chunk size (T17)", raw(HEAD, b"zz\r\n", AUDIO), errors.RoistatError),
    Row("D6 last frame cut", says(CUT_FRAME), errors.TruncatedError),
    Row("D6 last frame cut, chunked", raw(HEAD, chunk(CUT_FRAME), END), errors.TruncatedError),
    Row("D6 fewer bytes than Xing counts", says(XING[: -5 * 144]), errors.TruncatedError),
    Row("D6 all the bytes that Xing counts", says(XING), None),
    Row("D6 sheet without its end", says(SHEET[:-2048]), errors.TruncatedError, "a.xls"),
    Row("D6 last frame cut, unframed", unframed(CUT_FRAME), errors.TruncatedError),
    Row("D6 sheet without its end, unframed", unframed(SHEET[:-9]), errors.TruncatedError, "a.xls"),
]


async def saved(roistat: Roistat, target: Path) -> Download:
    if target.suffix == ".xls":
        return await roistat.calls.export_xls(PERIOD, to=target)
    return await roistat.calls.download_recording(7, to=target)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.what)
async def test_an_answer(row: Row, tmp_path: Path) -> None:
    """Each is told as what it is, and no file appears; or it is a file, whatever its label."""
    async with RawServer(row.script) as server, client(server.base_url) as roistat:
        if row.error is None:
            found = await saved(roistat, tmp_path / row.file)
            assert found.path.stat().st_size == found.size > 0
            return
        with pytest.raises(row.error) as caught:
            await saved(roistat, tmp_path / row.file)
    assert row.error is errors.RoistatError or type(caught.value) is not errors.RoistatError
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("row", [row for row in ROWS if row.error], ids=lambda row: row.what)
async def test_an_old_file_stays(row: Row, tmp_path: Path) -> None:
    """What goes wrong leaves alone what stood there before."""
    (tmp_path / row.file).write_bytes(b"old")
    async with RawServer(row.script) as server, client(server.base_url) as roistat:
        with pytest.raises(errors.RoistatError):
            await saved(roistat, tmp_path / row.file)
    assert os.listdir(tmp_path) == [row.file]
    assert (tmp_path / row.file).read_bytes() == b"old"


NAMES = [
    'attachment; filename="../../../etc/cron.d/x"',
    "attachment; filename*=UTF-8''..%2F..%2Fevil.mp3",
    "attachment; filename=/etc/passwd",
    'attachment; filename="con"',
    'attachment; filename="a\x01b"',
]


@pytest.mark.parametrize("name", NAMES)
async def test_d13_no_header_names_a_file(name: str, tmp_path: Path) -> None:
    """Content-Disposition has no say: the file is where it was asked for."""
    script = says(AUDIO, f"Content-Disposition: {name}")
    inside = tmp_path / "in"
    async with RawServer(script) as server, client(server.base_url) as roistat:
        # A control byte is no HTTP, by aiohttp's debug mode.
        refused = [errors.ResponseError] if "\x01" in name else []
        with suppress(*refused):
            await saved(roistat, inside / "a.mp3")
            assert (inside / "a.mp3").read_bytes() == AUDIO
    assert {path.name for path in tmp_path.rglob("*")} <= {"in", "a.mp3"}


IDS = ["../../x", "..", ".", "%2e%2e", "a/b", "a?b", "a#f", "1\r\nX: y", "١", "", "1" * 21]


@pytest.mark.parametrize("call_id", IDS)
async def test_d14_what_is_no_id(
    call_id: str, fake: FakeRoistat, roistat: Roistat, tmp_path: Path
) -> None:
    """Refused before any request and before any folder is made, alone and among many."""
    with pytest.raises(errors.ConfigurationError):
        await roistat.calls.download_recording(call_id, to=tmp_path / "new" / "a.mp3")
    with pytest.raises(errors.ConfigurationError):
        roistat.calls.download_recordings(["1", call_id], tmp_path / "new")
    assert (fake.requests, os.listdir(tmp_path)) == ([], [])


async def test_d14_an_id_that_a_server_made_up(
    fake: FakeRoistat, roistat: Roistat, tmp_path: Path
) -> None:
    """A list may hold any id; none of them becomes a path."""
    fake.state.edit_call(fake.state.calls.ids()[-1], id="../../evil")
    (call,) = await roistat.calls.list(limit=1).collect()
    assert call.id == "../../evil"
    with pytest.raises(errors.ConfigurationError):
        await roistat.calls.download_recording(call, to=tmp_path / "a.mp3")
    assert not [seen for seen in fake.requests if seen.path.endswith("/file")]


async def test_d15_an_answer_nobody_asked_for(tmp_path: Path) -> None:
    """A stray recording on the connection is given to nobody: each file has its own bytes."""

    async def chatty(wire: Wire) -> None:
        while request := await wire.request():
            number = request.split(b"/call/")[1].split(b"/")[0].decode()
            true = answer(mp3.recording(number, 30), kind="audio/mpeg")
            await wire.send(true + answer(mp3.recording("666", 30), kind="audio/mpeg"))

    async with RawServer(chatty) as server, client(server.base_url) as roistat:
        for number in ("11", "12", "13"):
            found = await roistat.calls.download_recording(number, to=tmp_path / number)
            assert found.path.read_bytes() == mp3.recording(number, 30)
    assert server.connections == 3


@pytest.mark.parametrize("count", [60, pytest.param(10_000, marks=pytest.mark.long)])
async def test_d16_some_of_very_many_fail(count: int, tmp_path: Path) -> None:
    """The others are kept, and each failure is told with its error."""
    bad = {"7": 0, "33": 0, "59": 0}

    async def serve(wire: Wire) -> None:
        while request := await wire.request():
            number = request.split(b"/call/")[1].split(b"/")[0].decode()
            body = HTML if number in bad else mp3.recording(number, 0.1)
            await wire.send(answer(body, kind="audio/mpeg"))

    async with RawServer(serve) as server, client(server.base_url) as roistat:
        ids = range(1, count + 1)
        many = [one async for one in roistat.calls.download_recordings(ids, tmp_path)]
    failed = {one.call_id: one.error for one in many if one.status == "failed"}
    assert set(failed) == set(bad)
    assert all(isinstance(error, errors.ContentError) for error in failed.values())
    assert len(os.listdir(tmp_path)) == count - len(bad)


def test_d16_the_command_ends_with_3(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The exit code of the command tells that some recordings failed."""
    with FakeRoistat(calls=60).in_thread() as fake:
        monkeypatch.setenv("ROISTAT_BASE_URL", fake.base_url)
        monkeypatch.setenv("ROISTAT_API_KEY", fake.api_key)
        monkeypatch.setenv("ROISTAT_PROJECT", str(fake.project))
        fake.fail("call/*/file", Fault.html())
        assert run(["recordings", str(tmp_path / "mp3"), "--last", "5h"]) == 3
    assert capsys.readouterr().out.count('"failed"') == 1
    assert len(os.listdir(tmp_path / "mp3")) > 1
