"""The rest of a file that was cut: taken where it is proved to be of the same file, else not."""

from __future__ import annotations

import asyncio
import hashlib
import os
from pathlib import Path

import pytest

from roistat_async import Period, Roistat, Timeouts, errors
from roistat_async.models.downloads import Download
from roistat_async.testing import FakeRoistat, Fault, mp3, xls
from tests.downloads.ranges import (
    AUDIO,
    CHANGED,
    ETAG,
    HAVE,
    OTHER,
    TOTAL,
    cut,
    full,
    header,
    no_part,
    part,
    range_of,
    saved,
    sends,
)
from tests.helpers.clients import client
from tests.helpers.raw_server import RawServer, Script, Wire, answer, in_turn

FILE = "call/*/file"
CHUNKED = "Transfer-Encoding: chunked"


def is_file(found: object, body: bytes, *, resumed: bool) -> bool:
    """Tell whether a download gave just this file."""
    assert isinstance(found, Download), found
    told = (len(body), hashlib.sha256(body).hexdigest(), resumed)
    assert os.listdir(found.path.parent) == ["a.mp3"]
    return found.path.read_bytes() == body and (found.size, found.sha256, found.resumed) == told


async def test_d7_the_same_file_is_resumed(tmp_path: Path) -> None:
    """The rest comes by GET, Range and If-Range, as it is, on another connection."""
    found, requests = await saved(tmp_path, cut(ETAG), part(ETAG))
    assert is_file(found, AUDIO, resumed=True)
    first, second = requests
    assert (first[:5], range_of(first)) == (b"POST ", None)
    assert (second[:4], range_of(second)) == (b"GET ", f"bytes={HAVE}-")
    assert header(second, "If-Range") == '"one"'
    assert header(second, "Accept-Encoding") == "identity"


async def test_a_file_that_changed_is_the_new_one(tmp_path: Path) -> None:
    """If-Range fails: all of the new file comes and nothing of the old one stays."""
    found, _ = await saved(tmp_path, cut(ETAG), full(OTHER, body=CHANGED))
    assert is_file(found, CHANGED, resumed=False)


async def test_d8_a_server_without_ranges_sends_all(tmp_path: Path) -> None:
    """200 in place of 206: from the start, in the same part file."""
    found, _ = await saved(tmp_path, cut(ETAG), full(ETAG))
    assert is_file(found, AUDIO, resumed=False)


WEAK = [[], ['ETag: W/"one"'], ["ETag: one"], ['ETag: "o ne"'], ['ETag: ""'], ['ETag: "é"']]


@pytest.mark.parametrize("headers", WEAK, ids=str)
async def test_d9_without_a_strong_validator_it_starts_again(
    headers: list[str], tmp_path: Path
) -> None:
    """A missing, weak or malformed ETag proves nothing: asked for again as at first."""
    found, requests = await saved(tmp_path, cut(*headers), full())
    assert is_file(found, AUDIO, resumed=False)
    assert [range_of(request) for request in requests] == [None, None]
    assert requests[1].startswith(b"POST ")


def chunks(*headers: str, body: bytes = AUDIO, end: bytes = b"") -> Script:
    """Send a body in one chunk, without the last one unless `end` is it."""
    head = answer(b"", *headers, kind="audio/mpeg", framing=CHUNKED)
    return sends(head + f"{len(body):x}\r\n".encode() + body + b"\r\n" + end)


async def test_d11_nothing_left_is_the_end(tmp_path: Path) -> None:
    """416 for a file whose bytes were all there, only its end was not."""
    found, requests = await saved(tmp_path, chunks(ETAG), no_part(f"bytes */{TOTAL}", ETAG))
    assert is_file(found, AUDIO, resumed=True)
    assert range_of(requests[1]) == f"bytes={TOTAL}-"


async def test_nothing_left_of_what_is_no_whole_file(tmp_path: Path) -> None:
    """What 416 says is looked at as any end: a frame that is cut is no file."""
    half = AUDIO[: HAVE - 50]
    scripts = chunks(ETAG, body=half), no_part(f"bytes */{len(half)}", ETAG), full(ETAG)
    found, requests = await saved(tmp_path, *scripts)
    assert is_file(found, AUDIO, resumed=False)
    assert [range_of(one) for one in requests] == [None, f"bytes={len(half)}-", None]


