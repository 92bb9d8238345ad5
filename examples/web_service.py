"""Show the calls of the last day in a browser and play their recordings, with aiohttp.

    ROISTAT_API_KEY=… ROISTAT_PROJECT=12345 python web_service.py 8080

One client is opened with the application and shared by all requests. The page shows phone numbers
and has no login: the service listens on this machine only.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from html import escape

from aiohttp import web
from aiohttp.typedefs import Handler

from roistat_async import Call, Period, Roistat, RoistatError
from roistat_async.web import error_headers, http_status, range_arguments

ROISTAT = web.AppKey("roistat", Roistat)
PAGE = """<!doctype html><meta charset="utf-8"><title>Calls of the last day</title>
<table><tr><th>Time<th>Caller<th>Status<th>Seconds<th>Recording</tr>{rows}</table>"""
ROW = """<tr><td>{time:%d.%m. %H:%M:%S}<td>{caller}<td>{status}<td>{duration}
<td><audio controls preload="none" src="/recordings/{id}"></audio></tr>"""


def table_row(call: Call) -> str:
    """Return the table row of a call; whatever the API sent is escaped."""
    caller, status = escape(call.caller or ""), escape(str(call.status))
    time, duration = call.date.astimezone(), call.duration or 0
    return ROW.format(time=time, caller=caller, status=status, duration=duration, id=call.id)


async def show_calls(request: web.Request) -> web.Response:
    """Respond with the calls of the last 24 hours, newest first."""
    calls = request.app[ROISTAT].calls.history(Period.last(days=1))
    rows = [table_row(call) async for call in calls]
    return web.Response(text=PAGE.format(rows="".join(reversed(rows))), content_type="text/html")


async def stream_recording(request: web.Request) -> web.StreamResponse:
    """Pass a recording on, or the range that a player asks for, without a copy on disk."""
    recording, call_id = request.app[ROISTAT].calls.recording, request.match_info["call_id"]
    async with recording(call_id, **range_arguments(request.headers)) as body:
        response = web.StreamResponse(status=body.status, headers=body.headers)
        await response.prepare(request)
        try:
            async for chunk in body:
                await response.write(chunk)
        except RoistatError:  # the status was sent: only a closed connection tells of the cut
            if request.transport is not None:
                request.transport.abort()
    return response


@web.middleware
async def map_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn the client's exceptions into HTTP statuses; their texts hold nothing secret."""
    try:
        return await handler(request)
    except RoistatError as error:
        status, headers = http_status(error), error_headers(error)
        return web.Response(status=status, headers=headers, text=str(error))


async def open_roistat(app: web.Application) -> AsyncIterator[None]:
    """Open the client when the application starts and close it when the application stops."""
    async with Roistat.from_env() as roistat:
        app[ROISTAT] = roistat
        yield


def create_app() -> web.Application:
    """Return the application with its routes."""
    app = web.Application(middlewares=[map_errors])
    app.cleanup_ctx.append(open_roistat)
    recordings = web.get(r"/recordings/{call_id:\d+}", stream_recording, allow_head=False)
    app.add_routes([web.get("/", show_calls), recordings])
    return app


if __name__ == "__main__":
    web.run_app(create_app(), host="127.0.0.1", port=int(sys.argv[1]) if sys.argv[1:] else 8080)
