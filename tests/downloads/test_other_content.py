"""Tests for files of another kind: named, refused once, and saved where the caller wants that."""

from __future__ import annotations

import gzip
import os
import re
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from roistat_async import Period, errors
from roistat_async.testing import Fault, xls
from tests.downloads.conftest import Recording
from tests.downloads.range_server import AUDIO, audio, download, failing_download, read, whole
from tests.helpers.clients import client
from tests.helpers.fault_server import sends
from tests.helpers.raw_server import OK_BODY, RawServer, answer, replies

WAV = b"RIFF\x24\x40\x00\x00WAVEfmt \x10\x00\x00\x00" + bytes(16_000)
HTML = b"<html><body>sign in</body></html>"
CSV = b"Date;Caller\n2026-05-01;7495\n"
GZIP = "Content-Encoding: gzip"
REFUSED = {
    "WAV": WAV,
    "Ogg": b"OggS\x00\x02" + bytes(99),
    "M4A": b"\x00\x00\x00\x20ftypM4A " + bytes(99),
    "MP2": (b"\xff\xfd\x84\x00" + bytes(380)) * 9,
    "AMR": b"#!AMR\n" + bytes(99),
    "HTML": HTML,
    "CSV": CSV,
    ".xlsx": b"PK\x03\x04" + bytes(26) + b"[Content_Types].xml" + bytes(99),
    "ZIP": b"PK\x03\x04" + bytes(26) + b"calls.csv" + bytes(99),
    "gzip": gzip.compress(AUDIO),
    "XLS": xls.workbook([["x", 1]] * 300),
}


@pytest.mark.parametrize("kind", REFUSED)
async def test_d60_refusal_names_what_was_found(kind: str, tmp_path: Path) -> None:
    """What is no MP3 is requested once, and the error names its kind and the way out."""
    error, requests = await failing_download(tmp_path, whole(body=REFUSED[kind]))
    assert isinstance(error, errors.ContentError)
    assert f"the response is {kind}, expected MP3; " in str(error)
    is_audio = kind in ("WAV", "Ogg", "M4A", "MP2", "AMR")
    assert (f'accept=["{kind.lower()}"]' if is_audio else "check=False") in str(error)
    assert (len(requests), os.listdir(tmp_path)) == (1, [])


SHEETS = {
    "SpreadsheetML": b'<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?><Workbook/>',
    "CSV": CSV,
    "HTML": b"<table><tr><td>Date</td></tr></table>",
}


@pytest.mark.parametrize("kind", SHEETS)
async def test_d60_refused_sheet_is_named(kind: str, recording: Recording) -> None:
    """An export of another format is named, and saved without the check."""
    calls, target, period = recording.roistat.calls, recording.target, Period.last(days=1)
    sheet = Fault.garbage(SHEETS[kind], "application/vnd.ms-excel")
    recording.fake.fail("xls/export", sheet, times=2)
    with pytest.raises(errors.ContentError, match=f"the response is {kind}, expected XLS"):
        await calls.export_xls(period, to=target)
    await calls.export_xls(period, to=target, check=False)
    assert target.read_bytes() == SHEETS[kind]


@pytest.mark.parametrize("body", [*REFUSED.values(), b'{"rows": []}', AUDIO[:-7]])
async def test_d61_unchecked_content_is_given_as_it_is(body: bytes, tmp_path: Path) -> None:
    """`check=False` gives and saves any content of a successful response, truncated or not."""
    saved, requests = await download(tmp_path, whole(body=body), check=False)
    assert (saved.path, saved.path.read_bytes()) == (tmp_path / "a.mp3", body)
    assert len(requests) == 1
    async with (
        RawServer(whole(body=body)) as server,
        client(server.base_url) as roistat,
        roistat.calls.recording(7, check=False) as opened,
    ):
        assert await read(opened) == body


STILL_REFUSED = {
    "error": (answer(b'{"status": "error", "error": "access_denied"}'), errors.AccessDeniedError),
    "empty": (audio(b""), errors.NoRecordingError),
    "status": (answer(HTML, status="404 Not Found", kind="text/html"), errors.RoistatError),
    "unframed": (answer(AUDIO, framing=""), errors.TruncatedError),
}


