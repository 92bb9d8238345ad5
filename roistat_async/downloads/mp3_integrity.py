"""Checks whether an MP3 file was truncated.

A last frame that is cut shows it, and so does a Xing header that counts more bytes than there are.
An MP3 of a constant bit rate without such a header that is cut exactly between two frames cannot
be told from a shorter recording. What follows the last frame (a tag, padding) is not judged.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..files.fileio import ReadAt
from .file_kind import frame_length

CUT_LAST_FRAME = "the last frame of audio is cut"

# From a few frames of speech to some ten of the longest kind: most files need only the first.
_TAIL_SIZES = (1536, 4 * 1024, 16 * 1024)
_MIN_FRAMES = 3  # frames in sequence that are no accident
_SIDE_INFO = {(3, 0): 32, (3, 1): 17, (0, 0): 17, (0, 1): 9}  # (MPEG-1 or not, mono or not)


def find_truncation(read: ReadAt, size: int) -> str | None:
    """Return what is missing from an MP3 file, or None."""
    start = _id3_size(read(0, 10))
    if start > size:
        return "the tag before the audio is cut"
    # The tag is included, because some programs count it: fewer cuts are found, but none wrongly.
    if _xing_size(read(start, 256)) > size:
        return "its header counts more"
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
        first = 0 if is_all and frame_length(tail, 0) else _find_frames(tail, 0)
        if is_all or first is not None:
            return _tail_ends_mid_frame(tail, first)
    return False


def _tail_ends_mid_frame(tail: bytes, offset: int | None) -> bool:
    """Return whether the end of a file is inside a frame; `offset` is that of its first frame."""
    while offset is not None:
        signature, offset = _signature(tail, offset), _skip_frames(tail, offset)
        if offset >= len(tail):
            return offset > len(tail)
        if len(tail) - offset < 4:
            return tail.startswith(signature[: min(2, len(tail) - offset)], offset)
        offset = _find_frames(tail, offset)
    return False


def _skip_frames(tail: bytes, offset: int) -> int:
    """Return the end of the sequence of frames that begins at an offset."""
    signature = _signature(tail, offset)
    lengths: dict[bytes, int] = {}  # by header: nearly all frames have the same one
    while len(tail) - offset >= 4:
        header = tail[offset : offset + 3]
        if header not in lengths:
            is_same = _signature(tail, offset) == signature
            lengths[header] = frame_length(tail, offset) if is_same else 0
        if not lengths[header]:
            break
        offset += lengths[header]
    return offset


def _find_frames(tail: bytes, offset: int) -> int | None:
    """Return the offset of the next sequence of frames, or None."""
    while (offset := tail.find(b"\xff", offset)) >= 0:
        if len(list(_frames(tail, offset))) == _MIN_FRAMES:
            return offset
        offset += 1
    return None


def _frames(tail: bytes, offset: int) -> Iterator[int]:
    """Yield the offsets of the first whole frames of one sequence."""
    signature = _signature(tail, offset)
    for _ in range(_MIN_FRAMES):
        length = frame_length(tail, offset)
        if not length or _signature(tail, offset) != signature or offset + length > len(tail):
            return
        yield offset
        offset += length


def _signature(data: bytes, offset: int) -> bytes:
    """Return what all frames of a file have in common: version, layer, sample rate."""
    head = data[offset : offset + 3]
    return bytes([*head[:2], head[2] & 0x0C]) if len(head) == 3 else b""