WRONG_ENDS = {
    "smaller": no_part(f"bytes */{HAVE - 1}"),
    "larger": no_part(f"bytes */{TOTAL}"),
    "equal, but the length was another": no_part(f"bytes */{HAVE}", ETAG),
    "another file": no_part(f"bytes */{HAVE}", OTHER),
    "garbage": no_part("bytes */*"),
}
WRONG_PARTS = {
    "from the start": part(start=0, said=f"bytes 0-{TOTAL - 1}/{TOTAL}"),
    "from a little before": part(start=HAVE - 1, said=f"bytes {HAVE - 1}-{TOTAL - 1}/{TOTAL}"),
    "of a longer file": part(said=f"bytes {HAVE}-{TOTAL - 1}/{TOTAL + 1}"),
    "of an unknown length": part(said=f"bytes {HAVE}-{TOTAL - 1}/*"),
    "its end before its start": part(said=f"bytes {HAVE}-{HAVE - 1}/{TOTAL}"),
    "its end behind the file's": part(said=f"bytes {HAVE}-{TOTAL}/{TOTAL}"),
    "of another length": part(said=f"bytes {HAVE}-{TOTAL - 2}/{TOTAL}"),
    "not said which": part(said=None),
    "garbage": part(said="bytes a-b/c"),
    "another unit": part(said=f"items {HAVE}-{TOTAL - 1}/{TOTAL}"),
    "of another file": part(OTHER),
    "of a file only alike": part('ETag: W/"one"'),
    "many parts": part(ETAG, kind="multipart/byteranges; boundary=x"),
    "many parts, unnamed": part(said=None, kind="multipart/byteranges; boundary=x"),
    "encoded": part(ETAG, "Content-Encoding: gzip"),
}
wrong = pytest.mark.parametrize("rest", [*WRONG_PARTS.values(), *WRONG_ENDS.values()],
                                ids=[*WRONG_PARTS, *WRONG_ENDS])  # fmt: skip


@wrong
@pytest.mark.parametrize("attempts", [2, 3])
async def test_d10_d12_a_wrong_range_starts_again(
    rest: Script, attempts: int, tmp_path: Path
) -> None:
    """Nothing of it is taken; one request more brings the file as it now is."""
    found, requests = await saved(
        tmp_path, cut(ETAG), rest, full(OTHER, body=CHANGED), attempts=attempts
    )
    assert is_file(found, CHANGED, resumed=False)
    assert [range_of(one) for one in requests] == [None, f"bytes={HAVE}-", None]


@wrong
async def test_a_rest_that_stays_wrong_is_told(rest: Script, tmp_path: Path) -> None:
    """ChangedError after one new start that came to the same; no file, and nothing left."""
    (tmp_path / "a.mp3").write_bytes(b"old")
    found, requests = await saved(tmp_path, cut(ETAG), rest, cut(ETAG), rest, attempts=9)
    assert isinstance(found, errors.ChangedError)
    assert found.path == tmp_path / "a.mp3"
    assert len(requests) == 4
    assert os.listdir(tmp_path) == ["a.mp3"]
    assert (tmp_path / "a.mp3").read_bytes() == b"old"


async def test_an_error_in_place_of_a_rest_is_that_error(tmp_path: Path) -> None:
    """JSON with status 200, as Roistat says no."""
    refused = answer(b'{"status": "error", "error": "access_denied"}', kind="audio/mpeg")
    found, _ = await saved(tmp_path, cut(ETAG), sends(refused))
    assert isinstance(found, errors.AccessDeniedError)
    assert os.listdir(tmp_path) == []


async def test_a_failed_server_is_asked_for_the_rest_again(tmp_path: Path) -> None:
    """A request for a rest is repeated as any read, and keeps what is there."""
    failed = sends(answer(b"oops", status="503 No", kind="text/html"))
    found, requests = await saved(tmp_path, cut(ETAG), failed, part(ETAG))
    assert is_file(found, AUDIO, resumed=True)
    assert [range_of(one) for one in requests] == [None, *[f"bytes={HAVE}-"] * 2]


