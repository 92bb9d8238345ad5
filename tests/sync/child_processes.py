"""Functions that tests run in processes of their own, by `tests.helpers.forked`."""

from __future__ import annotations

import asyncio
import os
import signal
from multiprocessing.connection import Connection
from pathlib import Path
from unittest.mock import patch

from roistat_async.errors import SyncError
from roistat_async.sync import SyncState, open_target, process_lock, state_table

from .calls_db import ADDRESS, call


def hold_lock(connection: Connection, copy: Path, is_forked: bool) -> None:
    """Lock a copy until the connection is closed, or send why it is refused."""
    try:
        process_lock.acquire(copy, 1)
    except SyncError as error:
        connection.send(str(error))
        return
    if is_forked and os.fork():
        os._exit(0)
    connection.send("locked")
    connection.poll(None)


def open_without_rights(connection: Connection, copy: Path, address: str) -> None:
    """Send why an ordinary user cannot open a copy."""
    if os.getuid() == 0:
        os.setuid(65534)  # a superuser may write everywhere
    try:
        asyncio.run(open_target(copy).open(1, address))
    except SyncError as error:
        connection.send(str(error))


def write_until_killed(_: Connection, copy: str | Path) -> None:
    """Write a batch, and another one in which a kill comes between rows and state."""

    def kill(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    async def write() -> None:
        target = open_target(copy)
        await target.open(1, ADDRESS)
        await target.write(1, [call(1)], SyncState(walk="good"))
        calls = [call(n, comment="x" * 2000) for n in range(500)]
        with patch.object(state_table, "save", kill):
            await target.write(1, calls, SyncState(walk="bad"))

    asyncio.run(write())
