"""Show today's calls in a browser and play their recordings.

    ROISTAT_API_KEY=… ROISTAT_PROJECT=12345 python web_service.py 8080

One client is opened with the application and shared by all requests. The page shows phone numbers
and has no login: the service listens on this machine only.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from datetime import datetime
from html import escape

from aiohttp import web
from aiohttp.typedefs import Handler

from roistat_async import Call, Period, Roistat, RoistatError, errors

ROISTAT = web.AppKey("roistat", Roistat)

PAGE = """<!doctype html>
<meta charset="utf-8">
<title>Calls of today</title>
<table>
<tr><th>Time</th><th>Caller</th><th>Status</th><th>Seconds</th><th>Recording</th></tr>
{rows}
</table>
"""
ROW = (
    "<tr><td>{time:%H:%M:%S}</td><td>{caller}</td><td>{status}</td><td>{duration}</td>"
    '<td><a href="/recordings/{id}">listen</a></td></tr>'
)


def today() -> Period:
    """Return the time from midnight, local time, up to now."""
    now = datetime.now().astimezone()
    return Period(now.replace(hour=0, minute=0, second=0, microsecond=0), now)


def table_row(call: Call) -> str:
    """Return the table row of a call; whatever the API sent is escaped."""
    return ROW.format(
        time=call.date.astimezone(),
        caller=escape(call.caller or ""),
        status=escape(str(call.status)),
        duration=call.duration or 0,
        id=escape(call.id),
    )


async def show_calls(request: web.Request) -> web.Response:
    """Respond with the calls of today, newest first."""
    rows = [table_row(call) async for call in request.app[ROISTAT].calls.history(today())]
    page = PAGE.format(rows="\n".join(reversed(rows)))
    return web.Response(text=page, content_type="text/html")


async def stream_recording(request: web.Request) -> web.StreamResponse:
    """Pass a recording on, chunk by chunk, without a copy on disk."""
    async with request.app[ROISTAT].calls.recording(request.match_info["call_id"]) as body:
        response = web.StreamResponse()
        response.content_type = "audio/mpeg"
        response.content_length = body.length
        await response.prepare(request)
        async for chunk in body:
            await response.write(chunk)
    return response


@web.middleware
async def map_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn the client's exceptions into HTTP statuses; their texts hold nothing secret."""
    try:
        return await handler(request)
    except (errors.NoRecordingError, errors.NotFoundError) as error:
        raise web.HTTPNotFound(text=str(error)) from None
    except errors.ConfigurationError as error:
        raise web.HTTPBadRequest(text=str(error)) from None
    except errors.RateLimitError as error:
        raise web.HTTPServiceUnavailable(text=str(error)) from None
    except RoistatError as error:
        raise web.HTTPBadGateway(text=str(error)) from None


async def open_roistat(app: web.Application) -> AsyncIterator[None]:
    """Open the client when the application starts and close it when the application stops."""
    async with Roistat.from_env() as roistat:
        app[ROISTAT] = roistat
        yield


def create_app() -> web.Application:
    """Return the application with its routes."""
    app = web.Application(middlewares=[map_errors])
    app.cleanup_ctx.append(open_roistat)
    app.add_routes(
        [
            web.get("/", show_calls),
            web.get(r"/recordings/{call_id:\d+}", stream_recording),
        ]
    )
    return app


if __name__ == "__main__":
    web.run_app(create_app(), host="127.0.0.1", port=int(sys.argv[1]) if sys.argv[1:] else 8080)
