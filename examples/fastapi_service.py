"""Serve calls as JSON and their recordings to audio players, with FastAPI.

    ROISTAT_API_KEY=… ROISTAT_PROJECT=12345 uvicorn fastapi_service:app

One client is opened with the application and shared by all requests. The service has no login:
let it listen on this machine only, as uvicorn does unless told otherwise.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Request
from fastapi.responses import JSONResponse, StreamingResponse

from roistat_async import Body, Roistat, RoistatError
from roistat_async.web import error_headers, http_status, range_arguments


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Open the client when the application starts and close it when the application stops."""
    async with Roistat.from_env() as roistat:
        app.state.roistat = roistat
        yield


app = FastAPI(lifespan=lifespan)


def client(request: Request) -> Roistat:
    """Return the client of the application."""
    roistat: Roistat = request.app.state.roistat
    return roistat


async def open_recording(
    call_id: str, request: Request, roistat: Annotated[Roistat, Depends(client)]
) -> AsyncIterator[Body]:
    """Open a recording before the response begins, and close it after the last chunk."""
    async with roistat.calls.recording(call_id, **range_arguments(request.headers)) as body:
        yield body


@app.get("/calls")
async def list_calls(
    roistat: Annotated[Roistat, Depends(client)], offset: int = 0, limit: int = 50
) -> list[dict[str, Any]]:
    """Respond with calls, the newest first."""
    calls = await roistat.calls.list(offset=offset, limit=limit).collect()
    return [call.to_dict() for call in calls]


@app.get("/recordings/{call_id}")
async def stream_recording(body: Annotated[Body, Depends(open_recording)]) -> StreamingResponse:
    """Pass a recording on, or the range that a player asks for, without a copy on disk."""
    return StreamingResponse(body, body.status, body.headers)


@app.exception_handler(RoistatError)
async def map_error(request: Request, error: RoistatError) -> JSONResponse:
    """Turn the client's exceptions into HTTP statuses; their texts hold nothing secret."""
    return JSONResponse({"detail": str(error)}, http_status(error), error_headers(error))
