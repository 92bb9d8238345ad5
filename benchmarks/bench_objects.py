"""Recordings of 500 KB from loopback into an S3 server, 32 at once.

"ours" includes everything that a download does: retry, rate limiter, check of the first bytes and
of the end, sha256, a request that asks whether the object is there. The peer loads the same files
with aiohttp and puts their bytes with obstore. The server of the recordings sends one file under
every id, and moto's S3 server runs in a process of its own; it takes most of the time of both.
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import aiohttp

from roistat_async import Limits, Roistat

from .file_server import PATH, PROJECT, make_recording, serving_file
from .timing import Ratio, interleaved, missing, ratio

_KEY = "0123456789abcdef0123456789abcdef"
_RECORDING = 500_000
_AT_ONCE = 32
_GOAL = 1.25
_PEER = "aiohttp + obstore.put_async"
_ENVIRONMENT = {
    "AWS_ALLOW_HTTP": "true",
    "AWS_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "key",
    "AWS_SECRET_ACCESS_KEY": "secret",
}


def run(*, quick: bool) -> list[Ratio]:
    """Measure the time of all files."""
    try:
        import moto.server  # noqa: F401 - runs in another process
        import obstore  # noqa: F401 - used below
    except ImportError:
        missing("moto or obstore")
        return []
    count, rounds = (20, 2) if quick else (300, 7)
    with tempfile.TemporaryDirectory() as name, _s3_server() as bucket:
        recording = make_recording(Path(name) / "small", _RECORDING)
        with serving_file(recording) as base_url:
            ids = [str(number) for number in range(1, count + 1)]
            number = iter(range(10**6))
            ways = {
                "ours": lambda: asyncio.run(_ours(base_url, ids, f"{bucket}/{next(number)}")),
                _PEER: lambda: asyncio.run(_peer(base_url, ids, f"{bucket}/{next(number)}")),
            }
            seconds = interleaved(ways, rounds)
    return [ratio(f"{count} recordings into S3", seconds, "ours", _PEER, _GOAL)]


async def _ours(base_url: str, ids: list[str], place: str) -> None:
    limits = Limits(per_second=None, per_hour=None, concurrency=_AT_ONCE)
    async with Roistat(_KEY, PROJECT, base_url=base_url, limits=limits) as roistat:
        outcomes = roistat.calls.download_recordings(ids, place, concurrency=_AT_ONCE)
        assert {str(outcome.status) async for outcome in outcomes} == {"saved"}


async def _peer(base_url: str, ids: list[str], place: str) -> None:
    import obstore
    from obstore.store import from_url

    store, places = from_url(place), asyncio.Semaphore(_AT_ONCE)

    async def copy(session: aiohttp.ClientSession, call_id: str) -> None:
        async with places, session.get(f"{base_url}/{PATH.format(call_id=call_id)}") as response:
            await obstore.put_async(store, f"{call_id}.mp3", await response.read())

    async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as group:
        for call_id in ids:
            group.create_task(copy(session, call_id))


@contextmanager
def _s3_server() -> Iterator[str]:
    """Run moto's server, and return the URL of a bucket that the environment leads to."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    endpoint = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "moto.server", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _create_bucket(f"{endpoint}/bench")
        with mock.patch.dict(os.environ, {**_ENVIRONMENT, "AWS_ENDPOINT_URL": endpoint}):
            yield "s3://bench"
    finally:
        process.kill()
        process.wait()


def _create_bucket(url: str) -> None:
    for _ in range(200):
        try:
            urllib.request.urlopen(urllib.request.Request(url, method="PUT"), timeout=5).close()
        except OSError:
            time.sleep(0.1)  # it is still starting
        else:
            return
    raise TimeoutError("moto did not start")
