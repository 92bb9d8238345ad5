"""Tests that an MP3 which shows its truncation is found, and that no complete one is suspected."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roistat_async.downloads import mp3_integrity
from roistat_async.testing import mp3

AUDIO = mp3.recording("7", 60)
TAGGED = mp3.recording("8", 60)
TWO_FRAMES = AUDIO[: 2 * mp3.FRAME_BYTES]
ID3V1 = b"TAG" + bytes(125)


def missing_from(data: bytes) -> str | None:
    return mp3_integrity.find_truncation(lambda at, size: data[at : at + size], len(data))


def is_complete(data: bytes) -> bool:
    return missing_from(data) is None


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
def test_complete_file_is_not_suspected(body: bytes) -> None:
    """A cut between frames of a constant bit rate, a tag, padding or another header is no cut."""
    assert is_complete(body)


def test_joined_recordings_are_judged_by_their_last_frame() -> None:
    """A tag between two recordings does not hide a cut at the end."""
    assert not is_complete((TAGGED * 3)[:-7])
    assert not is_complete(AUDIO + ID3V1 + AUDIO[:-7])
    assert not is_complete(AUDIO + ID3V1 + AUDIO[: 4 * mp3.FRAME_BYTES - 7])


@pytest.mark.parametrize("name", [b"Xing", b"Info"])
@pytest.mark.parametrize("flags", [2, 3])
def test_fewer_bytes_than_xing_counts(name: bytes, flags: int) -> None:
    """A Xing or Info header shows a cut that is exactly between two frames."""
    body = with_xing(len(AUDIO), name, flags)
    assert is_complete(body)
    assert is_complete(body + ID3V1)
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
    assert not is_complete(frame + bytes(4999 - len(frame)))
    assert is_complete(frame + bytes(5000 - len(frame)))


@pytest.mark.parametrize("flags", [0, 0x10])
def test_tag_longer_than_the_file(flags: int) -> None:
    """A file that ends inside its ID3v2 tag, whose footer counts too, is truncated."""
    tag = b"ID3\x04\x00" + bytes([flags]) + b"\x00\x00\x02\x00"
    size = 10 + 256 + (10 if flags else 0)
    assert is_complete(tag + bytes(size - 10))
    assert missing_from(tag + bytes(size - 11)) == "the tag before the audio is cut"


HEADS = st.sampled_from([b"", b"ID3\x03\x00", AUDIO[:200], TAGGED[:9]])


@given(HEADS, st.binary(max_size=2000))
def test_any_bytes_are_judged(head: bytes, rest: bytes) -> None:
    """No bytes raise an exception."""
    missing_from(head + rest)
