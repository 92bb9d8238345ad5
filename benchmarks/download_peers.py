"""Other ways to download the same files: common programs, and simple code with HTTP clients."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import subprocess
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import aiohttp

from .file_server import PATH
from .timing import missing

Download = Callable[[Path], None]
"""Function that downloads into a folder."""


def single_file(base_url: str) -> dict[str, Download]:
    """Return the ways to download one file that are installed on this machine."""
    url = f"{base_url}/{PATH.format(call_id=1)}"
    ways: dict[str, Download] = {}
    for name, options in _PROGRAMS.items():
        if shutil.which(name):
            ways[name] = _program([name, *options, url])
        else:
            missing(name)
    ways["aiohttp iter_chunked(64 KiB)"] = lambda to: asyncio.run(_by_aiohttp(url, to))
    if find_spec("httpx"):
        ways["httpx"] = lambda to: asyncio.run(_by_httpx(url, to))
    else:
        missing("httpx")
    return ways


def many_files(base_url: str, count: int, at_once: int) -> dict[str, Download]:
    """Return the ways to download many files, so many at once.

    "aiohttp, by hand" is about the least that a program in Python can do: nothing is checked, but
    the bytes are hashed, written and renamed in one visit to a thread.
    """
    urls = [f"{base_url}/{PATH.format(call_id=number)}" for number in range(1, count + 1)]
    ways: dict[str, Download] = {}
    if shutil.which("curl"):
        ways["curl --parallel"] = _curl_parallel(urls, at_once)
    if shutil.which("aria2c"):
        ways["aria2c"] = _aria2c(urls, at_once)
    ways["aiohttp, by hand"] = lambda to: asyncio.run(_many_by_aiohttp(urls, to, at_once))
    return ways


_PROGRAMS = {
    "curl": ["-sf", "-o", "one.mp3"],
    "wget": ["-q", "-O", "one.mp3"],
    "aria2c": ["-q", "--file-allocation=none", "-o", "one.mp3"],
}


def _program(command: list[str]) -> Download:
    def run(to: Path) -> None:
        subprocess.run(command, cwd=to, check=True)

    return run


def _curl_parallel(urls: list[str], at_once: int) -> Download:
    config = "".join(f'url = "{url}"\noutput = "{at}.mp3"\n' for at, url in enumerate(urls))
    command = ["curl", "-sSf", "--no-progress-meter", "--parallel", "--parallel-max", str(at_once)]
    return _program_with_input([*command, "-K", "-"], config)


def _aria2c(urls: list[str], at_once: int) -> Download:
    config = "".join(f"{url}\n out={at}.mp3\n" for at, url in enumerate(urls))
    return _program_with_input(
        ["aria2c", "-q", "--file-allocation=none", f"-j{at_once}", "-i", "-"], config
    )


def _program_with_input(command: list[str], text: str) -> Download:
    def run(to: Path) -> None:
        subprocess.run(command, input=text.encode(), cwd=to, check=True, stdout=subprocess.DEVNULL)

    return run


async def _by_aiohttp(url: str, to: Path) -> None:
    async with aiohttp.ClientSession() as session, session.post(url) as response:
        with (to / "one.mp3").open("wb") as file:
            async for chunk in response.content.iter_chunked(64 * 1024):
                file.write(chunk)


async def _many_by_aiohttp(urls: list[str], to: Path, at_once: int) -> None:
    remaining = iter(enumerate(urls))
    loop = asyncio.get_running_loop()
    async with aiohttp.ClientSession() as session:

        async def work() -> None:
            for number, url in remaining:
                async with session.post(url) as response:
                    chunks = [chunk async for chunk in response.content.iter_any()]
                await loop.run_in_executor(None, _write, chunks, to / f"{number}.mp3")

        await asyncio.gather(*(work() for _ in range(at_once)))


def _write(chunks: list[bytes], target: Path) -> str:
    part = target.with_suffix(".part")
    digest = hashlib.sha256()
    with part.open("wb") as file:
        file.writelines(chunks)
    for chunk in chunks:
        digest.update(chunk)
    part.replace(target)
    return digest.hexdigest()


async def _by_httpx(url: str, to: Path) -> None:
    import httpx

    async with httpx.AsyncClient() as client, client.stream("POST", url) as response:
        with (to / "one.mp3").open("wb") as file:
            async for chunk in response.aiter_bytes():
                file.write(chunk)
