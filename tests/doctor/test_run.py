"""The doctor against a fake Roistat, with each habit that it may have."""

from __future__ import annotations

from typing import Any

import pytest

from roistat_async import Roistat
from roistat_async.doctor import Check, is_refused, run_checks
from roistat_async.testing import FakeRoistat, Fault, Quirks
from roistat_async.testing.mp3 import recording
from tests.helpers.clients import UNLIMITED

NAMES = [
    *("key", "project", "rights", "call tracking", "offset", "largest page", "sorting"),
    *("date filter", "dates", "total", "fields", "recordings"),
]


async def examine(fake: FakeRoistat, **options: Any) -> dict[str, Check]:
    """Return the checks by name; they are always the same, in at most eight requests."""
    options = {"api_key": fake.api_key, "project": fake.project, **options}
    async with Roistat(base_url=fake.base_url, limits=UNLIMITED, **options) as roistat:
        checks = await run_checks(roistat)
    assert [check.name for check in checks] == NAMES
    assert len(fake.requests) <= 8
    return {check.name: check for check in checks}


def statuses(checks: dict[str, Check], *without: str) -> set[str]:
    """Return the statuses that occur, without those of some checks."""
    return {check.status for name, check in checks.items() if name not in without}


def fake_with(calls: int = 120, **quirks: Any) -> FakeRoistat:
    """Return a fake with these habits and no limits of requests."""
    habits = {"rate_per_second": None, "rate_per_hour": None, "recording_ranges": True, **quirks}
    return FakeRoistat(calls=calls, quirks=Quirks(**habits))


@pytest.mark.parametrize(("calls", "expected"), [(120, {"ok"}), (0, {"ok", "unknown"})])
async def test_a_tidy_project_is_all_ok(calls: int, expected: set[str]) -> None:
    """Every check of a project without odd habits is ok; without calls some are unknown."""
    async with fake_with(calls=calls) as fake:
        checks = await examine(fake)
    assert statuses(checks) == expected, checks


@pytest.mark.parametrize(
    ("quirks", "name", "status", "detail"),
    [
        ({"ignore_offset": True}, "offset", "fail", "ignored"),
        ({"max_limit": 50}, "largest page", "warn", "50 rows, though 1000"),
        ({"refuse_limit_above": 1000}, "largest page", "warn", "5000 rows are refused"),
        ({"descending_only": True}, "sorting", "fail", "ascending order is ignored"),
        ({"ignore_filters": True}, "date filter", "fail", "is ignored"),
        ({"date_after_inclusive": True}, "date filter", "ok", "exact"),
        ({"total": "absent"}, "total", "warn", "missing"),
        ({"total": None}, "total", "warn", "missing"),
        ({"visit_device": "text"}, "fields", "warn", "visit.device: text"),
        ({"recording_ranges": False}, "recordings", "warn", "without"),
        ({"recording_chunked": True, "recording_ranges": False}, "recordings", "warn", "length"),
    ],
    ids=lambda value: "-".join(map(str, value)) if isinstance(value, dict) else None,
)
async def test_a_habit_is_found(
    quirks: dict[str, Any], name: str, status: str, detail: str
) -> None:
    """Each habit shows in its check, and what is found is said."""
    async with fake_with(**quirks) as fake:
        checks = await examine(fake)
    assert (checks[name].status, detail in checks[name].detail) == (status, True), checks[name]


async def test_a_refused_key_or_project() -> None:
    """A refused key ends the checks after a request; a project of another key fails its rights."""
    async with fake_with() as fake:
        checks = await examine(fake, api_key="f" * 32)
        assert len(fake.requests) == 1
        assert checks["key"].status == "fail"
        assert statuses(checks, "key") == {"unknown"}
        assert is_refused([*checks.values()])
        fake.requests.clear()
        checks = await examine(fake, project=999)
    shown = [checks[name].status for name in ("key", "project", "rights")]
    assert shown == ["ok", "fail", "fail"]


@pytest.mark.parametrize(
    ("code", "name"), [("access_denied", "rights"), ("option_not_enabled", "call tracking")]
)
async def test_a_refused_list_is_explained(code: str, name: str) -> None:
    """Missing rights and an option that is off are told apart."""
    async with fake_with() as fake:
        fake.fail("call/list", Fault.error(code), times=9)
        checks = await examine(fake)
    assert (checks[name].status, code in checks[name].detail) == ("fail", True)
    assert is_refused([*checks.values()]) == (name == "rights")


@pytest.mark.parametrize("number", range(1, 9))
async def test_one_failed_request_ends_only_its_checks(number: int) -> None:
    """A server error of any request leaves the other checks as they are."""
    async with fake_with() as fake:
        fake.fail("*", Fault.status(502), when=lambda _: len(fake.requests) == number)
        checks = await examine(fake)
    assert "fail" not in statuses(checks)
    assert "ok" in statuses(checks)


async def test_a_call_without_recording_is_passed_over() -> None:
    """The second answered call is tried if the first has no recording, without its range."""
    async with fake_with() as fake:
        answered = [call for call in fake.state.calls if call["status"] == "ANSWER"]
        first, second = sorted(answered, key=lambda call: call["date"], reverse=True)[:2]
        fake.state.recordings[first["id"]] = b""
        fake.state.recordings[second["id"]] = recording("1", 1)
        check = (await examine(fake))["recordings"]
        assert (check.status, check.detail) == ("warn", "with length and ETag")
        fake.requests.clear()
        fake.state.recordings.update({call["id"]: b"" for call in answered})
        assert (await examine(fake))["recordings"].status == "unknown"
