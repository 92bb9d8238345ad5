"""Work of processes that share limits; each sends a message through its pipe once it is ready."""

from __future__ import annotations

import asyncio
from multiprocessing.connection import Connection

from roistat_async import Limits, Roistat
from roistat_async.transport import budget_file


def hold(pipe: Connection, path: str) -> None:
    """Hold the lock of the file in a large transaction, until the process is killed."""
    with budget_file.transaction(path) as db:
        db.executemany("INSERT INTO sent VALUES ('1', ?, 0)", [[number] for number in range(9000)])
        pipe.send("locked")
        pipe.recv()


def send(pipe: Connection, path: str, base_url: str, key: str, seconds: float) -> None:
    """Send requests at the whole rate for some seconds; send their number through the pipe."""
    pipe.send("ready")
    pipe.recv()
    pipe.send(asyncio.run(_send(path, base_url, key, seconds)))


async def _send(path: str, base_url: str, key: str, seconds: float) -> int:
    loop, number = asyncio.get_running_loop(), 0
    end = loop.time() + seconds

    async def send_some(roistat: Roistat) -> None:
        nonlocal number
        while loop.time() < end:
            await roistat.scripts.list()
            number += 1

    async with Roistat(key, 12345, base_url=base_url, limits=Limits(shared_file=path)) as roistat:
        await asyncio.gather(*[send_some(roistat) for _ in range(4)])
    return number
