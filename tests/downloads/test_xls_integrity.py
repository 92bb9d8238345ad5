"""Tests that a truncated sheet is found by its sector table ([MS-CFB] 2.3) or ZIP directory."""

from __future__ import annotations

import io
import struct
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roistat_async.downloads import xls_integrity
from roistat_async.downloads.file_kind import OLE2, ZIP
from roistat_async.testing import xls

FREE, END, TABLE = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
BEHIND_END = "the sheet has sectors behind its end"


def missing_from(data: bytes) -> str | None:
    return xls_integrity.find_truncation(lambda at, size: data[at : at + size], len(data))


def is_complete(data: bytes) -> bool:
    return missing_from(data) is None


@pytest.mark.parametrize("rows", [0, 200, 30_000])
def test_truncated_sheet_is_found(rows: int) -> None:
    """A sheet of any size: the table of 30,000 rows does not fit into the header."""
    body = xls.workbook([[f"{number:0300}"] for number in range(rows)])
    assert (len(body) > 7_200_000) == (rows == 30_000)
    assert is_complete(body)
    assert missing_from(body[:-511]) == xls_integrity.LAST_SECTOR_CUT
    for size in (len(body) - 512, len(body) // 2, 4096, 513, 512):
        assert missing_from(body[:size]) == BEHIND_END


def test_truncated_zip_is_found() -> None:
    """The directory stands at the end of a ZIP file."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as book:
        book.writestr("xl/workbook.xml", "x" * 100_000)
    body = buffer.getvalue()
    assert is_complete(body)
    assert missing_from(body[:-30]) == "the directory at the end of the sheet is missing"


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


@pytest.mark.parametrize("shift", [9, 12])
def test_table_at_the_end_must_be_complete(shift: int) -> None:
    """Not a byte of a table at the end of the file may be missing, whatever the sector size."""
    body = sheet(1, shift=shift)
    assert is_complete(body)
    for missing in (1, 4, 100, 1 << shift):
        assert not is_complete(body[:-missing])


@pytest.mark.parametrize("size", [512, 600, 4096])
def test_sheet_without_a_table_is_not_judged(size: int) -> None:
    """Without a table nothing states how long the file should be."""
    assert is_complete(sheet(shift=12)[:size])


@pytest.mark.parametrize(
    "body",
    [
        sheet(1, count=110),
        sheet(1, count=110, lists=1),
        sheet(1, lists=1),
        sheet(1, count=109, next_list=1000, lists=1),
        sheet(1, count=110, next_list=1000),
        sheet(1, 1000, count=1),
    ],
    ids=["more counted", "no list", "unused list", "full header", "no lists left", "one too many"],
)
def test_only_counted_sectors_belong_to_the_table(body: bytes) -> None:
    """Sectors beyond the count, and lists that the header does not need, are ignored."""
    assert is_complete(body)
    assert not is_complete(body[:-1])


def test_list_behind_the_end_is_missing() -> None:
    """A table whose list continues behind the end belongs to a longer file."""
    assert not is_complete(sheet(1, count=110, next_list=1000, lists=1))


def test_list_that_leads_to_itself_ends() -> None:
    """A list is read as often as the header states, not for ever."""
    body = sheet(1, count=1000, next_list=2, lists=2) + struct.pack("<128I", *[FREE] * 127, 2)
    offsets: list[int] = []

    def read(offset: int, size: int) -> bytes:
        offsets.append(offset)
        return body[offset : offset + size]

    assert xls_integrity.find_truncation(read, len(body)) is None
    assert offsets.count(3 * 512) == 2


HEADS = st.sampled_from([b"", OLE2, ZIP, sheet(1)[:100], sheet(1)[:511]])


@given(HEADS, st.binary(max_size=2000))
def test_any_bytes_are_judged(head: bytes, rest: bytes) -> None:
    """No bytes raise an exception."""
    missing_from(head + rest)


@given(st.binary(min_size=46, max_size=436), st.binary(max_size=3000))
def test_any_table_is_judged(table: bytes, rest: bytes) -> None:
    """No table raises an exception, wherever it points."""
    header = xls.workbook([])[:44] + table + bytes(512)
    missing_from(header[:512] + rest)
