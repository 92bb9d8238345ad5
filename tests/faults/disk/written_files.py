"""Program that writes each kind of file and prints the error of each as JSON."""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from roistat_async import Limits, Roistat, errors
from roistat_async.sync import sync_calls

Failures = dict[str, list[str] | None]


async def failures(roistat: Roistat, folder: Path) -> Failures:
    """Write each kind of file; return the class and the text of each error."""
    since, save = datetime.now(UTC) - timedelta(days=30), roistat.calls.download_recording
    written: dict[str, Awaitable[object]] = {
        "small": save("10001", to=folder / "old.mp3"),
        "large": save("10003", to=folder / "large.mp3"),
        **{
            copy: sync_calls(roistat, folder / copy, since=since)
            for copy in ("calls.db", "calls.ndjson", "calls.parquet")
        },
    }
    return {name: await _failure(writing) for name, writing in written.items()}


async def _failure(writing: Awaitable[object]) -> list[str] | None:
    try:
        await writing
    except errors.RoistatError as error:
        return [type(error).__name__, str(error)]
    return None


async def main(folder: Path) -> None:
    async with Roistat.from_env(limits=Limits(per_second=None, per_hour=None)) as roistat:
        sys.stdout.write(json.dumps(await failures(roistat, folder)))


if __name__ == "__main__":
    secrets.token_hex = lambda nbytes=None: "00" * (nbytes or 32)  # known names of part files
    asyncio.run(main(Path(sys.argv[1])))
