"""Tests for files of another kind: named, refused once, and saved where the caller wants that."""

from __future__ import annotations

import gzip
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from roistat_async import AudioFormat, Period, Roistat, errors
from roistat_async.testing import FakeRoistat, mp3, xls
from tests.helpers.clients import client
from tests.helpers.raw_server import OK_BODY, RawServer, answer, replies

AUDIO = mp3.recording("7", 60)
WAV = b"RIFF\x24\x40\x00\x00WAVEfmt \x10\x00\x00\x00" + bytes(16_000)
HTML = b"<html><body>sign in</body></html>"
JSON = b'{"rows": []}'
SHEET = xls.workbook([["x", 1]] * 300)
PERIOD = Period.last(days=1)


@pytest.fixture
async def answering() -> AsyncIterator[Any]:
    """Return a function that opens a client of a server with always the same response."""
    servers: list[RawServer] = []
    clients: list[Roistat] = []

    async def start(response: bytes) -> tuple[Roistat, RawServer]:
        servers.append(await RawServer(replies(response)).__aenter__())
        clients.append(await client(servers[-1].base_url, attempts=3).__aenter__())
        return clients[-1], servers[-1]

    yield start
    for opened in clients:
        await opened.close()
    for server in servers:
        await server.__aexit__(None, None, None)


REFUSED = {
    "WAV": WAV,
    "Ogg": b"OggS\x00\x02" + bytes(99),
    "M4A": b"\x00\x00\x00\x20ftypM4A " + bytes(99),
    "MP2": (b"\xff\xfd\x84\x00" + bytes(380)) * 9,
    "AMR": b"#!AMR\n" + bytes(99),
    "HTML": HTML,
    "CSV": b"Date;Caller\n2026-05-01;7495\n",
    ".xlsx": b"PK\x03\x04" + bytes(26) + b"[Content_Types].xml" + bytes(99),
    "ZIP": b"PK\x03\x04" + bytes(26) + b"calls.csv" + bytes(99),
    "gzip": gzip.compress(AUDIO),
    "XLS": SHEET,
}


@pytest.mark.parametrize("kind", REFUSED)
async def test_d60_refusal_names_what_was_found(kind: str, answering: Any, tmp_path: Path) -> None:
    """What is no MP3 is requested once, and the error names its kind and the way out."""
    roistat, server = await answering(answer(REFUSED[kind], kind="audio/mpeg"))
    with pytest.raises(errors.ContentError, match=rf"the response is {kind}, expected MP3; ") as e:
        await roistat.calls.download_recording(7, to=tmp_path / "a.mp3")
    is_audio = kind in ("WAV", "Ogg", "M4A", "MP2", "AMR")
    assert (f'accept=["{kind.lower()}"]' if is_audio else "check=False") in str(e.value)
    assert (len(server.requests), os.listdir(tmp_path)) == (1, [])


SHEETS = {
    "SpreadsheetML": b'<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?><Workbook/>',
    "CSV": b"Date;Caller\n2026-05-01;7495\n",
    "HTML": b"<table><tr><td>Date</td></tr></table>",
}


@pytest.mark.parametrize("kind", SHEETS)
async def test_d60_refused_sheet_is_named(kind: str, answering: Any, tmp_path: Path) -> None:
    """An export of another format is named, and saved without the check."""
    roistat, _ = await answering(answer(SHEETS[kind], kind="application/vnd.ms-excel"))
    with pytest.raises(errors.ContentError, match=f"the response is {kind}, expected XLS"):
        await roistat.calls.export_xls(PERIOD, to=tmp_path / "a.xls")
    await roistat.calls.export_xls(PERIOD, to=tmp_path / "a.xls", check=False)
    assert (tmp_path / "a.xls").read_bytes() == SHEETS[kind]


