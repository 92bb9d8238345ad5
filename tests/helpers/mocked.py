"""Client whose every request gets a response from aioresponses, without a socket."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from unittest.mock import Mock

import aiohttp
from aioresponses import CallbackResult, aioresponses
from attrs import field, frozen
from yarl import URL

from roistat_async import Roistat

KEY = "0123456789abcdef0123456789abcdef"
PROJECT = 12345
_ANY = re.compile(r"^https://cloud\.roistat\.com/.*$")


class Response(aiohttp.ClientResponse):
    """Response with the argument that aiohttp 3.14 needs and aioresponses 0.7.9 does not pass."""

    def __init__(self, method: str, url: URL, **options: Any) -> None:
        super().__init__(method, url, **{"stream_writer": Mock(), **options})


@frozen
class Sent:
    """Request that the client sent."""

    method: str
    url: URL
    headers: Mapping[str, str]
    text: bytes | None

    @property
    def path(self) -> str:
        return self.url.path.removeprefix("/api/v1")

    @property
    def body(self) -> Any:
        return None if self.text is None else json.loads(self.text)


@frozen
class Mocked:
    """Client, and the requests that it sent."""

    roistat: Roistat
    sent: list[Sent] = field(factory=list)


@asynccontextmanager
async def mocked(body: bytes) -> AsyncIterator[Mocked]:
    """Yield a client whose every request gets this body."""

    def answer(url: URL, **arguments: Any) -> CallbackResult:
        # aioresponses does not pass the method; only POST has a response, see below.
        client.sent.append(Sent("POST", url, arguments["headers"], arguments["data"]))
        headers = {"Content-Length": str(len(body))}
        return CallbackResult(status=200, body=body, headers=headers, response_class=Response)

    with aioresponses() as responses:
        async with Roistat(KEY, PROJECT) as roistat:
            client = Mocked(roistat)
            # Any other method fails as a lost connection.
            responses.post(_ANY, callback=answer, repeat=True)
            yield client
