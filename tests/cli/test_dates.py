"""Dates and lengths far outside of what a copy can hold."""

from __future__ import annotations

import pytest

from roistat_async.testing import FakeRoistat

from .conftest import Refuse, Roistat


@pytest.mark.parametrize(
    "line",
    [
        "calls --last 500000w",
        "calls --period 0001-01-01..2026-01-01",
        "calls --period 2026-01-01..9999-12-31",
        "calls --filter 'date > 0001-01-01'",
        "analytics --last 500000w",
        "sync --to calls.db --full --period 0001-01-01..2026-01-01",
        *(
            f"sync --to {name} --since {since}"
            for name in ("calls.db", "calls.ndjson", "calls.parquet", "-")
            for since in ("0001-01-01", "9999-12-31", "500000w", "30d --lookback 500000w")
        ),
        "sync --to calls.db --since 30d --recordings mp3 --wait-for 500000w",
        "sync --to calls.db --since 30d --watch 500000w",
    ],
)
def test_c3_dates_out_of_range(line: str, refuse: Refuse) -> None:
    """A date or a length that cannot be counted with is wrong usage, and nothing is sent."""
    assert len(refuse(f"{line} --tz Europe/Moscow").splitlines()) <= 2


@pytest.mark.parametrize("target", ["calls.db", "calls.ndjson", "calls.parquet"])
def test_c3_a_long_lookback(target: str, roistat: Roistat) -> None:
    """A lookback of more than ten years is refused by each run, also by a later one."""
    assert roistat("sync", "--to", target, "--since", "30d").code == 0
    ended = roistat("sync", "--to", target, "--lookback", "600w")
    assert (ended.code, "lookback must be" in ended.err) == (2, True)


@pytest.mark.parametrize("date", ["0001-01-01T00:00:00+0300", "9999-12-31T23:59:59-0300"])
def test_c3_calls_out_of_range(date: str, fake: FakeRoistat, roistat: Roistat) -> None:
    """A call whose date UTC does not have is shown with its own offset, and blocks no sync."""
    fake.state.calls[5]["date"] = date
    assert date[:10] in roistat("calls", "--table", "--limit", "60").out
    for name in ("calls.db", "calls.ndjson", "calls.parquet"):
        ended = roistat("sync", "--to", name, "--since", "60d")
        assert (ended.code, ended.rows[0]["added"]) == (0, 59)
