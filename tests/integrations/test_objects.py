"""Recordings in an object store: complete or absent, whatever breaks, against a real S3 server."""

from __future__ import annotations

import asyncio
import csv
import io
import sqlite3
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from examples import archive_recordings
from roistat_async import DownloadStatus, Roistat, errors
from roistat_async.cli.app import run
from roistat_async.integrations.objects import ObjectFolder
from roistat_async.sync import sync_calls, sync_recordings
from roistat_async.testing import FakeRoistat, Fault, Quirks
from tests.helpers.clients import retrying_client
from tests.helpers.s3_server import SECRET, Bucket

obstore = pytest.importorskip("obstore", reason="obstore is missing: install the extra objects")
pytest.importorskip("moto.server", reason="moto is missing: install the extra test-integrations")
store = pytest.importorskip("obstore.store")

SINCE = datetime(2020, 1, 1, tzinfo=UTC)
LARGE = 24 * 1024 * 1024  # bytes, more than is sent in one request


@pytest.fixture
async def roistat(fake: FakeRoistat) -> AsyncIterator[Roistat]:
    """Return a client that retries at once."""
    async with retrying_client(fake) as client:
        yield client


def recorded(fake: FakeRoistat) -> list[str]:
    """Return the ids of the calls that have a recording."""
    return sorted(fake.state.recordings)


