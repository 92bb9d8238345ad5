"""Whether a file says itself that something of it is missing."""

from __future__ import annotations

import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roistat_async import errors
from roistat_async.downloads import integrity
from roistat_async.downloads.file_kind import OLE2, FileKind
from roistat_async.testing import mp3, xls

AUDIO = mp3.recording("7", 60)
TAGGED = mp3.recording("8", 60)
TWO = AUDIO[: 2 * mp3.FRAME_BYTES]
ID3V1 = b"TAG" + bytes(125)
APE = b"APETAGEX" + bytes(24)


def is_whole(data: bytes, content: FileKind = FileKind.MP3) -> bool:
    """Tell whether nothing was found to be missing."""
    try:
        integrity.check(content, lambda at, size: data[at : at + size], len(data))
    except errors.TruncatedError:
        return False
    return True


@pytest.mark.parametrize("body", [AUDIO, TAGGED, TWO], ids=["audio", "tagged", "two frames"])
@pytest.mark.parametrize("missing", range(1, mp3.FRAME_BYTES))
def test_a_last_frame_that_is_cut(body: bytes, missing: int) -> None:
    """Anywhere in it, in its header as well."""
    assert not is_whole(body[:-missing])


@pytest.mark.parametrize("frames", [0, 1, 5])
def test_a_cut_between_frames_is_not_seen(frames: int) -> None:
    """Of a constant bit rate without a header that counts: it is a shorter file."""
    assert is_whole(AUDIO[: len(AUDIO) - frames * mp3.FRAME_BYTES])


ENDS = {
    "a tag": ID3V1,
    "another tag": APE,
    "padding": bytes(3000),
    "text": b"some program wrote this",
    "a little": b"x",
    "sync bytes": b"\xff" * 999,
    "a frame of another kind": b"\xff\xf3\x80\x00" + bytes(20),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_what_follows_the_last_frame_is_not_judged(end: bytes) -> None:
    """Tags and padding are no cut."""
    assert is_whole(AUDIO + end)


def test_frames_behind_something_else_are_looked_at() -> None:
    """Recordings that were joined have a tag in between."""
    assert is_whole(AUDIO + TAGGED[:5000] + TAGGED * 3)
    assert not is_whole((TAGGED * 3)[:-7])
    assert not is_whole(AUDIO + ID3V1 + AUDIO[:-7])
    assert not is_whole(AUDIO + ID3V1 + AUDIO[: 4 * mp3.FRAME_BYTES - 7])


def counted(size: int, name: bytes = b"Xing", flags: int = 2, at: int = 21) -> bytes:
    """Give audio whose first frame counts so many bytes."""
    frames = b"\0\0\0\x09" if flags & 1 else b""
    header = name + flags.to_bytes(4, "big") + frames + size.to_bytes(4, "big")
    return AUDIO[:at] + header + AUDIO[at + len(header) :]


@pytest.mark.parametrize("name", [b"Xing", b"Info"])
@pytest.mark.parametrize("flags", [2, 3])
def test_a_header_that_counts(name: bytes, flags: int) -> None:
    """More bytes than there are: cut, be it between two frames."""
    body = counted(len(AUDIO), name, flags)
    assert is_whole(body)
    assert is_whole(body + ID3V1)
    assert not is_whole(body[: -mp3.FRAME_BYTES])


def test_a_header_that_does_not_count() -> None:
    """No such flag, no such name, elsewhere."""
    for body in (counted(9**9, flags=1), counted(9**9, b"Xinh"), counted(9**9, at=23)):
        assert is_whole(body)


@pytest.mark.parametrize(
    ("header", "at"),
    [
        (b"\xff\xfb\x90\x00", 36),  # MPEG-1, stereo
        (b"\xff\xfa\x90\x00", 38),  # with a checksum
        (b"\xff\xf3\x80\x00", 21),  # MPEG-2, stereo
        (b"\xff\xf3\x80\xc0", 13),  # MPEG-2, mono
        (b"\xff\xe3\x80\xc0", 13),  # MPEG-2.5, mono
    ],
)
def test_the_place_of_a_count(header: bytes, at: int) -> None:
    """It follows the side information, whose length depends on version and channels."""
    frame = header + bytes(at - 4) + b"Xing\0\0\0\x02" + (5000).to_bytes(4, "big")
    assert not is_whole(frame + bytes(4999 - len(frame)))
    assert is_whole(frame + bytes(5000 - len(frame)))


@pytest.mark.parametrize("flags", [0, 0x10])
def test_a_tag_longer_than_the_file(flags: int) -> None:
    """Cut before any audio; a footer counts too."""
    tag = b"ID3\x04\x00" + bytes([flags]) + b"\x00\x00\x02\x00"
    size = 10 + 256 + (10 if flags else 0)
    assert is_whole(tag + bytes(size - 10))
    assert not is_whole(tag + bytes(size - 11))


@pytest.mark.parametrize("rows", [0, 200, 30_000])
def test_a_sheet_that_is_cut(rows: int) -> None:
    """Of any size: 30,000 rows need a table that the header has no room for."""
    body = xls.workbook([[f"{number:0300}"] for number in range(rows)])
    assert (len(body) > 7_200_000) == (rows == 30_000)
    assert is_whole(body, FileKind.XLS)
    for size in (len(body) - 1, len(body) - 512, len(body) // 2, 4096, 513, 512):
        assert not is_whole(body[:size], FileKind.XLS)


def test_a_zipped_sheet_that_is_cut() -> None:
    """Its directory stands at its end."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as book:
        book.writestr("xl/workbook.xml", "x" * 100_000)
    body = buffer.getvalue()
    assert is_whole(body, FileKind.XLS)
    assert not is_whole(body[:-30], FileKind.XLS)


HEADS = st.sampled_from([b"", b"ID3\x03\x00", AUDIO[:200], TAGGED[:9], OLE2, b"PK\x03\x04"])
SHEET = xls.workbook([])[:512]


@given(HEADS, st.binary(max_size=2000), st.sampled_from([FileKind.MP3, FileKind.XLS]))
def test_any_bytes_are_judged(head: bytes, rest: bytes, content: FileKind) -> None:
    """No bytes raise another exception."""
    is_whole(head + rest, content)


@given(st.binary(min_size=46, max_size=436), st.binary(max_size=3000))
def test_any_table_is_judged(table: bytes, rest: bytes) -> None:
    """However it points."""
    is_whole((SHEET[:44] + table + bytes(512))[:512] + rest, FileKind.XLS)