@pytest.mark.parametrize("body", [*REFUSED.values(), JSON, AUDIO[:-7]])
async def test_d61_unchecked_content_is_given_as_it_is(
    body: bytes, answering: Any, tmp_path: Path
) -> None:
    """`check=False` gives and saves any content of a successful response, truncated or not."""
    roistat, server = await answering(answer(body, kind="audio/mpeg"))
    async with roistat.calls.recording(7, check=False) as chunks:
        assert b"".join([chunk async for chunk in chunks]) == body
    saved = await roistat.calls.download_recording(7, to=tmp_path / "a.mp3", check=False)
    assert (saved.path, saved.path.read_bytes()) == (tmp_path / "a.mp3", body)
    assert len(server.requests) == 2


STILL_REFUSED = {
    "error": (answer(b'{"status": "error", "error": "access_denied"}'), errors.AccessDeniedError),
    "empty": (answer(b"", kind="audio/mpeg"), errors.NoRecordingError),
    "status": (answer(HTML, status="404 Not Found", kind="text/html"), errors.RoistatError),
    "unframed": (answer(AUDIO, framing=""), errors.TruncatedError),
}


@pytest.mark.parametrize(("response", "kind"), STILL_REFUSED.values(), ids=STILL_REFUSED)
async def test_d61_errors_are_no_content(
    response: bytes, kind: type[Exception], answering: Any, tmp_path: Path
) -> None:
    """`check=False` saves neither an error nor nothing nor a body whose end is unknown."""
    roistat, _ = await answering(response)
    with pytest.raises(kind):
        await roistat.calls.download_recording(7, to=tmp_path / "a.mp3", check=False)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("body", "to", "name"),
    [(WAV, "1.mp3", "1.wav"), (AUDIO, "1.wav", "1.mp3"), (WAV, "call 1", "call 1")],
)
async def test_d62_accepted_format_has_its_own_ending(
    body: bytes, to: str, name: str, answering: Any, tmp_path: Path
) -> None:
    """A recording of an accepted format is saved under its ending, and the result says where."""
    roistat, _ = await answering(answer(body, kind="audio/mpeg"))
    saved = await roistat.calls.download_recording(7, to=tmp_path / to, accept=["wav", "ogg"])
    assert (saved.path, saved.path.read_bytes()) == (tmp_path / name, body)
    assert os.listdir(tmp_path) == [name]


async def test_d62_target_of_an_accepted_format_is_checked(answering: Any, tmp_path: Path) -> None:
    """A link that has the name of the accepted file is not replaced."""
    roistat, _ = await answering(answer(WAV, kind="audio/mpeg"))
    (tmp_path / "1.wav").symlink_to("elsewhere")
    with pytest.raises(errors.ConfigurationError, match="not a regular file"):
        await roistat.calls.download_recording(7, to=tmp_path / "1.mp3", accept=["wav"])
    assert os.listdir(tmp_path) == ["1.wav"]


async def test_d62_accepted_formats_in_bulk(
    fake: FakeRoistat, roistat: Roistat, tmp_path: Path
) -> None:
    """A second run skips the recordings of every accepted format."""
    ids = list(fake.state.recordings)[:3]
    fake.state.recordings[ids[1]] = WAV
    for expected in (["saved"] * 3, ["skipped"] * 3):
        outcomes = roistat.calls.download_recordings(ids, tmp_path, accept=["wav"])
        assert [str(outcome.status) async for outcome in outcomes] == expected
    names = [f"{call_id}.{'wav' if call_id == ids[1] else 'mp3'}" for call_id in ids]
    assert sorted(os.listdir(tmp_path)) == sorted(names)
    assert len(fake.requests) == 3


@pytest.mark.parametrize("accept", ["wav", ["html"], [""], 5])
async def test_d62_unknown_format_is_refused(
    accept: Any, fake: FakeRoistat, roistat: Roistat, tmp_path: Path
) -> None:
    """ConfigurationError lists the formats, before any request."""
    formats: list[AudioFormat] = accept
    with pytest.raises(errors.ConfigurationError, match="accept must be a list"):
        await roistat.calls.download_recording(7, to=tmp_path / "a.mp3", accept=formats)
    with pytest.raises(errors.ConfigurationError, match="accept must be a list"):
        roistat.calls.download_recordings([7], tmp_path / "mp3", accept=formats)
    assert (fake.requests, os.listdir(tmp_path)) == ([], [])


