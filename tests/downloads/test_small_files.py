"""What is told of a small file while its bytes are still at hand, and of many of them."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roistat_async.downloads import body_writer, bulk
from roistat_async.files import part_file
from roistat_async.models.downloads import Download, DownloadStatus


@given(st.lists(st.binary(max_size=6), max_size=5), st.integers(0, 30), st.integers(0, 30))
def test_parts_are_read_as_the_file_would_be(parts: list[bytes], at: int, size: int) -> None:
    """Any stretch of the parts is that stretch of the whole."""
    assert body_writer._read(parts, at, size) == b"".join(parts)[at : at + size]


async def test_a_file_begun_again_is_empty(tmp_path: Path) -> None:
    """Neither bytes nor the hash of the first beginning are left."""
    with part_file.PartFile(tmp_path / "1.mp3") as part:
        part.write(b"a longer beginning")
        part.reset()
        part.write(b"end")
        saved = await part.publish()
    assert saved.path.read_bytes() == b"end"
    assert (saved.size, saved.sha256) == (3, hashlib.sha256(b"end").hexdigest())


@pytest.mark.parametrize("before", [b"", b"already written "])
async def test_the_check_reads_what_is_to_get_the_name(tmp_path: Path, before: bytes) -> None:
    """From memory where all is at hand, else from the disk: it is given the same bytes."""
    seen: list[bytes] = []
    with part_file.PartFile(tmp_path / "1.mp3") as part:
        if before:
            part.write(before)
        await part.publish([b"one ", b"two"], lambda read, size: seen.append(read(0, size)))
    assert seen == [before + b"one two"]


Save = Callable[[str, Path], Awaitable[Download]]


Told = tuple[str, DownloadStatus, Path | None, int | None]


async def _outcomes(folder: Path, ids: list[str], save: Save) -> list[Told]:
    found = bulk.download_all(ids, folder, save=save, id_of=str, concurrency=8)
    told = [(one.call_id, one.status, one.path, one.size) async for one in found]
    return sorted(told, key=lambda one: one[0])


async def test_an_outcome_tells_path_and_size(tmp_path: Path) -> None:
    """Of a file that was there, as of one that was saved."""
    (tmp_path / "1.mp3").write_bytes(b"there")

    async def save(call_id: str, target: Path) -> Download:
        target.write_bytes(b"new one")
        return Download(target, 7, "")

    assert await _outcomes(tmp_path, ["1", "2"], save) == [
        ("1", DownloadStatus.SKIPPED, tmp_path / "1.mp3", 5),
        ("2", DownloadStatus.SAVED, tmp_path / "2.mp3", 7),
    ]
