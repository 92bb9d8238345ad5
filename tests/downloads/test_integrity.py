"""Tests that a file which shows its truncation is found, and that no complete one is suspected.

A sheet shows it by its sector table ([MS-CFB] 2.3) or ZIP directory.
"""

from __future__ import annotations

import io
import struct
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roistat_async.downloads import integrity, mp3_integrity, xls_integrity
from roistat_async.downloads.file_kind import OLE2, ZIP, FileKind, sniff
from roistat_async.testing import mp3, xls

AUDIO = mp3.recording("7", 60)
TAGGED = mp3.recording("8", 60)
TWO_FRAMES = AUDIO[: 2 * mp3.FRAME_BYTES]
ID3V1 = b"TAG" + bytes(125)
FREE, END, TABLE = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
BEHIND_END = "the sheet has sectors behind its end"


def missing_from(data: bytes, kind: FileKind = FileKind.MP3) -> str | None:
    return integrity.find_truncation(kind, lambda at, size: data[at : at + size], len(data))


@pytest.mark.parametrize("body", [AUDIO, TAGGED, TWO_FRAMES], ids=["plain", "tagged", "two frames"])
def test_cut_last_frame_is_found(body: bytes) -> None:
    """A cut anywhere in the last frame is found, in its header as well."""
    for missing in range(1, mp3.FRAME_BYTES):
        assert missing_from(body[:-missing]) == mp3_integrity.CUT_LAST_FRAME


def with_xing(size: int, name: bytes = b"Xing", flags: int = 2, offset: int = 21) -> bytes:
    """Return audio whose first frame counts so many bytes."""
    frames = b"\0\0\0\x09" if flags & 1 else b""
    header = name + flags.to_bytes(4, "big") + frames + size.to_bytes(4, "big")
    return AUDIO[:offset] + header + AUDIO[offset + len(header) :]


COMPLETE = {
    "cut between frames": AUDIO[: -5 * mp3.FRAME_BYTES],
    "ID3v1 tag": AUDIO + ID3V1,
    "APE tag": AUDIO + b"APETAGEX" + bytes(24),
    "padding": AUDIO + bytes(3000),
    "text": AUDIO + b"some program wrote this",
    "one byte": AUDIO + b"x",
    "sync bytes": AUDIO + b"\xff" * 999,
    "frame of another kind": AUDIO + b"\xff\xf3\x80\x00" + bytes(20),
    "joined recordings": AUDIO + TAGGED[:5000] + TAGGED * 3,
    "Xing header without the count": with_xing(9**9, flags=1),
    "name of no Xing header": with_xing(9**9, b"Xinh"),
    "Xing header elsewhere": with_xing(9**9, offset=23),
}


@pytest.mark.parametrize("body", COMPLETE.values(), ids=COMPLETE)
def test_complete_recording_is_not_suspected(body: bytes) -> None:
    """A cut between frames of a constant bit rate, a tag, padding or another header is no cut."""
    assert missing_from(body) is None


def test_joined_recordings_are_judged_by_their_last_frame() -> None:
    """A tag between two recordings does not hide a cut at the end."""
    joined = AUDIO + ID3V1 + AUDIO[:-7], AUDIO + ID3V1 + AUDIO[: 4 * mp3.FRAME_BYTES - 7]
    assert all(map(missing_from, [(TAGGED * 3)[:-7], *joined]))


@pytest.mark.parametrize(("name", "flags"), [(b"Xing", 2), (b"Xing", 3), (b"Info", 2)])
def test_fewer_bytes_than_xing_counts(name: bytes, flags: int) -> None:
    """A Xing or Info header shows a cut that is exactly between two frames."""
    body = with_xing(len(AUDIO), name, flags)
    assert missing_from(body) is missing_from(body + ID3V1) is None
    assert missing_from(body[: -mp3.FRAME_BYTES]) == "its header counts more"


@pytest.mark.parametrize(
    ("header", "offset"),
    [
        (b"\xff\xfb\x90\x00", 36),  # MPEG-1, stereo
        (b"\xff\xfa\x90\x00", 38),  # with a checksum
        (b"\xff\xf3\x80\x00", 21),  # MPEG-2, stereo
        (b"\xff\xf3\x80\xc0", 13),  # MPEG-2, mono
        (b"\xff\xe3\x80\xc0", 13),  # MPEG-2.5, mono
    ],
)
def test_xing_header_of_each_version(header: bytes, offset: int) -> None:
    """The header follows the side information, whose length depends on version and channels."""
    frame = header + bytes(offset - 4) + b"Xing\0\0\0\x02" + (5000).to_bytes(4, "big")
    assert missing_from(frame + bytes(4999 - len(frame)))
    assert missing_from(frame + bytes(5000 - len(frame))) is None


