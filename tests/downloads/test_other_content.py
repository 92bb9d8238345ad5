"""Tests for files of another kind: named, refused once, and saved where the caller wants that."""

from __future__ import annotations

import gzip
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from roistat_async import Period, Roistat, errors
from roistat_async.testing import FakeRoistat, xls
from tests.downloads.range_server import AUDIO, audio
from tests.helpers.clients import client
from tests.helpers.raw_server import OK_BODY, RawServer, answer, replies

WAV = b"RIFF\x24\x40\x00\x00WAVEfmt \x10\x00\x00\x00" + bytes(16_000)
HTML = b"<html><body>sign in</body></html>"
CSV = b"Date;Caller\n2026-05-01;7495\n"
PERIOD = Period.last(days=1)
GZIP = "Content-Encoding: gzip"
Answering = Callable[[bytes], Awaitable[tuple[Roistat, RawServer]]]


@pytest.fixture
async def answering() -> AsyncIterator[Answering]:
    """Return a function that opens a client of a server with always the same response."""
    async with AsyncExitStack() as stack:

        async def start(response: bytes) -> tuple[Roistat, RawServer]:
            server = await stack.enter_async_context(RawServer(replies(response)))
            roistat = client(server.base_url, attempts=3)
            return await stack.enter_async_context(roistat), server

        yield start


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
async def test_d60_refusal_names_what_was_found(
    kind: str, answering: Answering, target: Path
) -> None:
    """What is no MP3 is requested once, and the error names its kind and the way out."""
    roistat, server = await answering(audio(REFUSED[kind]))
    with pytest.raises(errors.ContentError, match=rf"the response is {kind}, expected MP3; ") as e:
        await roistat.calls.download_recording(7, to=target)
    is_audio = kind in ("WAV", "Ogg", "M4A", "MP2", "AMR")
    assert (f'accept=["{kind.lower()}"]' if is_audio else "check=False") in str(e.value)
    assert (len(server.requests), os.listdir(target.parent)) == (1, [])


SHEETS = {
    "SpreadsheetML": b'<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?><Workbook/>',
    "CSV": CSV,
    "HTML": b"<table><tr><td>Date</td></tr></table>",
}


@pytest.mark.parametrize("kind", SHEETS)
async def test_d60_refused_sheet_is_named(kind: str, answering: Answering, target: Path) -> None:
    """An export of another format is named, and saved without the check."""
    roistat, _ = await answering(answer(SHEETS[kind], kind="application/vnd.ms-excel"))
    with pytest.raises(errors.ContentError, match=f"the response is {kind}, expected XLS"):
        await roistat.calls.export_xls(PERIOD, to=target)
    await roistat.calls.export_xls(PERIOD, to=target, check=False)
    assert target.read_bytes() == SHEETS[kind]


@pytest.mark.parametrize("body", [*REFUSED.values(), b'{"rows": []}', AUDIO[:-7]])
async def test_d61_unchecked_content_is_given_as_it_is(
    body: bytes, answering: Answering, target: Path
) -> None:
    """`check=False` gives and saves any content of a successful response, truncated or not."""
    roistat, server = await answering(audio(body))
    async with roistat.calls.recording(7, check=False) as chunks:
        assert b"".join([chunk async for chunk in chunks]) == body
    saved = await roistat.calls.download_recording(7, to=target, check=False)
    assert (saved.path, target.read_bytes(), len(server.requests)) == (target, body, 2)


STILL_REFUSED = {
    "error": (answer(b'{"status": "error", "error": "access_denied"}'), errors.AccessDeniedError),
    "empty": (audio(b""), errors.NoRecordingError),
    "status": (answer(HTML, status="404 Not Found", kind="text/html"), errors.RoistatError),
    "unframed": (answer(AUDIO, framing=""), errors.TruncatedError),
}


@pytest.mark.parametrize(("response", "kind"), STILL_REFUSED.values(), ids=STILL_REFUSED)
async def test_d61_errors_are_no_content(
    response: bytes, kind: type[Exception], answering: Answering, target: Path
) -> None:
    """`check=False` saves neither an error nor nothing nor a body whose end is unknown."""
    roistat, _ = await answering(response)
    with pytest.raises(kind):
        await roistat.calls.download_recording(7, to=target, check=False)
    assert os.listdir(target.parent) == []


@pytest.mark.parametrize(
    ("body", "to", "name"),
    [(WAV, "1.mp3", "1.wav"), (AUDIO, "1.wav", "1.mp3"), (WAV, "call 1", "call 1")],
)
async def test_d62_accepted_format_has_its_own_ending(
    body: bytes, to: str, name: str, answering: Answering, tmp_path: Path
) -> None:
    """A recording of an accepted format is saved under its ending, and the result says where."""
    roistat, _ = await answering(audio(body))
    saved = await roistat.calls.download_recording(7, to=tmp_path / to, accept=["wav", "ogg"])
    assert (saved.path, saved.path.read_bytes()) == (tmp_path / name, body)
    assert os.listdir(tmp_path) == [name]


