"""The FastAPI example, served by uvicorn as its users start it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.error import HTTPError

import pytest

from roistat_async import Roistat
from roistat_async.testing import FakeRoistat
from roistat_async.webhooks import reconcile
from tests.sync.databases import query

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")

ROOT = Path(__file__).parents[2]
SECRET = "a-secret-of-the-test-0123456789"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the database."""
    return tmp_path_factory.mktemp("webhooks")


@pytest.fixture(scope="module")
def server_url(folder: Path) -> Iterator[str]:
    """Run the example in a process of its own."""
    # Connections wait in the queue of this socket until uvicorn accepts them.
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        arguments = ["--fd", str(listener.fileno()), "--no-access-log"]
        process = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", "examples.fastapi_webhook:app", *arguments],
            env={**os.environ, "WEBHOOK_SECRET": SECRET, "PYTHONPATH": str(ROOT),
                 "DATABASE": str(folder / "events.db")},
            cwd=folder, pass_fds=[listener.fileno()], stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    try:
        assert _post(url, b"") == 404, "uvicorn did not start"
        yield url
    finally:
        process.send_signal(signal.SIGINT)
        _, log = process.communicate(timeout=60)
    assert SECRET not in log


def _post(url: str, body: bytes) -> int:
    try:
        with urllib.request.urlopen(url, body, timeout=60) as response:
            return int(response.status)
    except HTTPError as error:
        error.close()
        return error.code


async def test_events_are_stored_once(server_url: str, folder: Path) -> None:
    """Ended calls are stored, one that is posted twice once; reconcile names the others."""
    url = f"{server_url}/roistat/{SECRET}"
    async with FakeRoistat(calls=12) as fake:
        posted = list(fake.state.calls)[:8]
        for call in posted:
            assert await fake.send_webhook(url, call, "start") == 200
            assert [await fake.send_webhook(url, call) for _ in range(2)] == [200, 200]
        async with Roistat(fake.api_key, fake.project, base_url=fake.base_url) as roistat:
            calls = await roistat.calls.list().collect()
    stored = dict(query(folder / "events.db", "SELECT call_id, status FROM ended"))
    assert stored == {call["id"]: call["status"] for call in posted}
    missed = reconcile(calls, ended=stored)
    assert {call.id for call in missed.without_end} == {row["id"] for row in fake.state.calls[8:]}


async def test_what_is_refused(server_url: str) -> None:
    """A wrong secret is 404, a large body 413, and a body that is no event 400."""
    async with FakeRoistat(calls=1) as fake:
        assert await fake.send_webhook(f"{server_url}/roistat/wrong", fake.state.calls[0]) == 404
    assert _post(f"{server_url}/roistat/{SECRET}", b"x" * 400_000) == 413
    assert _post(f"{server_url}/roistat/{SECRET}", b"{}") == 400
