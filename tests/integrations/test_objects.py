"""Recordings in an object store: complete or absent, whatever breaks, against a real S3 server."""

from __future__ import annotations

import asyncio
import csv
import io
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from attrs import define, field

from examples import archive_recordings
from roistat_async import Download, DownloadStatus, Roistat, errors
from roistat_async.cli.app import run
from roistat_async.integrations.objects import ObjectFolder
from roistat_async.sync import sync_calls, sync_recordings
from roistat_async.testing import FakeRoistat, Fault, mp3
from tests.integrations.s3_server import SECRET, Bucket
from tests.sync.databases import query

obstore = pytest.importorskip("obstore", reason="obstore is missing: install the extra objects")
pytest.importorskip("moto.server", reason="moto is missing: install the extra test-integrations")
store = pytest.importorskip("obstore.store")

LARGE = 6300.0  # seconds of a recording that is sent in several requests: 24 MiB
Save = Callable[[], Coroutine[Any, Any, Download]]


@pytest.fixture
def call_id(fake: FakeRoistat) -> str:
    """Return the id of a call that has a recording."""
    return recorded(fake)[0]


@pytest.fixture
def save(roistat: Roistat, bucket: Bucket, call_id: str) -> Save:
    """Return a function that saves the recording of this call as an object."""
    return partial(roistat.calls.download_recording, call_id, to=f"{bucket.url}/1.mp3")


def recorded(fake: FakeRoistat) -> list[str]:
    """Return the ids of the calls that have a recording."""
    return sorted(fake.state.recordings)


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


@pytest.mark.parametrize("seconds", [5.0, LARGE], ids=["one request", "several requests"])
async def test_one_recording_is_an_object(
    fake: FakeRoistat, bucket: Bucket, save: Save, call_id: str, seconds: float
) -> None:
    """`to` may be a URL; the result has it with the size, and the upload is completed."""
    recording = fake.state.recordings[call_id] = mp3.recording(call_id, seconds)
    saved = await save()
    assert (saved.url, saved.path) == (f"{bucket.url}/1.mp3", Path("1.mp3"))
    assert saved.size == len(recording)
    assert bucket.read("1.mp3") == recording
    assert bucket.list_uploads() == []


@pytest.mark.parametrize(
    "fault",
    [Fault.truncated(), Fault.html(), Fault.empty(content_type="audio/mpeg"), Fault.status(403)],
    ids=["truncated", "HTML", "no recording", "refused"],
)
async def test_d100_a_failure_leaves_no_object(
    fake: FakeRoistat, bucket: Bucket, save: Save, fault: Fault
) -> None:
    """What is no whole recording becomes no object."""
    fake.fail("/file", fault, times=9)
    with pytest.raises(errors.RoistatError):
        await save()
    assert (bucket.list_keys(), bucket.list_uploads()) == ([], [])


async def test_d101_an_existing_object_stays(
    fake: FakeRoistat, bucket: Bucket, save: Save, call_id: str
) -> None:
    """A failed download leaves the object that was there before."""
    await save()
    fake.fail("/file", Fault.truncated(), times=9)
    with pytest.raises(errors.TruncatedError):
        await save()
    assert bucket.read("1.mp3") == fake.state.recordings[call_id]


@define
class SlowStore:
    """Proxy of a bucket that holds a part back, or answers with statuses of its own."""

    _endpoint: str
    statuses: list[int] = field(factory=list)
    requests: int = 0
    holds_part: str = ""
    is_holding: asyncio.Event = field(factory=asyncio.Event)
    release: asyncio.Event = field(factory=asyncio.Event)

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
        sending = aiohttp.request(request.method, url, data=data, headers=headers)
        async with sending as response:
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
    fake: FakeRoistat, bucket: Bucket, slow_store: SlowStore, save: Save, call_id: str
) -> None:
    """A download that is cancelled in the middle of its upload leaves no object and no parts."""
    fake.state.recordings[call_id] = mp3.recording(call_id, LARGE)
    slow_store.holds_part = "2"
    task = asyncio.create_task(save())
    await asyncio.wait_for(slow_store.is_holding.wait(), 30)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    slow_store.release.set()
    assert bucket.list_keys() == []
    async with asyncio.timeout(5):  # the store carries the abort out after it was sent
        while bucket.list_uploads():
            await asyncio.sleep(0.05)


