"""Save the recordings of all answered calls of a period, with an index in CSV.

    ROISTAT_API_KEY=… ROISTAT_PROJECT=12345 \\
        python archive_recordings.py 2026-05-01..2026-05-31 archive/

Run it again to continue: a recording that is in the folder costs no request.
"""

from __future__ import annotations

import asyncio
import csv
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from roistat_async import (
    Call,
    CallStatus,
    DownloadOutcome,
    DownloadStatus,
    Period,
    Roistat,
    RoistatError,
)

USAGE = "usage: archive_recordings.py 2026-05-01..2026-05-31 FOLDER"


async def answered_calls(
    roistat: Roistat, period: Period, pending: dict[str, Call]
) -> AsyncIterator[Call]:
    """Yield the answered calls of a period and remember each until its download ends."""
    async for call in roistat.calls.history(period):
        if call.status == CallStatus.ANSWER:
            pending[call.id] = call
            yield call


def index_row(call: Call, outcome: DownloadOutcome) -> list[object]:
    """Return the line of the index for one call; it holds no phone number."""
    name = outcome.path.name if outcome.path else ""
    return [call.date.isoformat(), call.id, call.duration, outcome.status, name]


async def archive(period: Period, folder: Path) -> int:
    """Download every recording, write the index and return the number of failures."""
    failed = 0
    pending: dict[str, Call] = {}
    with (folder / "index.csv").open("w", newline="", encoding="utf-8") as file:
        index = csv.writer(file)
        index.writerow(["date", "call_id", "duration", "status", "file"])
        async with Roistat.from_env() as roistat:
            calls = answered_calls(roistat, period, pending)
            async for outcome in roistat.calls.download_recordings(calls, folder):
                index.writerow(index_row(pending.pop(outcome.call_id), outcome))
                if outcome.status == DownloadStatus.FAILED:
                    failed += 1
                    print(f"call {outcome.call_id}: {outcome.error}", file=sys.stderr)
    return failed


def main(arguments: Sequence[str] | None = None) -> int:
    """Archive one period; return 0 when done, 1 after an error, 3 if a recording failed."""
    words = sys.argv[1:] if arguments is None else arguments
    if len(words) != 2:
        print(USAGE, file=sys.stderr)
        return 2
    folder = Path(words[1])
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        failed = asyncio.run(archive(Period.parse(words[0]), folder))
    except RoistatError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 3 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