BEGINNINGS = {
    "zeros": bytes(50_000),
    "a newline": b"\n",
    "a BOM": b"\xef\xbb\xbf",
    "half a frame": AUDIO[70:144],
}


@pytest.mark.parametrize("beginning", BEGINNINGS.values(), ids=BEGINNINGS)
async def test_d63_audio_may_begin_late(beginning: bytes, answering: Any, tmp_path: Path) -> None:
    """An MP3 that begins within the first 64 KiB is saved with all its bytes, a cut one is not."""
    roistat, _ = await answering(answer(beginning + AUDIO, kind="audio/mpeg"))
    saved = await roistat.calls.download_recording(7, to=tmp_path / "a.mp3")
    assert saved.path.read_bytes() == beginning + AUDIO
    roistat, _ = await answering(answer(bytes(70_000) + AUDIO, kind="audio/mpeg"))
    with pytest.raises(errors.ContentError, match="an unknown format"):
        await roistat.calls.download_recording(7, to=tmp_path / "a.mp3")


@pytest.mark.parametrize("label", ["none", "utf-8", "binary", "8bit", "identity", "UTF-8"])
async def test_d65_harmless_labels_are_no_encoding(
    label: str, answering: Any, tmp_path: Path
) -> None:
    """A Content-Encoding that stands for no compression changes no file and no list."""
    header = f"Content-Encoding: {label}"
    roistat, _ = await answering(answer(AUDIO, header, kind="audio/mpeg"))
    saved = await roistat.calls.download_recording(7, to=tmp_path / "a.mp3")
    assert saved.path.read_bytes() == AUDIO
    roistat, _ = await answering(answer(OK_BODY, header))
    assert await roistat.scripts.list() == []


COMPRESSED = {"gzip": gzip.compress(AUDIO), "wrongly labelled": AUDIO}


@pytest.mark.parametrize("body", COMPRESSED.values(), ids=COMPRESSED)
async def test_d66_compressed_recording_is_requested_once(
    body: bytes, answering: Any, tmp_path: Path
) -> None:
    """The error says that the response is compressed, and that a proxy or server must not do it."""
    roistat, server = await answering(answer(body, "Content-Encoding: gzip", kind="audio/mpeg"))
    with pytest.raises(errors.ContentError, match=r"compressed \(gzip\).*proxy"):
        await roistat.calls.download_recording(7, to=tmp_path / "a.mp3")
    assert len(server.requests) == 1


async def test_d66_compressed_recording_is_decompressed_unchecked(
    answering: Any, tmp_path: Path
) -> None:
    """`check=False` saves the decompressed bytes."""
    response = answer(gzip.compress(AUDIO), "Content-Encoding: gzip", kind="audio/mpeg")
    roistat, _ = await answering(response)
    saved = await roistat.calls.download_recording(7, to=tmp_path / "a.mp3", check=False)
    assert saved.path.read_bytes() == AUDIO


RAISED = [
    errors.RequestTimeoutError("mine", phase="read", seconds=1),
    errors.TruncatedError("mine"),
    errors.ChangedError("mine"),
    errors.NoRecordingError("mine"),
]


@pytest.mark.parametrize("error", RAISED, ids=lambda error: type(error).__name__)
async def test_d68_error_of_a_callback_is_no_cut(
    error: errors.RoistatError, fake: FakeRoistat, roistat: Roistat, tmp_path: Path
) -> None:
    """An error that `progress` raises is raised after one request, whatever its type."""
    calls: list[int] = []

    def progress(size: int, _: int | None) -> None:
        calls.append(size)
        raise error

    call_id = next(iter(fake.state.recordings))
    with pytest.raises(type(error)) as caught:
        await roistat.calls.download_recording(call_id, to=tmp_path / "a.mp3", progress=progress)
    assert caught.value is error
    assert (len(calls), len(fake.requests), os.listdir(tmp_path)) == (1, 1, [])