async def test_a_cut_rest_is_gone_on_with(tmp_path: Path) -> None:
    """Bit by bit, as many attempts as a body has."""
    more = answer(
        AUDIO[HAVE:], f"Content-Range: bytes {HAVE}-{TOTAL - 1}/{TOTAL}",
        status="206 Partial Content",
    )  # fmt: skip
    at = TOTAL - 1000
    last = part(start=at, said=f"bytes {at}-{TOTAL - 1}/{TOTAL}")
    found, requests = await saved(tmp_path, cut(ETAG), sends(more[:-1000]), last)
    assert is_file(found, AUDIO, resumed=True)
    assert range_of(requests[2]) == f"bytes={at}-"


async def test_less_than_the_rest_is_gone_on_with(tmp_path: Path) -> None:
    """A server may send a smaller part than it was asked for, rightly labelled."""
    end = HAVE + 10_000
    some = part(body=AUDIO[:end], said=f"bytes {HAVE}-{end - 1}/{TOTAL}")
    last = part(start=end, said=f"bytes {end}-{TOTAL - 1}/{TOTAL}")
    found, _ = await saved(tmp_path, cut(ETAG), some, last)
    assert is_file(found, AUDIO, resumed=True)


async def test_attempts_are_bounded(tmp_path: Path) -> None:
    """A rest that never ends uses up the attempts of a body."""
    some = cut(ETAG), *[part(body=AUDIO[: HAVE + 9 * n], start=HAVE + 9 * n - 9,
                             said=f"bytes {HAVE + 9 * n - 9}-{HAVE + 9 * n - 1}/{TOTAL}")
                        for n in (1, 2, 3)]  # fmt: skip
    found, requests = await saved(tmp_path, *some)
    assert isinstance(found, errors.TruncatedError)
    assert str(TOTAL) in str(found)
    assert (len(requests), os.listdir(tmp_path)) == (3, [])


async def test_an_unframed_rest_is_refused(tmp_path: Path) -> None:
    """As any body for a file; what is there is kept for the next attempt."""
    bare = answer(
        AUDIO[HAVE:], f"Content-Range: bytes {HAVE}-{TOTAL - 1}/{TOTAL}",
        status="206 Partial Content", framing="",
    )  # fmt: skip
    found, _ = await saved(tmp_path, cut(ETAG), sends(bare), part(ETAG))
    assert is_file(found, AUDIO, resumed=True)


async def test_a_cut_in_the_first_bytes_leaves_nothing_to_go_on_with(tmp_path: Path) -> None:
    """What was not told to be audio was not written."""
    found, requests = await saved(tmp_path, cut(ETAG, at=100), full(ETAG))
    assert is_file(found, AUDIO, resumed=False)
    assert range_of(requests[1]) is None


async def test_a_whole_answer_that_is_cut_is_no_loss_until_it_is_taken(tmp_path: Path) -> None:
    """A 200 whose head never came keeps what is there."""
    found, requests = await saved(tmp_path, cut(ETAG), cut(ETAG, at=9), part(ETAG))
    assert is_file(found, AUDIO, resumed=True)
    assert range_of(requests[2]) == f"bytes={HAVE}-"


async def test_progress_tells_what_is_thrown_away(tmp_path: Path) -> None:
    """Going on it only grows, to the whole; from the start it falls back."""
    steps: list[tuple[int, int | None]] = []

    def progress(*step: int | None) -> None:
        steps.append(step)  # type: ignore[arg-type]

    await saved(tmp_path, cut(ETAG), part(ETAG), progress=progress)
    sizes = [size for size, _ in steps]
    assert sizes == sorted(set(sizes))
    assert {total for _, total in steps} == {TOTAL}
    assert sizes[-1] == TOTAL
    steps.clear()
    await saved(tmp_path, cut(at=TOTAL - 10), full(), progress=progress)
    sizes = [size for size, _ in steps]
    assert sizes != sorted(sizes)
    assert steps[-1] == (TOTAL, TOTAL)