async def test_d62_target_of_an_accepted_format_is_checked(
    answering: Answering, target: Path
) -> None:
    """A link that has the name of the accepted file is not replaced."""
    roistat, _ = await answering(audio(WAV))
    target.with_suffix(".wav").symlink_to("elsewhere")
    with pytest.raises(errors.ConfigurationError, match="not a regular file"):
        await roistat.calls.download_recording(7, to=target, accept=["wav"])
    assert os.listdir(target.parent) == ["a.wav"]


async def test_d62_accepted_formats_in_bulk(
    fake: FakeRoistat, roistat: Roistat, recorded: list[str], tmp_path: Path
) -> None:
    """A second run skips the recordings of every accepted format."""
    first, second = recorded[:2]
    fake.state.recordings[second] = WAV
    for expected in (["saved"] * 2, ["skipped"] * 2):
        outcomes = roistat.calls.download_recordings(recorded[:2], tmp_path, accept=["wav"])
        assert [str(outcome.status) async for outcome in outcomes] == expected
    assert sorted(os.listdir(tmp_path)) == [f"{first}.mp3", f"{second}.wav"]
    assert len(fake.requests) == 2


@pytest.mark.parametrize("accept", ["wav", ["html"], [""], 5])
async def test_d62_unknown_format_is_refused(
    accept: Any, fake: FakeRoistat, roistat: Roistat, target: Path
) -> None:
    """ConfigurationError lists the formats, before any request."""
    with pytest.raises(errors.ConfigurationError, match="accept must be a list"):
        await roistat.calls.download_recording(7, to=target, accept=accept)
    with pytest.raises(errors.ConfigurationError, match="accept must be a list"):
        roistat.calls.download_recordings([7], target.parent / "mp3", accept=accept)
    assert (fake.requests, os.listdir(target.parent)) == ([], [])


BEGINNINGS = {
    "zeros": bytes(50_000),
    "a newline": b"\n",
    "a BOM": b"\xef\xbb\xbf",
    "half a frame": AUDIO[70:144],
}


@pytest.mark.parametrize("beginning", BEGINNINGS.values(), ids=BEGINNINGS)
async def test_d63_audio_may_begin_late(
    beginning: bytes, answering: Answering, target: Path
) -> None:
    """An MP3 that begins within the first 64 KiB is saved with all its bytes."""
    roistat, _ = await answering(audio(beginning + AUDIO))
    await roistat.calls.download_recording(7, to=target)
    assert target.read_bytes() == beginning + AUDIO


async def test_d63_audio_may_not_begin_too_late(answering: Answering, target: Path) -> None:
    """An MP3 that begins later is none."""
    roistat, _ = await answering(audio(bytes(70_000) + AUDIO))
    with pytest.raises(errors.ContentError, match="an unknown format"):
        await roistat.calls.download_recording(7, to=target)


@pytest.mark.parametrize("label", ["none", "utf-8", "binary", "8bit", "identity", "UTF-8"])
async def test_d65_harmless_labels_are_no_encoding(
    label: str, answering: Answering, target: Path
) -> None:
    """A Content-Encoding that stands for no compression changes no file and no list."""
    header = f"Content-Encoding: {label}"
    roistat, _ = await answering(audio(AUDIO, header))
    await roistat.calls.download_recording(7, to=target)
    assert target.read_bytes() == AUDIO
    roistat, _ = await answering(answer(OK_BODY, header))
    assert await roistat.scripts.list() == []


@pytest.mark.parametrize("body", [gzip.compress(AUDIO), AUDIO], ids=["gzip", "wrongly labelled"])
async def test_d66_compressed_recording_is_requested_once(
    body: bytes, answering: Answering, target: Path
) -> None:
    """The error says that the response is compressed, and that a proxy or server must not do it."""
    roistat, server = await answering(audio(body, GZIP))
    with pytest.raises(errors.ContentError, match=r"compressed \(gzip\).*proxy"):
        await roistat.calls.download_recording(7, to=target)
    assert len(server.requests) == 1


async def test_d66_compressed_recording_is_decompressed_unchecked(
    answering: Answering, target: Path
) -> None:
    """`check=False` saves the decompressed bytes."""
    roistat, _ = await answering(audio(gzip.compress(AUDIO), GZIP))
    await roistat.calls.download_recording(7, to=target, check=False)
    assert target.read_bytes() == AUDIO


RAISED = [
    errors.RequestTimeoutError("mine", phase="read", seconds=1),
    errors.TruncatedError("mine"),
    errors.ChangedError("mine"),
    errors.NoRecordingError("mine"),
]


@pytest.mark.parametrize("error", RAISED, ids=lambda error: type(error).__name__)
async def test_d68_error_of_a_callback_is_no_cut(
    error: errors.RoistatError, fake: FakeRoistat, roistat: Roistat, call_id: str, target: Path
) -> None:
    """An error that `progress` raises is raised after one request, whatever its type."""
    calls: list[int] = []

    def progress(size: int, _: int | None) -> None:
        calls.append(size)
        raise error

    with pytest.raises(type(error)) as caught:
        await roistat.calls.download_recording(call_id, to=target, progress=progress)
    assert caught.value is error
    assert (len(calls), len(fake.requests), os.listdir(target.parent)) == (1, 1, [])
