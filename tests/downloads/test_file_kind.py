"""Tests for the kind of a file by its first bytes."""

from __future__ import annotations

import pytest

from roistat_async.downloads.file_kind import FileKind, sniff
from roistat_async.downloads.mpeg_frames import LAYER_2, frame_length
from roistat_async.testing import mp3

TWO_FRAMES = mp3.recording("1", 0.072)
AUDIO = mp3.recording("1", 30)
ONE_FRAME = TWO_FRAMES[: mp3.FRAME_BYTES]
ID3 = b"ID3\x03\x00\x00\x00\x00\x00\x28" + bytes(40)
XML = b"<?xml version='1.0'?>\n"
KINDS = {  # test_other_content.py has those of a single form
    FileKind.EMPTY: [b"", b"\r\n", b"\xef\xbb\xbf\n", b"null\n", b"false", b"[]", b" {} ", b'""'],
    FileKind.MP3: [
        *(TWO_FRAMES, TWO_FRAMES[:200], ONE_FRAME, ONE_FRAME + b"TAG" + bytes(125)),
        b"ID3\x04\x00" + bytes(20),
        *(ID3 + ID3 + AUDIO, b"APETAGEX" + bytes(224) + AUDIO),
        *(padding + AUDIO for padding in (b"\n", b"\xef\xbb\xbf", bytes(9999), AUDIO[70:144])),
        bytes(60_000) + b"ID3\x04\x00" + bytes(20),
        b"\x01garbage" * 8000 + AUDIO[: 144 * 3],
    ],
    FileKind.XLSX: [
        b"PK\x03\x04" + bytes(26) + name for name in (b"[Content_Types].xml", b"_rels/.rels")
    ],
    FileKind.JSON: [b'{"status": "error"}', b"\xef\xbb\xbf [1]"],
    FileKind.HTML: [b"\n<!DOCTYPE html>", b"<table>"],
    FileKind.XML: [XML + b"<Error/>"],
    FileKind.SPREADSHEET_ML: [
        XML + b'<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet">',
        b'\xef\xbb\xbf<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?>',
    ],
    FileKind.CSV: [
        b"Date;Caller\r\n2026-05-01;7495\r\n",
        "Дата,Номер\n2026,7495".encode("cp1251"),
        b"id\tdate\n1\t2",
        "\ufeffДата\tНомер\r\n2026\t7495\r\n".encode("utf-16-le"),
        "\ufeffid\tdate\n1\t2\n".encode("utf-16-be") + b"\0",
    ],
    FileKind.WAV: [b"RIFF\x00\x00\x00\x00WAVEfmt " + AUDIO, b"RF64\xff\xff\xff\xffWAVEds64"],
    FileKind.AMR: [b"#!AMR\n", b"#!AMR-WB\n"],
    FileKind.FLAC: [b"fLaC\x00\x00\x00\x22"],
    FileKind.OTHER: [
        TWO_FRAMES[:146],
        b"RIFF\x00\x00\x00\x00AVI LIST",
        b"Warning: mysql",
        "\ufeffno table".encode("utf-16-le"),
        b"a, b\nc",
        *(b"\xff\xfb\x90\x00" + bytes(2000), b"\xff\xff\xff\xff" * 100, b"\xff\xfb"),
        b"x" + AUDIO[: 144 * 3 - 1],
    ],
}


@pytest.mark.parametrize(
    ("kind", "body"), [(kind, body) for kind, bodies in KINDS.items() for body in bodies]
)
def test_kind(kind: FileKind, body: bytes) -> None:
    """Each kind is told by its bytes; an MP3 may begin behind padding or half a frame."""
    assert sniff(body) is kind


def headers(version: int, bit_rates: range, sample_rates: range = range(1)) -> list[bytes]:
    """Return headers with each bit rate and sample rate, given as the index in its table."""
    rates = [bit << 4 | sample << 2 for bit in bit_rates for sample in sample_rates]
    return [bytes([0xFF, version, rate, 0]) for rate in rates]


LENGTHS = {
    "MPEG-1": (headers(0xFB, range(1, 15)), [
        104, 130, 156, 182, 208, 261, 313, 365, 417, 522, 626, 731, 835, 1044]),
    "MPEG-2": (headers(0xF3, range(1, 15)), [
        26, 52, 78, 104, 130, 156, 182, 208, 261, 313, 365, 417, 470, 522]),
    "MPEG-1, layer 2": (headers(0xFD, range(1, 15)), [
        104, 156, 182, 208, 261, 313, 365, 417, 522, 626, 731, 835, 1044, 1253]),
    "MPEG-2, layer 2": (headers(0xF5, range(1, 15)), [
        52, 104, 156, 208, 261, 313, 365, 417, 522, 626, 731, 835, 940, 1044]),
    "sample rates of MPEG-1": (headers(0xFB, range(9, 10), range(4)), [417, 384, 576, 0]),
    "sample rates of MPEG-2": (headers(0xF3, range(8, 9), range(3)), [208, 192, 288]),
    "sample rates of MPEG-2.5": (headers(0xE3, range(8, 9), range(3)), [417, 384, 576]),
    "padded": ([b"\xff\xfb\x92\x00"], [418]),
    "8 kbit/s, 8,000 Hz": ([b"\xff\xe3\x18\xc0"], [72]),
    "no such bit rate, free format": ([b"\xff\xfb\xf0\x00", b"\xff\xfb\x00\x00"], [0, 0]),
    "no such version, layer II": ([b"\xff\xeb\x90\x00", b"\xff\xfd\x90\x00"], [0, 0]),
}  # fmt: skip


@pytest.mark.parametrize("name", LENGTHS)
def test_frame_length(name: str) -> None:
    """The length follows the rates of a valid header; any other one gives 0."""
    headers, lengths = LENGTHS[name]
    layers = [LAYER_2] if "layer 2" in name else []
    assert [frame_length(header, 0, *layers) for header in headers] == lengths
