"""Checks whether an MP3 file was truncated.

A last frame that is cut shows it, and so does a Xing header that counts more bytes than there are.
An MP3 of a constant bit rate without such a header that is cut exactly between two frames cannot
be told from a shorter recording. What follows the last frame (a tag, padding) is not judged.
"""

from __future__ import annotations

from ..files.fileio import ReadAt
from .mpeg_frames import find_frames, frame_length, signature

CUT_LAST_FRAME = "the last frame of audio is cut"
XING_COUNTS_MORE = "its header counts more"
TAG_CUT = "the tag before the audio is cut"

# From a few frames of speech to some ten of the longest kind: most files need only the first.
_TAIL_SIZES = (1536, 4 * 1024, 16 * 1024)
_SIDE_INFO = {(3, 0): 32, (3, 1): 17, (0, 0): 17, (0, 1): 9}  # (MPEG-1 or not, mono or not)


def find_truncation(read: ReadAt, size: int) -> str | None:
    """Return what is missing from an MP3 file, or None."""
    start = _id3_size(read(0, 10))
    if start > size:
        return TAG_CUT
    # The tag is included, because some programs count it: fewer cuts are found, but none wrongly.
    if _xing_size(read(start, 256)) > size:
        return XING_COUNTS_MORE
    return CUT_LAST_FRAME if _ends_mid_frame(read, start, size) else None


def _id3_size(head: bytes) -> int:
    """Return the size of an ID3v2 tag at the beginning, 0 if there is none."""
    if len(head) < 10 or head[:3] != b"ID3" or head[3] not in (2, 3, 4) or max(head[6:]) > 127:
        return 0
    size = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
    return 10 + size + (10 if head[5] & 0x10 else 0)


def _xing_size(frame: bytes) -> int:
    """Return the number of bytes that a Xing or Info header counts, 0 if there is none."""
    if not frame_length(frame, 0):
        return 0
    mpeg_1 = 3 if frame[1] >> 3 & 3 == 3 else 0
    offset = 4 + _SIDE_INFO[mpeg_1, int(frame[3] >> 6 == 3)]
    offset += 0 if frame[1] & 1 else 2  # a checksum precedes it
    if frame[offset : offset + 4] not in (b"Xing", b"Info"):
        return 0
    flags = _uint32(frame, offset + 4)
    return _uint32(frame, offset + (12 if flags & 1 else 8)) if flags & 2 else 0


def _uint32(data: bytes, offset: int) -> int:
    return int.from_bytes(data[offset : offset + 4], "big")


def _ends_mid_frame(read: ReadAt, start: int, size: int) -> bool:
    for tail_size in _TAIL_SIZES:
        offset = max(start, size - tail_size)
        tail = read(offset, size - offset)
        is_all = offset == start
        first = 0 if is_all and frame_length(tail, 0) else find_frames(tail, 0)
        if is_all or first is not None:
            return _tail_ends_mid_frame(tail, first)
    return False


def _tail_ends_mid_frame(tail: bytes, offset: int | None) -> bool:
    """Return whether the end of a file is inside a frame; `offset` is that of its first frame."""
    while offset is not None:
        common, offset = signature(tail, offset), _skip_frames(tail, offset)
        if offset >= len(tail):
            return offset > len(tail)
        if len(tail) - offset < 4:
            return tail.startswith(common[: min(2, len(tail) - offset)], offset)
        offset = find_frames(tail, offset)
    return False


def _skip_frames(tail: bytes, offset: int) -> int:
    """Return the end of the sequence of frames that begins at an offset."""
    common = signature(tail, offset)
    lengths: dict[bytes, int] = {}  # by header: nearly all frames have the same one
    while len(tail) - offset >= 4:
        header = tail[offset : offset + 3]
        if header not in lengths:
            is_same = signature(tail, offset) == common
            lengths[header] = frame_length(tail, offset) if is_same else 0
        if not lengths[header]:
            break
        offset += lengths[header]
    return offset
