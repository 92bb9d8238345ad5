"""Whether a file is whole by its own account, where as many bytes came as were promised.

A server may have, or send, half a file and count it rightly. An MP3 whose last frame is cut shows
it, as does one whose Xing header counts more bytes than there are, and a sheet whose table of
sectors (OLE2) or directory (ZIP) points behind its end. An MP3 of a constant bit rate without such
a header that is cut exactly between two frames cannot be told from a shorter one.

What follows the last frame (a tag, padding) or is no such file is not judged.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from ..errors import TruncatedError
from ..files.fileio import ReadAt
from .file_kind import (
    HEAD_SIZE,
    OLE2,
    ZIP,
    FileKind,
    frame_length,
)

# From a few frames of speech to some ten of the longest kind: most files need the first only.
_TAILS = (1536, 4 * 1024, 16 * 1024)
_IN_STEP = 3  # frames one behind the other that are no accident
_SIDE_INFO = {(3, 0): 32, (3, 1): 17, (0, 0): 17, (0, 1): 9}  # MPEG-1 or not, mono or not

_FREE, _LAST_SECTOR = 0xFFFFFFFF, 0xFFFFFFFA
_ZIP_END = b"PK\x05\x06"
_ZIP_TAIL = 22 + 65535  # its end with the longest comment


CUT_LAST_FRAME = "the last frame of audio is cut"


def check(content: FileKind, read: ReadAt, size: int) -> None:
    """Raise TruncatedError for a file that says itself that something is missing."""
    missing = find_truncation(content, read, size)
    if missing is not None:
        raise truncated_at_source(size, missing)


def find_truncation(content: FileKind, read: ReadAt, size: int) -> str | None:
    """Say what is missing of a file by its own account; None where nothing is."""
    if content is FileKind.MP3:
        return _missing_audio(read, size)
    return _missing_of_sheet(read, size) if content is FileKind.XLS else None


def truncated_at_source(size: int, missing: str) -> TruncatedError:
    """Say that a file came as it was sent, and was not whole then."""
    return TruncatedError(f"all {size} bytes came, but {missing}: it was cut before it was sent")


def _missing_audio(read: ReadAt, size: int) -> str | None:
    start = _tag_size(read(0, 10))
    if start > size:
        return "the tag before the audio is cut"
    # With the tag, which some programs count: a little less is seen for no false alarm.
    if _xing_size(read(start, 256)) > size:
        return "its header counts more"
    return CUT_LAST_FRAME if _ends_mid_frame(read, start, size) else None


def _ends_mid_frame(read: ReadAt, start: int, size: int) -> bool:
    for longest in _TAILS:
        at = max(start, size - longest)
        tail = read(at, size - at)
        first = 0 if at == start and frame_length(tail, 0) else _next_in_step(tail, 0)
        if at == start or first is not None:
            return _ends_in_frame(tail, first)
    return False


def _tag_size(head: bytes) -> int:
    """Give the bytes of an ID3v2 tag at the beginning, 0 if there is none."""
    if len(head) < 10 or head[:3] != b"ID3" or head[3] not in (2, 3, 4) or max(head[6:]) > 127:
        return 0
    size = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
    return 10 + size + (10 if head[5] & 0x10 else 0)


def _xing_size(frame: bytes) -> int:
    """Give the bytes a Xing or Info header counts, 0 if it does not."""
    if not frame_length(frame, 0):
        return 0
    is_first = 3 if frame[1] >> 3 & 3 == 3 else 0
    at = 4 + _SIDE_INFO[is_first, int(frame[3] >> 6 == 3)]
    at += 0 if frame[1] & 1 else 2  # a checksum stands before it
    if frame[at : at + 4] not in (b"Xing", b"Info"):
        return 0
    flags = _number(frame, at + 4)
    return _number(frame, at + (12 if flags & 1 else 8)) if flags & 2 else 0


def _number(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 4], "big")


def _ends_in_frame(tail: bytes, at: int | None) -> bool:
    """Tell whether the end of a file is inside a frame of audio, the first of which is at `at`."""
    while at is not None:
        kind, at = _kind(tail, at), _last_of(tail, at)
        if at >= len(tail):
            return at > len(tail)
        if len(tail) - at < 4:
            return tail.startswith(kind[: min(2, len(tail) - at)], at)
        at = _next_in_step(tail, at)
    return False


def _last_of(tail: bytes, at: int) -> int:
    """Give where the frames end that stand one behind the other from `at` on."""
    kind = _kind(tail, at)
    lengths: dict[bytes, int] = {}  # by the bytes that tell it: nearly all frames have the same
    while len(tail) - at >= 4:
        head = tail[at : at + 3]
        if head not in lengths:
            lengths[head] = frame_length(tail, at) if _kind(tail, at) == kind else 0
        if not lengths[head]:
            break
        at += lengths[head]
    return at


def _next_in_step(tail: bytes, at: int) -> int | None:
    while (at := tail.find(b"\xff", at)) >= 0:
        if len(list(_frames(tail, at))) == _IN_STEP:
            return at
        at += 1
    return None


def _frames(tail: bytes, at: int) -> Iterator[int]:
    """Give the first frames from `at` on that are whole and alike."""
    kind = _kind(tail, at)
    for _ in range(_IN_STEP):
        length = frame_length(tail, at)
        if not length or _kind(tail, at) != kind or at + length > len(tail):
            return
        yield at
        at += length


def _kind(data: bytes, at: int) -> bytes:
    """Give what all frames of a file have in common: version, layer, sample rate."""
    head = data[at : at + 3]
    return bytes([*head[:2], head[2] & 0x0C]) if len(head) == 3 else b""


def _missing_of_sheet(read: ReadAt, size: int) -> str | None:
    head = read(0, HEAD_SIZE)
    if head.startswith(ZIP):
        is_there = _ZIP_END in read(max(0, size - _ZIP_TAIL), _ZIP_TAIL)
        return None if is_there else "the directory at the end of the sheet is missing"
    if head.startswith(OLE2) and len(head) >= 512:
        is_there = _sectors_end(read, head) <= size
        return None if is_there else "the sheet has sectors behind its end"
    return None


def _sectors_end(read: ReadAt, head: bytes) -> int:
    """Give where the last sector ends that an OLE2 file's table says is used ([MS-CFB] 2.3)."""
    shift = int.from_bytes(head[30:32], "little")
    if shift not in (9, 12):
        return 0
    sector = 1 << shift
    tables = list(_tables(read, head, sector))
    end = max((place + 2 for place in tables), default=0)
    for number, place in reversed(list(enumerate(tables))):
        last = _last_used(read((place + 1) * sector, sector))
        if last is not None:
            return max(end, number * (sector // 4) + last + 2) * sector
    return end * sector


def _tables(read: ReadAt, head: bytes, sector: int) -> Iterator[int]:
    """Give the sectors that hold the table, as the header and its continuations list them."""
    (count,) = struct.unpack_from("<I", head, 44)
    further, more = struct.unpack_from("<II", head, 68)
    places = list(struct.unpack_from("<109I", head, 76))
    while more and further <= _LAST_SECTOR and len(places) < count:
        more -= 1
        data = read((further + 1) * sector, sector)
        if len(data) < sector:
            yield further  # itself behind the end
            return
        *listed, further = struct.unpack(f"<{sector // 4}I", data)
        places += listed
    yield from (place for place in places[:count] if place <= _LAST_SECTOR)


def _last_used(table: bytes) -> int | None:
    entries = struct.unpack(f"<{len(table) // 4}I", table[: len(table) // 4 * 4])
    return max((at for at, entry in enumerate(entries) if entry != _FREE), default=None)
