"""Copy new calls and their recordings every night, from cron or a systemd timer.

    ROISTAT_API_KEY_FILE=/run/secrets/roistat python nightly_sync.py /var/lib/roistat 123 456 789

Without numbers, all projects that the key opens are copied. The folder then holds `calls.db`
(SQLite) with a folder of recordings for each project. A run that was interrupted is resumed by the
next one. Exit codes: 0 done, 1 failed, 3 some projects or recordings failed.
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


async def sync_project(roistat: Roistat, folder: Path, first_day: datetime) -> bool:
    """Bring the copy of one project up to date; return whether all of it succeeded."""
    database, recordings = folder / "calls.db", folder / "recordings" / str(roistat.project)
    try:
        calls = await sync_calls(roistat, database, since=first_day)
        log.info(calls.summary)
        saved = await sync_recordings(roistat, database, recordings)
    except RoistatError as error:
        log.error("project %d: %s: %s", roistat.project, type(error).__name__, error)
        return False
    log.info(saved.summary)
    for failure in saved.failures:
        log.warning("recording of call %s: %s", failure.call_id, failure.error)
    return not saved.failed


async def sync(folder: Path, projects: Sequence[int], first_day: datetime) -> int:
    """Bring all projects up to date, one after the other, and return the exit code."""
    async with Roistat.from_env(project=None) as roistat:
        numbers = projects or [project.id for project in await roistat.projects.list()]
        clients = [roistat.for_project(number) for number in numbers]
        done = [await sync_project(client, folder, first_day) for client in clients]
    return 0 if all(done) else 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the arguments, run one sync and return the exit code."""
    parser = argparse.ArgumentParser(description="Copy new Roistat calls and recordings.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("projects", type=int, nargs="*", help="default: all that the key opens")
    parser.add_argument("--days", type=int, default=90, help="history to copy in the first run")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    options.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    first_day = datetime.now(UTC) - timedelta(days=options.days)
    try:
        return asyncio.run(sync(options.folder, options.projects, first_day))
    except RoistatError as error:
        log.error("%s: %s", type(error).__name__, error)
        return 1


if __name__ == "__main__":
    sys.exit(main())