@pytest.mark.parametrize(("response", "kind"), STILL_REFUSED.values(), ids=STILL_REFUSED)
async def test_d61_errors_are_no_content(
    response: bytes, kind: type[Exception], tmp_path: Path
) -> None:
    """`check=False` saves neither an error nor nothing nor a body whose end is unknown."""
    error, _ = await failing_download(tmp_path, sends(response), check=False)
    assert isinstance(error, kind)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("body", "to", "name"),
    [
        (WAV, "1.mp3", "1.wav"), (AUDIO, "1.wav", "1.mp3"), (AUDIO, "1.mp3", "1.mp3"),
        (REFUSED["Ogg"], "1.MP3", "1.ogg"), (WAV, "1.5", "1.5"), (WAV, "call 1", "call 1"),
    ],
)  # fmt: skip
async def test_d62_accepted_format_has_its_own_ending(
    body: bytes, to: str, name: str, tmp_path: Path
) -> None:
    """A recording of an accepted format is saved under its ending, and the result says where."""
    saved, _ = await download(tmp_path, whole(body=body), name=to, accept=["wav", "ogg"])
    assert (saved.path, saved.path.read_bytes()) == (tmp_path / name, body)
    assert os.listdir(tmp_path) == [name]


async def test_d62_target_of_an_accepted_format_is_checked(tmp_path: Path) -> None:
    """A link that has the name of the accepted file is not replaced."""
    (tmp_path / "a.wav").symlink_to("elsewhere")
    error, _ = await failing_download(tmp_path, whole(body=WAV), accept=["wav"])
    assert isinstance(error, errors.ConfigurationError)
    assert "not a regular file" in str(error)
    assert os.listdir(tmp_path) == ["a.wav"]


@pytest.mark.parametrize("accept", ["wav", ["html"], [""], 5])
async def test_d62_unknown_format_is_refused(accept: Any, recording: Recording) -> None:
    """ConfigurationError lists the formats, before any request."""
    folder = recording.target.parent
    with pytest.raises(errors.ConfigurationError, match="accept must be a list"):
        await recording.save(accept=accept)
    with pytest.raises(errors.ConfigurationError, match="accept must be a list"):
        recording.roistat.calls.download_recordings([7], folder / "mp3", accept=accept)
    assert (recording.fake.requests, os.listdir(folder)) == ([], [])


@pytest.mark.parametrize("beginning", [bytes(50_000), b"\n", b"\xef\xbb\xbf", AUDIO[70:144]])
async def test_d63_audio_may_begin_late(beginning: bytes, tmp_path: Path) -> None:
    """An MP3 that begins within 64 KiB is saved with all its bytes, a later one is refused."""
    saved, _ = await download(tmp_path, whole(body=beginning + AUDIO))
    assert saved.path.read_bytes() == beginning + AUDIO
    error, _ = await failing_download(tmp_path, whole(body=bytes(70_000) + AUDIO))
    assert isinstance(error, errors.ContentError)
    assert "an unknown format" in str(error)


@pytest.mark.parametrize("label", ["none", "utf-8", "binary", "8bit", "identity", "UTF-8"])
async def test_d65_harmless_labels_are_no_encoding(label: str, tmp_path: Path) -> None:
    """A Content-Encoding that stands for no compression changes no file and no list."""
    header = f"Content-Encoding: {label}"
    saved, _ = await download(tmp_path, whole(header))
    assert saved.path.read_bytes() == AUDIO
    handler = replies(answer(OK_BODY, header))
    async with RawServer(handler) as server, client(server.base_url) as roistat:
        assert await roistat.scripts.list() == []


@pytest.mark.parametrize("body", [gzip.compress(AUDIO), AUDIO], ids=["gzip", "wrongly labelled"])
async def test_d66_compressed_recording_is_requested_once(body: bytes, tmp_path: Path) -> None:
    """The error says that the response is compressed, and that a proxy or server must not do it."""
    error, requests = await failing_download(tmp_path, whole(GZIP, body=body))
    assert isinstance(error, errors.ContentError)
    assert re.search(r"compressed \(gzip\).*proxy", str(error))
    assert len(requests) == 1


async def test_d66_compressed_recording_is_decompressed_unchecked(tmp_path: Path) -> None:
    """`check=False` saves the decompressed bytes."""
    saved, _ = await download(tmp_path, whole(GZIP, body=gzip.compress(AUDIO)), check=False)
    assert saved.path.read_bytes() == AUDIO


RAISED = [
    errors.RequestTimeoutError("mine", phase="read", seconds=1),
    *(errors.TruncatedError("mine"), errors.ChangedError("mine"), errors.NoRecordingError("mine")),
]


@pytest.mark.parametrize("error", RAISED, ids=lambda error: type(error).__name__)
async def test_d68_error_of_a_callback_is_no_cut(
    error: errors.RoistatError, tmp_path: Path
) -> None:
    """An error that `progress` raises is raised after one request, whatever its type."""
    progress = Mock(side_effect=error)
    caught, requests = await failing_download(tmp_path, whole(), progress=progress)
    assert caught is error
    assert (progress.call_count, len(requests), os.listdir(tmp_path)) == (1, 1, [])
