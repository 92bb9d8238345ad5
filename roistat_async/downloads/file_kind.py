"""Kind of a file by its first bytes: labels are wrong (an error saved as .xls is a real case)."""

from __future__ import annotations

from enum import Enum

HEAD_SIZE = 4096
"""Number of bytes that is enough: two MPEG frames have at most 2,881."""

OLE2 = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ZIP = b"PK\x03\x04"
_BOM = b"\xef\xbb\xbf"

# ISO 11172-3, layer III: bit rates in kbit/s and sample rates by version, as 4 and 2 bit indices.
_BIT_RATES_1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_BIT_RATES_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_SAMPLE_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}


class FileKind(Enum):
    """Kind of a body."""

    EMPTY = "empty"
    JSON = "JSON"
    HTML = "HTML"
    MP3 = "MP3"
    XLS = "XLS"
    OTHER = "an unknown format"


def sniff(head: bytes) -> FileKind:
    """Return the kind of a body by its first `HEAD_SIZE` bytes, or all if it is shorter."""
    if not head:
        return FileKind.EMPTY
    if head.startswith(b"ID3") or is_mpeg_audio(head):
        return FileKind.MP3
    if head.startswith((OLE2, ZIP)):
        return FileKind.XLS
    text = head.removeprefix(_BOM).lstrip()
    if text.startswith((b"{", b"[")):
        return FileKind.JSON
    return FileKind.HTML if text.startswith(b"<") else FileKind.OTHER


def is_mpeg_audio(head: bytes) -> bool:
    """Return whether two frames of MPEG audio follow each other, or one frame is everything."""
    length = frame_length(head, 0)
    return bool(length) and (length == len(head) or frame_length(head, length) > 0)


def frame_length(data: bytes, offset: int) -> int:
    """Return the length of the layer III frame at an offset; 0 if there is none."""
    if len(data) < offset + 4 or data[offset] != 0xFF or data[offset + 1] & 0xE6 != 0xE2:
        return 0
    version = data[offset + 1] >> 3 & 3
    rate, sample = data[offset + 2] >> 4, data[offset + 2] >> 2 & 3
    if version not in _SAMPLE_RATES or rate in (0, 15) or sample == 3:
        return 0
    bit_rate = (_BIT_RATES_1 if version == 3 else _BIT_RATES_2)[rate] * 1000
    samples = 144 if version == 3 else 72
    padding = data[offset + 2] >> 1 & 1
    return samples * bit_rate // _SAMPLE_RATES[version][sample] + padding
