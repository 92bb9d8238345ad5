"""The web services of `examples/`, each on a free port of the loopback interface."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

import pytest
from aiohttp.test_utils import TestServer

from examples import web_service

Service = Literal["aiohttp", "fastapi"]


@asynccontextmanager
async def serving(service: Service) -> AsyncIterator[str]:
    """Start a service and yield its address."""
    if service == "aiohttp":
        async with TestServer(web_service.create_app()) as server:
            yield str(server.make_url("")).rstrip("/")
        return
    pytest.importorskip("fastapi", reason="fastapi is missing: install the extra test-integrations")
    uvicorn = pytest.importorskip("uvicorn", reason="uvicorn is missing")
    from examples.fastapi_service import app

    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, ws="none")
    fastapi_server = uvicorn.Server(config)
    running = asyncio.create_task(fastapi_server.serve())
    while not fastapi_server.started:
        await asyncio.sleep(0.01)
        assert not running.done()
    try:
        yield f"http://127.0.0.1:{fastapi_server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        fastapi_server.should_exit = True
        await running
