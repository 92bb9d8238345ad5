"""The seven ways in which less of a file comes than there is: each is told, none is a file."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from roistat_async import Period, errors
from roistat_async.testing import xls
from tests.downloads.ranges import AUDIO, ETAG, cut, full, saved, sends
from tests.helpers.clients import client
from tests.helpers.raw_server import RawServer, Script, Wire, answer, in_turn

SHEET = xls.workbook([["x" * 300]] * 500)
HEAD = answer(b"", kind="audio/mpeg", framing="Transfer-Encoding: chunked")
PART = AUDIO[:20_000]
XING = AUDIO[:21] + b"Xing\0\0\0\x02" + len(AUDIO).to_bytes(4, "big") + AUDIO[33:]


def chunk(data: bytes, said: int | None = None) -> bytes:
    return f"{said or len(data):x}\r\n".encode() + data + (b"" if said else b"\r\n")


async def resets(wire: Wire) -> None:
    await wire.request()
    await wire.send(answer(AUDIO, kind="audio/mpeg")[:50_000])
    wire.reset()


CASES = {
    "1 length, FIN": cut(),
    "2 length, RST": resets,
    "3 inside a chunk": sends(HEAD + chunk(PART) + chunk(PART, 99_000)),
    "4 between chunks": sends(HEAD + chunk(PART) * 3),
    "5 neither length nor chunks": sends(answer(PART, kind="audio/mpeg", framing="")),
    "6 all bytes, the last frame cut": full(body=AUDIO[:-7]),
    "6 all bytes, fewer than Xing counts": full(body=XING[:-288]),
    "6 all bytes in chunks, the last frame cut": sends(HEAD + chunk(AUDIO[:-7]) + b"0\r\n\r\n"),
    "7 labelled gzip": full("Content-Encoding: gzip"),
    "7 a gzip that is cut": full("Content-Encoding: gzip", body=gzip.compress(AUDIO)[:-99]),
}


LAST_FRAME = "6 all bytes, the last frame cut"
REFUSED = {name: case for name, case in CASES.items() if name != LAST_FRAME}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
async def test_a_cut_file_is_none(case: Script, tmp_path: Path) -> None:
    """An error of this library, and nothing in the folder."""
    found, requests = await saved(tmp_path, case, attempts=2)
    assert isinstance(found, errors.RoistatError)
    assert (len(requests), os.listdir(tmp_path)) == (2, [])


async def test_a_last_frame_cut_twice_alike_is_the_file(tmp_path: Path) -> None:
    """The very same bytes by a second connection: the recorder itself ended so."""
    found, requests = await saved(tmp_path, CASES[LAST_FRAME], attempts=2)
    assert not isinstance(found, BaseException)
    assert (len(requests), found.path.read_bytes()) == (2, AUDIO[:-7])


OTHERWISE = {
    "asked once": (1, CASES[LAST_FRAME]),
    "another length": (2, full(body=AUDIO[:-9])),
    "another byte": (2, full(body=AUDIO[:-9] + b"??")),
    "no length": (2, CASES["6 all bytes in chunks, the last frame cut"]),
}


@pytest.mark.parametrize("case", OTHERWISE.values(), ids=OTHERWISE)
async def test_a_last_frame_cut_otherwise_proves_nothing(
    case: tuple[int, Script], tmp_path: Path
) -> None:
    """One look, other bytes or no length: still refused."""
    attempts, second = case
    found, requests = await saved(tmp_path, CASES[LAST_FRAME], second, attempts=attempts)
    assert isinstance(found, errors.TruncatedError)
    assert (len(requests), os.listdir(tmp_path)) == (attempts, [])


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_the_next_attempt_may_be_whole(case: Script, tmp_path: Path) -> None:
    """Asked for again, from the start, and nothing of the cut one is in the file."""
    found, _ = await saved(tmp_path, case, full(ETAG, body=XING), attempts=2)
    assert not isinstance(found, BaseException)
    assert found.path.read_bytes() == XING
    assert not found.resumed


async def test_a_cut_sheet_is_none(tmp_path: Path) -> None:
    """All the bytes that were promised, and its table points behind them."""
    script = in_turn(full(body=SHEET[:-512]))
    async with RawServer(script) as server, client(server.base_url) as roistat:
        with pytest.raises(errors.TruncatedError, match="sectors"):
            await roistat.calls.export_xls(Period.last(days=1), to=tmp_path / "a.xls")
    assert os.listdir(tmp_path) == []
