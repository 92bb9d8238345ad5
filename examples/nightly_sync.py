"""Copy new calls and their recordings every night, from cron or a systemd timer.

    ROISTAT_API_KEY=… ROISTAT_PROJECT=12345 python nightly_sync.py /var/lib/roistat

The folder then holds `calls.db` (SQLite) and `recordings/`. A run that was interrupted is resumed
by the next one. Exit codes: 0 done, 1 failed, 3 some recordings could not be saved.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from roistat_async import Roistat, RoistatError
from roistat_async.sync import sync_calls, sync_recordings

log = logging.getLogger("nightly_sync")


async def sync(folder: Path, first_day: datetime) -> int:
    """Bring the copy in `folder` up to date and return the number of failed recordings."""
    database = folder / "calls.db"
    async with Roistat.from_env() as roistat:
        calls = await sync_calls(roistat, database, since=first_day)
        log.info("%d calls added, %d changed", calls.added, calls.changed)
        recordings = await sync_recordings(roistat, database, folder / "recordings")
    log.info("%d recordings saved, %d not yet there", recordings.saved, recordings.waiting)
    for failure in recordings.failures:
        log.warning("recording of call %s: %s", failure.call_id, failure.error)
    return recordings.failed


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the arguments, run one sync and return the exit code."""
    parser = argparse.ArgumentParser(description="Copy new Roistat calls and recordings.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--days", type=int, default=90, help="history to copy in the first run")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    options.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    first_day = datetime.now(UTC) - timedelta(days=options.days)
    try:
        failed = asyncio.run(sync(options.folder, first_day))
    except RoistatError as error:
        log.error("%s: %s", type(error).__name__, error)
        return 1
    return 3 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
