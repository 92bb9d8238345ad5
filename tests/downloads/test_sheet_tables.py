"""Sheets whose table of sectors is laid out in every way that a header may tell ([MS-CFB] 2.3)."""

from __future__ import annotations

import struct

import pytest

from roistat_async import errors
from roistat_async.downloads import integrity
from roistat_async.downloads.file_kind import OLE2, FileKind
from roistat_async.testing import mp3, xls

FREE, END, TABLE = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD


def sheet(
    *places: int, shift: int = 9, count: int | None = None, further: int = END, more: int = 0
) -> bytes:
    """Give a header that lists `places`, a sector in use, and behind it the table."""
    size = 1 << shift
    header = bytearray(OLE2.ljust(512, b"\0"))
    header[30:32] = shift.to_bytes(2, "little")
    struct.pack_into("<I", header, 44, len(places) if count is None else count)
    listed = [*places, *[FREE] * 109][:109]
    struct.pack_into("<111I", header, 68, further, more, *listed)
    table = struct.pack("<2I", END, TABLE).ljust(size, b"\xff")
    return bytes(header).ljust(size, b"\0") + bytes(size) + table


def is_whole(data: bytes) -> bool:
    missing = integrity.find_truncation(
        FileKind.XLS, lambda at, size: data[at : at + size], len(data)
    )
    return missing is None


@pytest.mark.parametrize("shift", [9, 12])
def test_a_table_that_is_the_end_of_its_file(shift: int) -> None:
    """Not a byte of it may be missing, whatever the size of a sector."""
    body = sheet(1, shift=shift)
    assert is_whole(body)
    for missing in (1, 4, 100, 1 << shift):
        assert not is_whole(body[:-missing])


@pytest.mark.parametrize("size", [512, 600, 4096])
def test_a_sheet_without_a_table_is_not_judged(size: int) -> None:
    """Nothing in it says how long it should be."""
    assert is_whole(sheet(shift=12)[:size])


@pytest.mark.parametrize("size", [8, 31, 100, 511])
def test_less_than_a_header_raises_nothing_else(size: int) -> None:
    """Whatever it is taken for."""
    assert is_whole(sheet(1)[:size]) in (True, False)


@pytest.mark.parametrize(
    "body",
    [
        sheet(1, count=110),
        sheet(1, count=110, more=1),
        sheet(1, more=1),
        sheet(1, count=109, further=1000, more=1),
        sheet(1, count=110, further=1000),
        sheet(1, 1000, count=1),
    ],
    ids=["more counted", "no more there", "told", "full", "no more told", "one too many"],
)
def test_only_what_is_listed_counts(body: bytes) -> None:
    """As many places as are counted, and more of them only where the header had no room."""
    assert is_whole(body)
    assert not is_whole(body[:-1])


def test_a_continuation_behind_the_end_is_missing() -> None:
    """A table whose list goes on there is that of a longer file."""
    assert not is_whole(sheet(1, count=110, further=1000, more=1))


def test_a_list_that_leads_to_itself_ends() -> None:
    """It is read as often as the header tells, not for ever."""
    body = sheet(1, count=1000, further=2, more=2) + struct.pack("<128I", *[FREE] * 127, 2)
    reads: list[int] = []

    def read(at: int, size: int) -> bytes:
        reads.append(at)
        return body[at : at + size]

    assert integrity.find_truncation(FileKind.XLS, read, len(body)) is None
    assert reads.count(3 * 512) == 2


ZIPPED = b"PK\x03\x04" + bytes(100)
AUDIO = mp3.recording("7", 60)[:-9]
TAG = b"ID3\x04\x00\x00\x00\x00\x02\x00"


@pytest.mark.parametrize(
    ("content", "body", "missing"),
    [
        (FileKind.XLS, xls.workbook([])[:-1], "the sheet has sectors behind its end"),
        (FileKind.XLS, ZIPPED, "the directory at the end of the sheet is missing"),
        (FileKind.MP3, AUDIO, "the last frame of audio is cut"),
        (FileKind.MP3, TAG, "the tag before the audio is cut"),
    ],
)
def test_it_is_told_what_is_missing(content: FileKind, body: bytes, missing: str) -> None:
    """With the bytes that came: it was so before it was sent."""
    with pytest.raises(errors.TruncatedError) as caught:
        integrity.check(content, lambda at, size: body[at : at + size], len(body))
    told = f"all {len(body)} bytes came, but {missing}: it was cut before it was sent"
    assert str(caught.value) == told
