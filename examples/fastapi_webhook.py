"""Receive the webhooks of Roistat in FastAPI, and store each ended call.

    pip install fastapi uvicorn
    WEBHOOK_SECRET=… uvicorn fastapi_webhook:app --no-access-log

Set https://your.example/roistat/<secret> as the webhook of the script in Roistat. The access log is
off because it would hold the secret.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing

from fastapi import FastAPI, Request, Response

from roistat_async.webhooks import CallEnded, CallStarted, WebhookReceiver

DATABASE = os.environ.get("DATABASE", "events.db")
UPSERT = """
    INSERT INTO ended (call_id, date, caller, status, duration) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (call_id) DO UPDATE SET status = excluded.status, duration = excluded.duration
"""


async def store_call(event: CallStarted | CallEnded) -> None:
    """Store a call that has ended; if this raises, Roistat gets a 500."""
    if not isinstance(event, CallEnded):
        return
    date = None if event.date is None else event.date.isoformat()
    row = (event.id, date, event.caller, event.status and str(event.status), event.duration)
    with closing(sqlite3.connect(DATABASE)) as database, database:
        database.execute(
            "CREATE TABLE IF NOT EXISTS ended"
            " (call_id TEXT PRIMARY KEY, date TEXT, caller TEXT, status TEXT, duration INTEGER)"
        )
        database.execute(UPSERT, row)


app = FastAPI()
receiver = WebhookReceiver(secret=os.environ["WEBHOOK_SECRET"], on_call=store_call)


@app.post("/roistat/{secret}")
async def receive(secret: str, request: Request) -> Response:
    """Check the secret before the body is read, and handle the event."""
    if not receiver.is_secret(secret):
        return Response(status_code=404)
    body = await receiver.read(request.stream())
    status = await receiver.receive(body, request.headers.get("Content-Type"))
    return Response(status_code=status)
