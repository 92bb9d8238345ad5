"""Checks whether a sheet was truncated.

The sector table of an OLE2 file ([MS-CFB] 2.3), or the directory of a ZIP file, shows it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from ..files.fileio import ReadAt
from .file_kind import HEAD_SIZE, OLE2, ZIP

LAST_SECTOR_CUT = "the last sector of the sheet is not filled"
_SECTORS_MISSING = "the sheet has sectors behind its end"

_FREE, _LAST_SECTOR = 0xFFFFFFFF, 0xFFFFFFFA
_ZIP_END = b"PK\x05\x06"
_ZIP_TAIL = 22 + 65535  # the end record with the longest comment


def find_truncation(read: ReadAt, size: int) -> str | None:
    """Return what is missing from a sheet, or None."""
    head = read(0, HEAD_SIZE)
    if head.startswith(ZIP):
        has_directory = _ZIP_END in read(max(0, size - _ZIP_TAIL), _ZIP_TAIL)
        return None if has_directory else "the directory at the end of the sheet is missing"
    if head.startswith(OLE2) and len(head) >= 512:
        missing = _sectors_end(read, head) - size
        if missing > 0:
            return LAST_SECTOR_CUT if missing < _sector_size(head) else _SECTORS_MISSING
    return None


def _sectors_end(read: ReadAt, head: bytes) -> int:
    """Return the end of the last sector that the sector table marks as used."""
    sector_size = _sector_size(head)
    if not sector_size:
        return 0
    tables = list(_table_sectors(read, head, sector_size))
    end = max((sector + 2 for sector in tables), default=0)
    for index, sector in reversed(list(enumerate(tables))):
        last = _last_used(read((sector + 1) * sector_size, sector_size))
        if last is not None:
            return max(end, index * (sector_size // 4) + last + 2) * sector_size
    return end * sector_size


def _sector_size(head: bytes) -> int:
    """Return the size of a sector, 0 if the header states none that is allowed."""
    shift = int.from_bytes(head[30:32], "little")
    return 1 << shift if shift in (9, 12) else 0


def _table_sectors(read: ReadAt, head: bytes, sector_size: int) -> Iterator[int]:
    """Yield the sectors of the table, as the header and its continuations list them."""
    (count,) = struct.unpack_from("<I", head, 44)
    next_list, lists_left = struct.unpack_from("<II", head, 68)
    sectors = list(struct.unpack_from("<109I", head, 76))
    while lists_left and next_list <= _LAST_SECTOR and len(sectors) < count:
        lists_left -= 1
        data = read((next_list + 1) * sector_size, sector_size)
        if len(data) < sector_size:
            yield next_list  # itself behind the end
            return
        *listed, next_list = struct.unpack(f"<{sector_size // 4}I", data)
        sectors += listed
    yield from (sector for sector in sectors[:count] if sector <= _LAST_SECTOR)


def _last_used(table: bytes) -> int | None:
    entries = struct.unpack(f"<{len(table) // 4}I", table[: len(table) // 4 * 4])
    return max((index for index, entry in enumerate(entries) if entry != _FREE), default=None)
