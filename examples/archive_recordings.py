"""Save the recordings of all answered calls of a period, with an index in CSV.

    ROISTAT_API_KEY=… ROISTAT_PROJECT=12345 \\
        python archive_recordings.py 2026-05-01..2026-05-31 s3://bucket/may index.csv

The second argument is a folder, or a place in an object store. Run it again to continue: a
recording that is there already costs no request to Roistat.
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

USAGE = "usage: archive_recordings.py 2026-05-01..2026-05-31 FOLDER|s3://BUCKET/PREFIX INDEX.csv"


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


async def archive(period: Period, place: str, index_path: Path) -> int:
    """Download every recording, write the index and return the number of failures."""
    failed = 0
    pending: dict[str, Call] = {}
    with index_path.open("w", newline="", encoding="utf-8") as file:
        index = csv.writer(file)
        index.writerow(["date", "call_id", "duration", "status", "file"])
        async with Roistat.from_env() as roistat:
            calls = answered_calls(roistat, period, pending)
            async for outcome in roistat.calls.download_recordings(calls, place):
                index.writerow(index_row(pending.pop(outcome.call_id), outcome))
                if outcome.status == DownloadStatus.FAILED:
                    failed += 1
                    print(f"call {outcome.call_id}: {outcome.error}", file=sys.stderr)
    return failed


def main(arguments: Sequence[str] | None = None) -> int:
    """Archive one period; return 0 when done, 1 after an error, 3 if a recording failed."""
    words = sys.argv[1:] if arguments is None else arguments
    if len(words) != 3:
        print(USAGE, file=sys.stderr)
        return 2
    try:
        failed = asyncio.run(archive(Period.parse(words[0]), words[1], Path(words[2])))
    except RoistatError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 3 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
