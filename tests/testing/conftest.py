"""Fake server without limits, and a plain aiohttp client for it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from attrs import frozen

from roistat_async.testing import FakeRoistat, Quirks

NOON = 1_800_000_000.0  # 2027-01-15T08:00:00+0000
LIST = "calltracking/call/list"


def quirks(**changes: Any) -> Quirks:
    """Return quirks without request limits, with these changes."""
    return Quirks(**({"rate_per_second": None, "rate_per_hour": None} | changes))


@frozen
class PlainClient:
    """Client of the fake server that uses only aiohttp."""

    fake: FakeRoistat
    session: aiohttp.ClientSession

    async def raw(
        self, path: str, body: Any = None, *, verb: str = "POST", **options: Any
    ) -> tuple[aiohttp.ClientResponse, bytes]:
        """Return the response and its body."""
        query = {"project": str(self.fake.project)} | options.pop("query", {})
        query = {name: value for name, value in query.items() if value is not None}
        headers = {"Api-key": self.fake.api_key} | options.pop("headers", {})
        url = f"{self.fake.base_url}/project/{path}"
        async with self.session.request(
            verb, url, params=query, json=body, headers=headers, allow_redirects=False, **options
        ) as response:
            return response, await response.read()

    async def json(self, path: str, body: Any = None, **options: Any) -> Any:
        """Return the parsed response to a request with options."""
        return json.loads((await self.raw(path, body, **options))[1])

    async def __call__(self, path: str, /, **body: Any) -> Any:
        """Send a POST and return the parsed response."""
        return await self.json(path, body)

    async def calls(self, **body: Any) -> Any:
        """Return the rows of call/list."""
        return (await self(LIST, **body))["data"]

    async def ids(self, **body: Any) -> list[str]:
        """Return the ids of call/list."""
        return [row["id"] for row in await self.calls(**body)]


@pytest.fixture
async def fake() -> AsyncIterator[FakeRoistat]:
    """Fake server with fifty calls, no limits and a fixed clock."""
    async with FakeRoistat(calls=50, quirks=quirks(), clock=lambda: NOON) as fake:
        yield fake


@pytest.fixture
async def api(fake: FakeRoistat) -> AsyncIterator[PlainClient]:
    """Client of that fake server."""
    async with aiohttp.ClientSession() as session:
        yield PlainClient(fake, session)
