"""The requests of the doctor, at most eight, and the order of its checks."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import timedelta
from itertools import islice
from typing import TypeVar

from ..client import Roistat
from ..config import RetryPolicy
from ..errors import ConfigurationError, InvalidRequestError, NoRecordingError, RoistatError
from ..models.calls import Call, CallStatus
from ..models.page import Page
from ..paging.pager import Pager
from . import access, fields, lists, recordings
from .check import Check, unknown

T = TypeVar("T")

MAX_REQUESTS = 8
_OLDEST = 100  # calls of the ascending page
_RECORDINGS = 2  # calls whose recordings are requested
_SECOND = timedelta(seconds=1)
_NEED_CALLS = (
    lists.OFFSET,
    lists.LARGEST_PAGE,
    lists.SORTING,
    lists.DATE_FILTER,
    lists.DATES,
    lists.TOTAL,
    fields.FIELDS,
    recordings.RECORDINGS,
)


async def run_checks(roistat: Roistat) -> list[Check]:
    """Find out how Roistat behaves for the project of a client, by at most eight read requests.

    No request is retried, and nothing is changed. An error ends only the checks that need its
    response. Raises ConfigurationError if the client cannot send requests.
    """
    client = roistat.with_options(retry=RetryPolicy(max_attempts=1, max_download_attempts=1))
    checks = [*access.check_projects(await _outcome(client.projects.list()), roistat.project)]
    if checks[0].status == "fail":
        skipped = (access.RIGHTS, access.CALL_TRACKING, *_NEED_CALLS)
        return checks + [unknown(name, "the key is refused") for name in skipped]
    pager = client.calls.list(
        page_size=lists.NEWEST, extend=("visit", "order"), on_bad_record="skip"
    )
    newest = await _outcome(pager.first_page())
    if isinstance(newest, RoistatError):
        checks += access.check_list(newest)
        return checks + [unknown(name, "the calls cannot be listed") for name in _NEED_CALLS]
    checks += access.check_list(None)
    if not newest.items:
        checks += [unknown(name, "there are no calls") for name in _NEED_CALLS[:-2]]
    else:
        checks += await _check_lists(client, newest)
    checks.append(fields.check_fields(newest, pager.odd_values))
    checks.append(await _check_recordings(client, newest))
    return checks


def is_refused(checks: list[Check]) -> bool:
    """Return whether the key or the rights are refused."""
    failed = {check.name for check in checks if check.status == "fail"}
    return not failed.isdisjoint((access.KEY, access.PROJECT, access.RIGHTS))


async def _check_lists(client: Roistat, newest: Page[Call]) -> list[Check]:
    """Compare further pages with the newest calls."""
    checks: list[Check] = []
    large = await _page(client.calls.list(page_size=lists.LARGE, offset=1, on_bad_record="skip"))
    if isinstance(large, RoistatError):
        checks.append(unknown(lists.OFFSET, f"a page of {lists.LARGE} rows is refused"))
        checks.append(_refused_page(large))
    else:
        checks.append(lists.check_offset(newest, large))
        checks.append(lists.check_largest_page(newest, large))
    oldest = await _page(
        client.calls.list(page_size=_OLDEST, sort=("date", "asc"), on_bad_record="skip")
    )
    if isinstance(oldest, RoistatError):
        checks.append(_not_answered(lists.SORTING, oldest))
    else:
        checks.append(lists.check_sorting(newest, oldest))
    return checks + await _check_filter(client, newest)


async def _check_filter(client: Roistat, newest: Page[Call]) -> list[Check]:
    names = (lists.DATE_FILTER, lists.DATES, lists.TOTAL)
    window = lists.find_window(newest)
    if window is None:
        return [unknown(name, "it takes calls of three different seconds") for name in names]
    page = await _page(
        client.calls.list(
            filters=[("date", ">", window.start - _SECOND), ("date", "<", window.end)],
            sort=("date", "asc"),
            on_bad_record="skip",
        )
    )
    if isinstance(page, RoistatError):
        return [_not_answered(name, page) for name in names]
    return lists.check_date_filter(window, newest, page)


async def _check_recordings(client: Roistat, newest: Page[Call]) -> Check:
    """Open the newest recording, and look at the headers of its response."""
    answered = (call for call in newest.items if call.status == CallStatus.ANSWER)
    for tries, call in enumerate(islice(answered, _RECORDINGS)):
        # A range that cannot be proved costs a request more, which a second call would need.
        head = await _outcome(_recording_head(client, call, tries_range=tries == 0))
        if isinstance(head, NoRecordingError):
            continue
        if isinstance(head, RoistatError):
            return _not_answered(recordings.RECORDINGS, head)
        return recordings.check_recording(head)
    return recordings.check_recording(None)


async def _recording_head(
    client: Roistat, call: Call, *, tries_range: bool
) -> recordings.RecordingHead:
    async with client.calls.recording(call) as body:
        has_length, has_etag = body.length is not None, body.etag is not None
    if not tries_range:
        return recordings.RecordingHead(has_length, has_etag, None)
    async with client.calls.recording(call, start=0, end=1) as body:
        return recordings.RecordingHead(has_length, has_etag, body.is_partial)


async def _page(pager: Pager[Call]) -> Page[Call] | RoistatError:
    return await _outcome(pager.first_page())


async def _outcome(request: Awaitable[T]) -> T | RoistatError:
    """Return what a request returns or raises."""
    try:
        return await request
    except ConfigurationError:
        raise
    except RoistatError as error:
        return error


def _refused_page(error: RoistatError) -> Check:
    if not isinstance(error, InvalidRequestError):
        return _not_answered(lists.LARGEST_PAGE, error)
    return Check(
        lists.LARGEST_PAGE,
        "warn",
        f"{lists.LARGE} rows are refused, {lists.NEWEST} are not",
        "the history halves a page that is refused; lists take page_size",
    )


def _not_answered(name: str, error: RoistatError) -> Check:
    return unknown(name, f"the request raised {access.describe_error(error)}")
