"""Reports of the syncs as one line."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from roistat_async.sync import RecordingsReport, SyncReport

NOON = datetime(2026, 5, 31, 12, tzinfo=timezone(timedelta(hours=3)))


def test_the_summary_of_an_uneventful_sync() -> None:
    """Counts of 0 are left out, but for the calls that were added."""
    report = SyncReport(project=5, start=NOON, sealed_until=NOON)
    assert report.summary == "project 5: 0 calls added, complete up to 2026-05-31 09:00:00 UTC"


def test_the_summary_of_a_sync_names_what_needs_attention() -> None:
    """Changed, deleted and unreadable calls are counted."""
    report = SyncReport(
        project=5, start=NOON, sealed_until=NOON, added=1234, changed=5, deleted=2, bad_records=1
    )
    assert report.summary == (
        "project 5: 1,234 calls added, 5 changed, 2 marked as deleted, 1 unreadable, "
        "complete up to 2026-05-31 09:00:00 UTC"
    )


def test_the_summary_of_recordings() -> None:
    """Saved, missing and failed recordings are counted."""
    report = RecordingsReport(
        project=5, saved=12, size=3_456_789, adopted=1, waiting=2, given_up=3, failed=4, remaining=5
    )
    assert report.summary == (
        "project 5: 12 recordings saved (3.5 MB), 1 already there, 2 not there yet, 3 given up, "
        "4 failed, 5 left for later runs"
    )
