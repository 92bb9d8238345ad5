"""Tests for the kind of a file by its first bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roistat_async.downloads.file_kind import HEAD_SIZE, FileKind, frame_length, sniff
from roistat_async.testing import mp3

TWO_FRAMES = mp3.recording("1", 0.072)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", FileKind.EMPTY),
        (TWO_FRAMES, FileKind.MP3),
        (TWO_FRAMES[: mp3.FRAME_BYTES], FileKind.MP3),
        (TWO_FRAMES[:200], FileKind.MP3),
        (TWO_FRAMES[:146], FileKind.OTHER),
        (b"ID3\x04\x00" + bytes(20), FileKind.MP3),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504), FileKind.XLS),
        (b"PK\x03\x04" + bytes(26), FileKind.XLS),
        (b'{"status": "error"}', FileKind.JSON),
        (b"\xef\xbb\xbf [1]", FileKind.JSON),
        (b"\n<!DOCTYPE html>", FileKind.HTML),
        (b"<?xml version='1.0'?>", FileKind.HTML),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", FileKind.OTHER),
        (b"Warning: mysql", FileKind.OTHER),
        (b"\xff\xfb\x90\x00" + bytes(2000), FileKind.OTHER),
        (b"\xff\xff\xff\xff" * 100, FileKind.OTHER),
        (b"\xff\xfb", FileKind.OTHER),
    ],
)
def test_kind(body: bytes, kind: FileKind) -> None:
    """Audio begins with two frames or a tag, and a sheet is OLE2 or ZIP."""
    assert sniff(body) is kind


@pytest.mark.parametrize(
    ("header", "length"),
    [
        (b"\xff\xfb\x92\x00", 418),  # MPEG-1, 128 kbit/s, 44,100 Hz, padded
        (b"\xff\xe3\x18\xc0", 72),  # MPEG-2.5, 8 kbit/s, 8,000 Hz
        (b"\xff\xfb\xf0\x00", 0),  # no such bit rate
        (b"\xff\xfb\x00\x00", 0),  # free format
        (b"\xff\xfb\x9c\x00", 0),  # no such sample rate
        (b"\xff\xeb\x90\x00", 0),  # no such version
        (b"\xff\xfd\x90\x00", 0),  # layer II
    ],
)
def test_frame_length(header: bytes, length: int) -> None:
    """A valid layer III header gives the length of its frame, any other one 0."""
    assert frame_length(header, 0) == length


@pytest.mark.parametrize(
    ("version", "lengths"),
    [
        (0xFB, [104, 130, 156, 182, 208, 261, 313, 365, 417, 522, 626, 731, 835, 1044]),
        (0xF3, [26, 52, 78, 104, 130, 156, 182, 208, 261, 313, 365, 417, 470, 522]),
    ],
    ids=["MPEG-1", "MPEG-2"],
)
def test_frame_length_of_every_bit_rate(version: int, lengths: list[int]) -> None:
    """The length follows the bit rate, at 44,100 or 22,050 Hz."""
    headers = [bytes([0xFF, version, rate << 4, 0]) for rate in range(1, 15)]
    assert [frame_length(header, 0) for header in headers] == lengths


@pytest.mark.parametrize(
    ("version", "lengths"),
    [(0xFB, [417, 384, 576]), (0xF3, [208, 192, 288]), (0xE3, [417, 384, 576])],
    ids=["MPEG-1", "MPEG-2", "MPEG-2.5"],
)
def test_frame_length_of_every_sample_rate(version: int, lengths: list[int]) -> None:
    """The length follows the sample rate, at 128 or 64 kbit/s."""
    rate = 0x90 if version == 0xFB else 0x80
    headers = [bytes([0xFF, version, rate | sample << 2, 0]) for sample in range(3)]
    assert [frame_length(header, 0) for header in headers] == lengths


@given(st.binary(max_size=HEAD_SIZE))
def test_any_bytes_have_a_kind(body: bytes) -> None:
    """No bytes raise an exception."""
    assert isinstance(sniff(body), FileKind)