async def test_a_silence_is_gone_on_with(tmp_path: Path) -> None:
    """As a cut."""

    async def stalls(wire: Wire) -> None:
        await wire.request()
        await wire.send(answer(AUDIO, ETAG, kind="audio/mpeg")[:-50_000])
        await wire.closed()

    async with RawServer(in_turn(stalls, _ranged)) as server:
        quick = Timeouts(connect=5, response=5, read=0.1)
        async with client(server.base_url, attempts=2, timeouts=quick) as roistat:
            found = await roistat.calls.download_recording(7, to=tmp_path / "a.mp3")
    assert is_file(found, AUDIO, resumed=True)


async def _ranged(wire: Wire) -> None:
    start = int((range_of(await wire.request()) or "=0")[6:-1])
    said = f"Content-Range: bytes {start}-{TOTAL - 1}/{TOTAL}"
    await wire.send(answer(AUDIO[start:], said, ETAG, status="206 Partial Content"))


@pytest.mark.parametrize("mebibytes", [1, 7])
async def test_the_fake_gives_ranges(
    mebibytes: int, fake: FakeRoistat, roistat: Roistat, recorded: list[str], tmp_path: Path
) -> None:
    """Small and in threads: two cuts, then whole; what came is not asked for again."""
    fake.quirks.recording_ranges = True
    body = fake.state.recordings[recorded[0]] = mp3.recording("7", 262 * mebibytes)
    fake.fail(FILE, Fault.truncated(len(body) // 3))
    fake.fail(FILE, Fault.truncated(len(body) // 3))
    found = await roistat.calls.download_recording(recorded[0], to=tmp_path / "a.mp3")
    assert is_file(found, body, resumed=True)
    starts = [int(seen.headers.get("Range", "bytes=0-")[6:-1]) for seen in fake.requests]
    assert starts == sorted(set(starts))  # what a connection held when it was cut may be lost
    assert 0 < starts[2] <= len(body) // 3 * 2
    assert len({seen.port for seen in fake.requests}) == 3


async def test_the_fake_changes_a_file_on_the_way(
    fake: FakeRoistat, roistat: Roistat, recorded: list[str], tmp_path: Path
) -> None:
    """The new one, and nothing of the old."""
    fake.quirks.recording_ranges = True
    old, new = mp3.recording("7", 600), mp3.recording("9", 600)
    fake.state.recordings[recorded[0]] = old

    def change(size: int, _: object) -> None:
        if size < 200_000:
            fake.state.recordings[recorded[0]] = new

    fake.fail(FILE, Fault.truncated(150_000))
    found = await roistat.calls.download_recording(
        recorded[0], to=tmp_path / "a.mp3", progress=change
    )
    assert is_file(found, new, resumed=False)


async def test_an_export_is_not_gone_on_with(tmp_path: Path) -> None:
    """Its period stands in the body, and GET has none."""
    sheet = xls.workbook([["x" * 90]] * 50)
    scripts = cut(ETAG, body=sheet, at=5000), full(ETAG, body=sheet)
    async with (
        RawServer(in_turn(*scripts)) as server,
        client(server.base_url, attempts=2) as roistat,
    ):
        found = await roistat.calls.export_xls(Period.last(days=30), to=tmp_path / "a.mp3")
    assert is_file(found, sheet, resumed=False)
    assert [(one[:5], range_of(one)) for one in server.requests] == [(b"POST ", None)] * 2


async def test_a_cancel_at_any_moment_of_a_resume_leaves_nothing(tmp_path: Path) -> None:
    """Cancelled after 0, 1, 2 ... turns of the loop, and after longer ones for the threads."""
    steps, was_running, resumed = 0, True, 0
    while was_running:
        async with RawServer(in_turn(cut(ETAG), _ranged)) as server:
            async with client(server.base_url, attempts=2) as roistat:
                target = tmp_path / "a.mp3"
                task = asyncio.create_task(roistat.calls.download_recording(7, to=target))
                for _ in range(steps):
                    await asyncio.sleep(0)
                was_running = not task.done()
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                assert roistat._api.governor._pending == 0
            await server.emptied()
        resumed += len(server.requests) > 1
        assert os.listdir(tmp_path) in ([], ["a.mp3"])
        if target.exists():
            assert target.read_bytes() == AUDIO
            target.unlink()
        steps += 1 if steps < 150 else 1 + steps // 3
    assert resumed > 5