def mp3(size: int) -> bytes:
    """Return an MP3 of about this size."""
    frame = b"\xff\xfb\x90\x00" + bytes(413)
    return frame * (size // len(frame))


def file_requests(fake: FakeRoistat) -> int:
    """Return the number of recordings that were requested."""
    return sum(request.path.endswith("/file") for request in fake.requests)


async def test_recordings_are_objects(fake: FakeRoistat, roistat: Roistat, bucket: Bucket) -> None:
    """Every recording is an object with all its bytes; a second run requests none again."""
    ids = recorded(fake)
    for expected in (DownloadStatus.SAVED, DownloadStatus.SKIPPED):
        outcomes = roistat.calls.download_recordings(ids, f"{bucket.url}/2026/calls/")
        assert {outcome.status async for outcome in outcomes} == {expected}
        assert bucket.list_keys() == [f"2026/calls/{call_id}.mp3" for call_id in ids]
    assert bucket.read(f"2026/calls/{ids[0]}.mp3") == fake.state.recordings[ids[0]]
    assert file_requests(fake) == len(ids)


async def test_one_recording_is_an_object(
    fake: FakeRoistat, roistat: Roistat, bucket: Bucket
) -> None:
    """`to` may be a URL; the result has it, with size and hash."""
    call_id = recorded(fake)[0]
    saved = await roistat.calls.download_recording(call_id, to=f"{bucket.url}/one.mp3")
    assert (saved.url, saved.path) == (f"{bucket.url}/one.mp3", Path("one.mp3"))
    assert saved.size == len(bucket.read("one.mp3"))


@pytest.mark.parametrize(
    "fault",
    [Fault.truncated(), Fault.html(), Fault.empty(content_type="audio/mpeg"), Fault.status(403)],
    ids=["truncated", "HTML", "no recording", "refused"],
)
async def test_d100_a_failure_leaves_no_object(
    fake: FakeRoistat, roistat: Roistat, bucket: Bucket, fault: Fault
) -> None:
    """What is no whole recording becomes no object."""
    fake.fail("/file", fault, times=9)
    with pytest.raises(errors.RoistatError):
        await roistat.calls.download_recording(recorded(fake)[0], to=f"{bucket.url}/1.mp3")
    assert (bucket.list_keys(), bucket.list_uploads()) == ([], [])


async def test_d101_an_existing_object_stays(
    fake: FakeRoistat, roistat: Roistat, bucket: Bucket
) -> None:
    """A failed download leaves the object that was there before."""
    call_id = recorded(fake)[0]
    await roistat.calls.download_recording(call_id, to=f"{bucket.url}/1.mp3")
    fake.fail("/file", Fault.truncated(), times=9)
    with pytest.raises(errors.TruncatedError):
        await roistat.calls.download_recording(call_id, to=f"{bucket.url}/1.mp3")
    assert bucket.read("1.mp3") == fake.state.recordings[call_id]


async def test_a_large_recording_comes_in_parts(
    fake: FakeRoistat, roistat: Roistat, bucket: Bucket
) -> None:
    """A recording of many megabytes is whole, and its upload is completed."""
    call_id = recorded(fake)[0]
    fake.state.recordings[call_id] = mp3(LARGE)
    saved = await roistat.calls.download_recording(call_id, to=f"{bucket.url}/large.mp3")
    assert saved.size == len(fake.state.recordings[call_id])
    assert bucket.read("large.mp3") == fake.state.recordings[call_id]
    assert bucket.list_uploads() == []


class SlowStore:
    """Proxy of a bucket that holds a part back, or answers with statuses of its own."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self.statuses: list[int] = []
        self.requests = 0
        self.holds_part = ""
        self.is_holding = asyncio.Event()
        self.release = asyncio.Event()

    async def handle(self, request: web.Request) -> web.Response:
        """Pass a request on."""
        self.requests += 1
        if self.statuses:
            return web.Response(status=self.statuses.pop(0))
        data = io.BytesIO(await request.read())
        if self.holds_part and f"partNumber={self.holds_part}" in request.raw_path:
            self.is_holding.set()
            await self.release.wait()
        url = self._endpoint + request.raw_path
        headers = {name: value for name, value in request.headers.items() if name != "Host"}
        async with (
            aiohttp.ClientSession() as session,
            session.request(request.method, url, data=data, headers=headers) as response,
        ):
            kept = {name: response.headers[name] for name in ("ETag",) if name in response.headers}
            return web.Response(status=response.status, body=await response.read(), headers=kept)


@pytest.fixture
async def slow_store(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SlowStore]:
    """Put a proxy before the bucket."""
    proxy = SlowStore(bucket.endpoint)
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_route("*", "/{path:.*}", proxy.handle)
    async with TestServer(app) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", str(server.make_url("")).rstrip("/"))
        yield proxy


async def test_d102_a_cancelled_upload_leaves_nothing(
    fake: FakeRoistat, roistat: Roistat, bucket: Bucket, slow_store: SlowStore
) -> None:
    """A download that is cancelled in the middle of its upload leaves no object and no parts."""
    call_id = recorded(fake)[0]
    fake.state.recordings[call_id] = mp3(LARGE)
    slow_store.holds_part = "2"
    task = asyncio.create_task(roistat.calls.download_recording(call_id, to=f"{bucket.url}/1.mp3"))
    await asyncio.wait_for(slow_store.is_holding.wait(), 30)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    slow_store.release.set()
    assert bucket.list_keys() == []
    for _ in range(100):  # the store carries the abort out after it was sent
        if not bucket.list_uploads():
            break
        await asyncio.sleep(0.05)
    assert bucket.list_uploads() == []


async def test_d103_a_store_that_is_busy_is_asked_again(
    fake: FakeRoistat, roistat: Roistat, bucket: Bucket, slow_store: SlowStore
) -> None:
    """503 of the store costs no recording: obstore repeats the request."""
    slow_store.statuses = [503, 503]
    call_id = recorded(fake)[0]
    await roistat.calls.download_recording(call_id, to=f"{bucket.url}/1.mp3")
    assert bucket.read("1.mp3") == fake.state.recordings[call_id]
    assert slow_store.requests == 3


@pytest.mark.parametrize(
    ("status", "text"),
    [(403, "check the credentials"), (400, "the store failed (status 400)")],
)
async def test_d104_a_refusal_of_the_store_is_explained(
    fake: FakeRoistat,
    roistat: Roistat,
    bucket: Bucket,
    slow_store: SlowStore,
    status: int,
    text: str,
) -> None:
    """The error names the object and what to check, never a credential."""
    slow_store.statuses = [status] * 20
    with pytest.raises(errors.DownloadError) as caught:
        await roistat.calls.download_recording(recorded(fake)[0], to=f"{bucket.url}/1.mp3")
    assert text in str(caught.value)
    assert f"{bucket.url}/1.mp3" in str(caught.value)
    assert SECRET not in repr(caught.value)


async def test_d105_a_bucket_that_is_not_there(
    fake: FakeRoistat, roistat: Roistat, bucket: Bucket
) -> None:
    """The error says that the bucket does not exist."""
    with pytest.raises(errors.DownloadError, match="bucket or the object does not exist"):
        await roistat.calls.download_recording(recorded(fake)[0], to="s3://no-such-bucket/1.mp3")


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("ftp://host/folder", "unknown store ftp://"),
        ("s3://key:secret@bucket/x", "credentials belong in the environment"),
        ("s3://bucket/x?token=secret", "credentials belong in the environment"),
        ("s3:///x", "lacks a bucket"),
        ("az://container/x", "Account must be specified"),
    ],
)
def test_an_invalid_place_is_refused(url: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A place that cannot be used is an error before any request, without what is secret in it."""
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_NAME", raising=False)
    with pytest.raises(errors.ConfigurationError, match=text) as caught:
        ObjectFolder.from_url(url)
    assert "secret" not in str(caught.value)


async def test_a_missing_extra_is_named(roistat: Roistat, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without obstore the error has the command that installs it."""
    monkeypatch.setitem(sys.modules, "obstore.store", None)
    with pytest.raises(errors.ConfigurationError, match=r"roistat_async\[objects\]"):
        await roistat.calls.download_recording("1", to="s3://bucket/1.mp3")


async def test_a_store_of_your_own(fake: FakeRoistat, roistat: Roistat) -> None:
    """An ObjectFolder takes any store of obstore."""
    memory = store.MemoryStore()
    folder = ObjectFolder(memory, "memory://test")
    ids = recorded(fake)
    outcomes = [outcome async for outcome in roistat.calls.download_recordings(ids, folder)]
    assert {outcome.status for outcome in outcomes} == {DownloadStatus.SAVED}
    saved = await roistat.calls.download_recording(ids[0], to=folder / "one.mp3")
    assert saved.url == "memory://test/one.mp3"
    assert "secret" not in repr(folder)


async def test_a_folder_as_a_store(fake: FakeRoistat, roistat: Roistat, tmp_path: Path) -> None:
    """`file://` is a folder of this machine, which is created."""
    url = (tmp_path / "new").as_uri()
    await roistat.calls.download_recording(recorded(fake)[0], to=f"{url}/1.mp3")
    assert (tmp_path / "new" / "1.mp3").read_bytes() == fake.state.recordings[recorded(fake)[0]]


async def copy(roistat: Roistat, folder: Path, place: Any) -> Any:
    """Copy calls into a database, and recordings into a store."""
    await sync_calls(roistat, folder / "calls.db", since=SINCE)
    return await sync_recordings(roistat, folder / "calls.db", place)


async def test_a_sync_keeps_an_archive(
    fake: FakeRoistat, roistat: Roistat, bucket: Bucket, tmp_path: Path
) -> None:
    """Recordings lie under their dates; a second run requests and uploads nothing."""
    report = await copy(roistat, tmp_path, f"{bucket.url}/archive")
    keys = bucket.list_keys()
    assert report.saved == len(keys) == len(recorded(fake))
    assert all(key.startswith("archive/20") for key in keys)
    requests = file_requests(fake)
    assert (await copy(roistat, tmp_path, f"{bucket.url}/archive")).saved == 0
    assert file_requests(fake) == requests


def saved_rows(database: Path) -> list[tuple[Any, ...]]:
    """Return path, size and hash of the recordings that a copy has."""
    query = "SELECT path, size, sha256 FROM recordings WHERE state = 'saved' ORDER BY path"
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(query).fetchall()


async def test_d106_an_object_that_was_not_noted_is_adopted(
    fake: FakeRoistat, roistat: Roistat, bucket: Bucket, tmp_path: Path
) -> None:
    """An object that a killed run wrote is not requested from Roistat again."""
    path = tmp_path / "calls.db"
    first = await copy(roistat, tmp_path, bucket.url)
    rows = saved_rows(path)
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("DELETE FROM recordings")
    requests = file_requests(fake)
    report = await copy(roistat, tmp_path, bucket.url)
    assert (report.saved, report.adopted) == (0, len(rows))
    assert file_requests(fake) == requests + first.waiting + first.given_up
    assert saved_rows(path) == rows


@pytest.fixture
def exported(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeRoistat]:
    """Run a fake that the environment names, for programs."""
    quirks = Quirks(rate_per_second=None, rate_per_hour=None)
    monkeypatch.setenv("ROISTAT_PER_SECOND", "1000")
    with FakeRoistat(calls=20, quirks=quirks).in_thread() as fake:
        monkeypatch.setenv("ROISTAT_BASE_URL", fake.base_url)
        monkeypatch.setenv("ROISTAT_API_KEY", fake.api_key)
        monkeypatch.setenv("ROISTAT_PROJECT", str(fake.project))
        yield fake


@pytest.mark.usefixtures("exported")
def test_the_example_of_an_archive_fills_a_bucket(bucket: Bucket, tmp_path: Path) -> None:
    """`examples/archive_recordings.py` takes the URL of a store; its index names every object."""
    index = tmp_path / "index.csv"
    arguments = ["2020-01-01..2040-01-01", f"{bucket.url}/may", str(index)]
    assert archive_recordings.main(arguments) == 0
    with index.open(newline="", encoding="utf-8") as file:
        names = {row["file"] for row in csv.DictReader(file) if row["status"] == "saved"}
    assert {f"may/{name}" for name in names} == set(bucket.list_keys())


def test_the_command_fills_a_bucket(bucket: Bucket, tmp_path: Path, exported: FakeRoistat) -> None:
    """`roistat recordings` and `roistat sync --recordings` take the URL of a store."""
    call_id = recorded(exported)[0]
    assert run(["recordings", f"{bucket.url}/one", "--call-id", call_id]) == 0
    assert bucket.list_keys() == [f"one/{call_id}.mp3"]
    arguments = ["sync", "--to", str(tmp_path / "calls.db"), "--since", "2020-01-01"]
    assert run([*arguments, "--recordings", f"{bucket.url}/all"]) == 0
    assert len(bucket.list_keys()) == 1 + len(exported.state.recordings)


def test_the_command_refuses_an_unknown_store(
    tmp_path: Path, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A place that cannot be used is wrong usage, before a copy is created."""
    monkeypatch.setenv("ROISTAT_API_KEY", "f" * 32)
    monkeypatch.setenv("ROISTAT_PROJECT", "1")
    arguments = ["sync", "--to", str(tmp_path / "calls.db"), "--since", "2020-01-01"]
    assert run([*arguments, "--recordings", "ftp://host/calls"]) == 2
    assert not (tmp_path / "calls.db").exists()
