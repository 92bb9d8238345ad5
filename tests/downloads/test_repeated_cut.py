"""A body that was cut is asked for again as everything else is: seen by whoever watches."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from roistat_async import Hooks, RetryEvent, errors
from tests.downloads.ranges import (
    ETAG,
    OTHER,
    cut,
    full,
    part,
)
from tests.helpers.clients import client
from tests.helpers.raw_server import RawServer, Script, in_turn

PLANS = {
    "from the start": ([cut(), full()], [errors.TruncatedError]),
    "the rest": ([cut(ETAG), part(ETAG)], [errors.TruncatedError]),
    "another version": (
        [cut(ETAG), part(OTHER), full(OTHER)],
        [errors.TruncatedError, errors.ChangedError],
    ),
}


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
async def test_each_repeat_is_told(
    plan: tuple[list[Script], list[type[errors.RoistatError]]],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """To `on_retry` and in the log, with the error and the wait."""
    caplog.set_level(logging.DEBUG, "roistat_async")
    scripts, expected = plan
    seen: list[RetryEvent] = []
    hooks = Hooks(on_retry=seen.append)
    async with (
        RawServer(in_turn(*scripts)) as server,
        client(server.base_url, attempts=3, hooks=hooks) as roistat,
    ):
        await roistat.calls.download_recording(7, to=tmp_path / "a.mp3")
    assert [type(event.error) for event in seen] == expected
    assert [event.operation for event in seen] == [
        "project/calltracking/call/{id}/file" for _ in expected
    ]
    assert all(event.delay > 0 for event in seen)
    told: list[Any] = [one.getMessage() for one in caplog.records if "failed (" in one.getMessage()]
    assert len(told) == len(expected)


async def test_what_is_given_up_is_no_repeat(tmp_path: Path) -> None:
    """The last failure is raised, and told to nobody else."""
    seen: list[RetryEvent] = []
    hooks = Hooks(on_retry=seen.append)
    async with (
        RawServer(cut()) as server,
        client(server.base_url, attempts=2, hooks=hooks) as roistat,
    ):
        with pytest.raises(errors.TruncatedError):
            await roistat.calls.download_recording(7, to=tmp_path / "a.mp3")
    assert len(seen) == 1