@pytest.mark.parametrize(("flags", "size"), [(0, 266), (0x10, 276)], ids=["plain", "footer"])
def test_tag_longer_than_the_file(flags: int, size: int) -> None:
    """A file that ends inside its ID3v2 tag, whose footer counts too, is truncated."""
    tag = b"ID3\x04\x00" + bytes([flags]) + b"\x00\x00\x02\x00"
    assert missing_from(tag + bytes(size - 10)) is None
    assert missing_from(tag + bytes(size - 11)) == "the tag before the audio is cut"


@pytest.mark.parametrize("rows", [0, 200, 24_000])
def test_truncated_sheet_is_found(rows: int) -> None:
    """A sheet of any size: the table of 24,000 rows does not fit into the header."""
    body = xls.workbook([[f"{number:0300}"] for number in range(rows)])
    assert (len(body) > 7_200_000) == (rows == 24_000)
    assert missing_from(body, FileKind.XLS) is None
    assert missing_from(body[:-511], FileKind.XLS) == xls_integrity.LAST_SECTOR_CUT
    for size in (len(body) - 512, len(body) // 2, 4096, 513, 512):
        assert missing_from(body[:size], FileKind.XLS) == BEHIND_END


def test_truncated_zip_is_found() -> None:
    """The directory stands at the end of a ZIP file."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as book:
        book.writestr("xl/workbook.xml", "x" * 100_000)
    body, missing = buffer.getvalue(), "the directory at the end of the sheet is missing"
    assert missing_from(body, FileKind.XLS) is None
    assert missing_from(body[:-30], FileKind.XLS) == missing


def sheet(
    *sectors: int, shift: int = 9, count: int | None = None, next_list: int = END, lists: int = 0
) -> bytes:
    """Return a header that lists table sectors, a used sector, and behind it the table."""
    size = 1 << shift
    header = bytearray(OLE2.ljust(512, b"\0"))
    header[30:32] = shift.to_bytes(2, "little")
    struct.pack_into("<I", header, 44, len(sectors) if count is None else count)
    listed = [*sectors, *[FREE] * 109][:109]
    struct.pack_into("<111I", header, 68, next_list, lists, *listed)
    table = struct.pack("<2I", END, TABLE).ljust(size, b"\xff")
    return bytes(header).ljust(size, b"\0") + bytes(size) + table


SHEETS = {
    "sectors of 512 bytes": sheet(1),
    "sectors of 4,096 bytes": sheet(1, shift=12),
    "more sectors counted": sheet(1, count=110),
    "no list": sheet(1, count=110, lists=1),
    "unused list": sheet(1, lists=1),
    "full header": sheet(1, count=109, next_list=1000, lists=1),
    "no lists left": sheet(1, count=110, next_list=1000),
    "one sector too many": sheet(1, 1000, count=1),
}


@pytest.mark.parametrize("body", SHEETS.values(), ids=SHEETS)
def test_table_at_the_end_must_be_complete(body: bytes) -> None:
    """Not a byte of it may be missing; sectors beyond the count and unused lists are ignored."""
    assert missing_from(body, FileKind.XLS) is None
    for missing in (1, 4, 100, 512):
        assert missing_from(body[:-missing], FileKind.XLS)


@pytest.mark.parametrize("size", [512, 600, 4096])
def test_sheet_without_a_table_is_not_judged(size: int) -> None:
    """Without a table nothing states how long the file should be."""
    assert missing_from(sheet(shift=12)[:size], FileKind.XLS) is None


def test_list_behind_the_end_is_missing() -> None:
    """A table whose list, or whole last sector, is behind the end belongs to a longer file."""
    assert missing_from(sheet(1, shift=12)[:-4096], FileKind.XLS)
    assert missing_from(sheet(1, count=110, next_list=1000, lists=1), FileKind.XLS)


def test_list_that_leads_to_itself_ends() -> None:
    """A list is read as often as the header states, not for ever."""
    body = sheet(1, count=1000, next_list=2, lists=2) + struct.pack("<128I", *[FREE] * 127, 2)
    offsets: list[int] = []

    def read(offset: int, size: int) -> bytes:
        offsets.append(offset)
        return body[offset : offset + size]

    assert xls_integrity.find_truncation(read, len(body)) is None
    assert offsets.count(3 * 512) == 2


HEADS = [b"", b"ID3\x03\x00", AUDIO[:200], TAGGED[:9], OLE2, ZIP, sheet(1)[:100], sheet(1)[:511]]


@given(st.sampled_from(HEADS), st.binary(max_size=2000))
def test_any_bytes_are_judged(head: bytes, rest: bytes) -> None:
    """No bytes raise an exception, whatever their kind is taken for."""
    assert isinstance(sniff(head + rest), FileKind)
    for kind in (FileKind.MP3, FileKind.XLS):
        missing_from(head + rest, kind)


@given(st.binary(min_size=46, max_size=436), st.binary(max_size=3000))
def test_any_table_is_judged(table: bytes, rest: bytes) -> None:
    """No table raises an exception, wherever it points."""
    header = xls.workbook([])[:44] + table + bytes(512)
    missing_from(header[:512] + rest, FileKind.XLS)