async def test_d103_a_store_that_is_busy_is_asked_again(
    fake: FakeRoistat, bucket: Bucket, slow_store: SlowStore, save: Save, call_id: str
) -> None:
    """503 of the store costs no recording: obstore repeats the request."""
    slow_store.statuses = [503, 503]
    await save()
    assert bucket.read("1.mp3") == fake.state.recordings[call_id]
    assert slow_store.requests == 3


@pytest.mark.parametrize(
    ("status", "text"),
    [(403, "check the credentials"), (400, "the store failed (status 400)")],
)
async def test_d104_a_refusal_of_the_store_is_explained(
    bucket: Bucket, slow_store: SlowStore, save: Save, status: int, text: str
) -> None:
    """The error names the object and what to check, never a credential."""
    slow_store.statuses = [status] * 20
    with pytest.raises(errors.DownloadError) as caught:
        await save()
    assert text in str(caught.value)
    assert f"{bucket.url}/1.mp3" in str(caught.value)
    assert SECRET not in repr(caught.value)


@pytest.mark.usefixtures("bucket")
async def test_d105_a_bucket_that_is_not_there(roistat: Roistat, call_id: str) -> None:
    """The error says that the bucket does not exist."""
    with pytest.raises(errors.DownloadError, match="bucket or the object does not exist"):
        await roistat.calls.download_recording(call_id, to="s3://no-such-bucket/1.mp3")


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


async def test_a_folder_as_a_store(
    fake: FakeRoistat, roistat: Roistat, call_id: str, tmp_path: Path
) -> None:
    """`file://` is a folder of this machine, which is created."""
    path = tmp_path / "new" / "1.mp3"
    await roistat.calls.download_recording(call_id, to=path.as_uri())
    assert path.read_bytes() == fake.state.recordings[call_id]


async def copy(roistat: Roistat, folder: Path, place: Any) -> Any:
    """Copy calls into a database, and recordings into a store."""
    await sync_calls(roistat, folder / "calls.db", since=datetime(2020, 1, 1, tzinfo=UTC))
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


SAVED = "SELECT path, size, sha256 FROM recordings WHERE state = 'saved' ORDER BY path"


async def test_d106_an_object_that_was_not_noted_is_adopted(
    fake: FakeRoistat, roistat: Roistat, bucket: Bucket, tmp_path: Path
) -> None:
    """An object that a killed run wrote is not requested from Roistat again."""
    first = await copy(roistat, tmp_path, bucket.url)
    rows = query(tmp_path / "calls.db", SAVED)
    query(tmp_path / "calls.db", "DELETE FROM recordings")
    requests = file_requests(fake)
    report = await copy(roistat, tmp_path, bucket.url)
    assert (report.saved, report.adopted) == (0, len(rows))
    assert file_requests(fake) == requests + first.waiting + first.given_up
    assert query(tmp_path / "calls.db", SAVED) == rows


@pytest.mark.usefixtures("roistat_env")
def test_the_example_of_an_archive_fills_a_bucket(bucket: Bucket, tmp_path: Path) -> None:
    """`examples/archive_recordings.py` takes the URL of a store; its index names every object."""
    index = tmp_path / "index.csv"
    arguments = ["2020-01-01..2040-01-01", f"{bucket.url}/may", str(index)]
    assert archive_recordings.main(arguments) == 0
    with index.open(newline="", encoding="utf-8") as file:
        names = {row["file"] for row in csv.DictReader(file) if row["status"] == "saved"}
    assert {f"may/{name}" for name in names} == set(bucket.list_keys())


def test_the_command_fills_a_bucket(
    bucket: Bucket, tmp_path: Path, roistat_env: FakeRoistat
) -> None:
    """`roistat recordings` and `roistat sync --recordings` take the URL of a store."""
    call_id = recorded(roistat_env)[0]
    assert run(["recordings", f"{bucket.url}/one", "--call-id", call_id]) == 0
    assert bucket.list_keys() == [f"one/{call_id}.mp3"]
    arguments = ["sync", "--to", str(tmp_path / "calls.db"), "--since", "2020-01-01"]
    assert run([*arguments, "--recordings", f"{bucket.url}/all"]) == 0
    assert len(bucket.list_keys()) == 1 + len(roistat_env.state.recordings)


@pytest.mark.usefixtures("roistat_env")
def test_the_command_refuses_an_unknown_store(tmp_path: Path) -> None:
    """A place that cannot be used is wrong usage, before a copy is created."""
    arguments = ["sync", "--to", str(tmp_path / "calls.db"), "--since", "2020-01-01"]
    assert run([*arguments, "--recordings", "ftp://host/calls"]) == 2
    assert not (tmp_path / "calls.db").exists()
