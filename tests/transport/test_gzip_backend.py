"""Faster decompression of gzip, if isal is installed."""

from __future__ import annotations

import asyncio
from multiprocessing.connection import Connection as Pipe

import pytest

from roistat_async.testing import FakeRoistat, Quirks
from roistat_async.transport import gzip_backend
from tests.helpers import forked
from tests.helpers.clients import client


def read_pages(pipe: Pipe) -> None:
    """Read compressed pages; send whether isal is used, and whether all calls arrived."""

    async def read() -> bool:
        quirks = Quirks(rate_per_second=None, rate_per_hour=None, gzip=True)
        async with (
            FakeRoistat(calls=300, quirks=quirks) as fake,
            client(fake.base_url, api_key=fake.api_key) as roistat,
        ):
            calls = await roistat.calls.list().collect()
            return [call.id for call in calls][::-1] == fake.state.calls.ids()

    pipe.send((gzip_backend.use_fast_gzip(), asyncio.run(read())))


def test_pages_are_decompressed_by_isal() -> None:
    """The extra `speed` is used, and the calls are those of the server."""
    # A process of its own, because the backend is set for the whole process.
    with forked.process(read_pages) as (_, pipe):
        assert pipe.recv() == (True, True)


def test_the_standard_library_is_used_without_isal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing isal is no error."""
    monkeypatch.setattr(gzip_backend, "find_spec", lambda _: None)
    assert not gzip_backend.use_fast_gzip()
