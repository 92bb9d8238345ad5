"""Recordings during an outage: the run waits, as a sync of calls does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from roistat_async import Roistat, errors
from roistat_async.models.downloads import DownloadOutcome
from roistat_async.sync import SyncWait
from roistat_async.testing import Fault
from tests.helpers.clients import client
from tests.sync.archive import Archive
from tests.sync.live import NOON, Time

FILE = "call/*/file"
MINUTE = 60.0
FAILURES = {
    "502": Fault.status(502),
    "lost connections": Fault.reset(),
    "429 without Retry-After": Fault.error("request_limit_error"),
}


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
async def roistat(archive: Archive, time: Time) -> AsyncIterator[Roistat]:
    """Yield a client whose waits advance the time of the test."""
    await archive.add(*range(1, 61))
    fake = archive.fake
    async with client(fake.base_url, api_key=fake.api_key, clock=time.clock) as roistat:
        yield roistat


@pytest.mark.parametrize("concurrency", [1, 8])
@pytest.mark.parametrize("fault", FAILURES.values(), ids=FAILURES)
async def test_t50_an_outage_of_minutes_is_waited_out(
    archive: Archive, roistat: Roistat, time: Time, fault: Fault, concurrency: int
) -> None:
    """Each recording is saved and has one outcome (docs/fault-matrix.md T50)."""
    waits: list[SyncWait] = []
    outcomes: list[tuple[DownloadOutcome, int, int]] = []

    def is_out(_: object) -> bool:
        return len(archive.fake.requests) > 9 and time.now < NOON + 10 * MINUTE

    archive.fake.fail(FILE, fault, times=10**6, when=is_out)
    report = await archive.sync(
        roistat=roistat,
        concurrency=concurrency,
        on_wait=waits.append,
        progress=lambda *progress: outcomes.append(progress),
    )
    assert (report.saved, report.failed) == (60, 0)
    assert {state for _, state in archive.rows()} == {"saved"}
    assert len({outcome.call_id for outcome, _, _ in outcomes}) == 60
    assert [(done, total) for _, done, total in outcomes] == [(done, 60) for done in range(1, 61)]
    assert {wait.project for wait in waits} == {archive.fake.project}
    assert NOON + 10 * MINUTE <= time.now < NOON + 16 * MINUTE
    assert len(archive.requested()) < 60 + 20 + concurrency + len(waits)


async def test_t50_a_longer_outage_fails_the_run(
    archive: Archive, roistat: Roistat, time: Time
) -> None:
    """The next run downloads what is missing; 0 switches the waits off."""
    is_out = True

    def is_failing(_: object) -> bool:
        return is_out and len(archive.fake.requests) > 9

    archive.fake.fail(FILE, FAILURES["502"], times=10**6, when=is_failing)
    for retry_for, seconds in ((timedelta(minutes=5), 300), (timedelta(0), 0)):
        started_at = time.now
        with pytest.raises(errors.ServerError):
            await archive.sync(roistat=roistat, retry_for=retry_for)
        assert time.now - started_at <= seconds
    saved = [state for _, state in archive.rows()].count("saved")
    assert saved == len(archive.files()) >= 9
    is_out = False
    assert (await archive.sync(roistat=roistat)).saved == 60 - saved


@pytest.mark.parametrize("concurrency", [1, 8])
async def test_few_broken_recordings_are_no_outage(
    archive: Archive, roistat: Roistat, time: Time, concurrency: int
) -> None:
    """They fail without a wait, at the end of a run too, and the others are saved."""
    broken = [*range(1, 11), *range(30, 41)]
    for number in broken:
        archive.fake.fail(f"call/{number}/file", FAILURES["502"], times=10)
    report = await archive.sync(roistat=roistat, concurrency=concurrency)
    assert (report.saved, report.failed, time.now) == (60 - len(broken), len(broken), NOON)
    failed = [int(call_id) for call_id, state in archive.rows() if state == "failed"]
    assert sorted(failed) == broken


async def test_retry_for_is_checked(archive: Archive) -> None:
    """An invalid one is refused before anything is sent."""
    with pytest.raises(errors.ConfigurationError, match="retry_for must be a timedelta"):
        await archive.sync(retry_for=60)
    assert archive.requested() == []
