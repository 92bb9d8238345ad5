"""FaultCase J15: 200 MB in 200 KB of gzip, read by a process whose memory can be measured."""

from __future__ import annotations

import asyncio
import sys
import zlib

import pytest

from tests.helpers.fault_server import FaultServer, sends, true_answer
from tests.helpers.raw_server import Connection, answer

MB = 1 << 20
GZIP = "Content-Encoding: gzip"

CLIENT = r"""
import asyncio, gc, re, sys, time
from roistat_async import errors
from tests.helpers.clients import client

def peak():
    # Not ru_maxrss: that begins with what the parent had.
    status = open("/proc/self/status").read()
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) * 1024

async def main():
    async with client(sys.argv[1]) as roistat:
        await roistat.calls.list().first()
        gc.collect()
        before, began = peak(), time.process_time()
        try:
            await roistat.scripts.list()
        except errors.MalformedResponseError:
            print(peak() - before, time.process_time() - began)

asyncio.run(main())
"""


def bomb(head: bytes, filling: bytes, size: int = 200 * MB) -> bytes:
    """Return a gzip bomb of some megabytes of a filling."""
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    block = filling * (MB // len(filling))
    blocks = (packer.compress(block) for _ in range(size // MB))
    return b"".join([packer.compress(head), *blocks, packer.flush()])


async def cost_of(data: bytes) -> tuple[int, float]:
    """Return the bytes and seconds that it costs a process to refuse a bomb as its second list."""

    async def handler(connection: Connection) -> None:
        await connection.send(true_answer(await connection.request()))
        await sends(data, end="wait")(connection)

    async with FaultServer(handler) as server:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", CLIENT, server.base_url, stdout=asyncio.subprocess.PIPE
        )
        output, _ = await process.communicate()
    memory, seconds = output.split()
    return int(memory), float(seconds)


HEAD = b'{"status": "success", "data": ['
BOMBS = {
    "zeros": answer(bomb(b"", b"\0"), GZIP),
    "JSON": answer(bomb(HEAD, b"[],1"), GZIP),
    "spaces": answer(bomb(HEAD, b" "), GZIP),
    "an error": answer(bomb(b"", b"\0"), GZIP, status="500 Oops"),
}


@pytest.mark.parametrize("what", BOMBS)
async def test_j15_a_bomb_is_stopped_at_the_cap(what: str) -> None:
    """A bomb raises an error within a second and uses less than 40 MB of memory."""
    memory, seconds = await cost_of(BOMBS[what])
    assert memory < (10 if what == "an error" else 40) * MB
    assert seconds < 1


async def test_j15_nothing_but_brackets() -> None:
    """10 MB of empty lists in place of scripts are refused at the first one."""
    body = HEAD + b"[]," * (10 * MB // 3) + b"[]]}"
    memory, seconds = await cost_of(answer(body))
    assert memory < 27 * len(body)
    assert seconds < 5
