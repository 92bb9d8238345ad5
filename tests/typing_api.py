"""Types of the public API. Nothing here runs: mypy checks this file with the tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any, assert_type

import aiohttp
from aiohttp import web

import roistat_async as api
from roistat_async import Call, CallDraft, Limits, Page, Period, Phone, Roistat, errors, webhooks
from roistat_async.sync import RecordingsReport, SyncReport, sync_calls, sync_recordings
from roistat_async.web import range_arguments


async def clients(session: aiohttp.ClientSession) -> None:
    async with Roistat(api_key="x", project=12345) as roistat:
        assert_type(roistat, Roistat)
    assert_type(Roistat("x", "12345", session=session, limits=Limits(per_second=5)), Roistat)
    assert_type(Roistat.from_env(), Roistat)
    assert_type(roistat.for_project(678), Roistat)
    assert_type(roistat.with_options(when_exhausted="wait"), Roistat)
    assert_type(roistat.project, int)
    Roistat(
        "x", 1, hooks=api.Hooks(on_retry=lambda event: event.delay, on_wait=lambda e: e.seconds)
    )
    Roistat("x", 1, timeouts=api.Timeouts(connect=1), retry=api.RetryPolicy(max_attempts=1))


async def events(history: api.History, ended: set[str]) -> None:
    event = webhooks.parse_webhook(b"{}", "application/json")
    assert_type(event, webhooks.CallStarted | webhooks.CallEnded)
    assert_type(event.date, datetime | None)
    if isinstance(event, webhooks.CallEnded):
        assert_type(event.status, api.CallStatus | None)

    async def on_call(event: webhooks.CallStarted | webhooks.CallEnded) -> None:
        pass

    receiver = webhooks.WebhookReceiver(secret="x" * 16, on_call=on_call)
    assert_type(await receiver.receive(b"{}"), HTTPStatus)
    web.post("/{secret}", webhooks.webhook_handler(secret="x" * 16, on_call=on_call))
    missed = webhooks.reconcile([call async for call in history], ended=ended)
    assert_type(missed, webhooks.Reconciliation)
    assert_type(missed.without_end, list[Call])


async def scripts(roistat: Roistat, draft: api.ScriptDraft) -> None:
    script = await roistat.scripts.create(draft)
    assert_type((script, script.to_draft()), tuple[api.Script, api.ScriptDraft])
    assert_type((script.id, script.is_enabled), tuple[int, bool | None])
    assert_type(script.options.phone_format, str | api.Omitted | None)
    assert_type(await roistat.scripts.list(is_deleted=False), Sequence[api.Script])
    await roistat.scripts.update(script, api.ScriptDraft(name="New name"))
    await roistat.scripts.update(script.id, script.to_draft())
    await roistat.scripts.delete(script.id)


async def phones(roistat: Roistat, when: datetime) -> None:
    assert_type(await roistat.phones.create(["74997654321"]), Sequence[Phone])
    pager = roistat.phones.list(filters=[("is_external", "=", 1)], sort=("id", "desc"))
    assert_type(pager, api.Pager[Phone])
    async for phone in pager:
        assert_type((phone, phone.script), tuple[Phone, api.Script | None])
        assert_type(phone.last_use_date, datetime | None)
        await roistat.phones.update(phone, script_id=11)
    await roistat.phones.update(5, script_id=11, last_use_date=when)
    await roistat.phones.delete([4, 5])
    assert_type(await roistat.phones.list_prefixes(), Sequence[api.PhonePrefix])
    bought = await roistat.phones.buy(prefix="7499", count=1, spend_money=True)
    assert_type(bought, Sequence[Phone])


async def calls(roistat: Roistat, start: datetime, end: datetime) -> None:
    between: api.Filters[api.CallField] = [("date", ">", start), ("date", "<", end)]
    pager = roistat.calls.list(filters=between, extend=("visit", "order"), sort=("date", "asc"))
    pager = roistat.calls.list(page_size=1000, limit=None, on_bad_record="skip")
    assert_type(pager, api.Pager[Call])
    async for call in pager:
        assert_type((call.id, call.date, call.duration), tuple[str, datetime, int | None])
        assert_type((call.status, call.visit), tuple[api.CallStatus | None, api.Visit | None])
        assert_type((call.order, call.static_source), tuple[api.Order | None, api.Source | None])
        assert_type(call.extra, dict[str, Any])
    async for page in pager.pages():
        assert_type((page, page.items), tuple[Page[Call], list[Call]])
    assert_type((await pager.first(), await pager.collect()), tuple[Call | None, list[Call]])
    walk = roistat.calls.history(
        Period(start, end), extend=("visit",), page_size=1000, concurrency=4, resume_from=None
    )
    assert_type(([call async for call in walk], walk), tuple[list[Call], api.History])
    assert_type([page async for page in walk.pages()], list[Page[Call]])
    assert_type((walk.report, walk.resume_token), tuple[api.HistoryReport, str])
    assert_type(walk.report.sealed_until, datetime | None)


async def writing_calls(roistat: Roistat, when: datetime) -> None:
    status = api.CallStatus.ANSWER
    draft = CallDraft(callee="1", caller="2", date=when, status=status, order_id=None)
    call = await roistat.calls.create(draft)
    assert_type(call, Call)
    await roistat.calls.update(call, comment=None, status="ANSWER")
    await roistat.calls.update("5", duration=20)
    await roistat.calls.delete([call, "5", 6])


async def files(roistat: Roistat, period: Period, call: Call) -> None:
    saved = await roistat.calls.download_recording(call, to="1234.mp3", progress=print)
    assert_type((saved, saved.path), tuple[api.Download, Path])
    assert_type(await roistat.calls.export_xls(period, to=Path("calls.xls")), api.Download)
    recording = roistat.calls.recording(call, **range_arguments({"Range": "bytes=0-"}))
    assert isinstance(recording, AbstractAsyncContextManager)
    async with roistat.calls.recording(1234) as body:
        assert_type([chunk async for chunk in body], list[bytes])
        assert_type((body.status, body.headers), tuple[int, dict[str, str]])
    missed = roistat.calls.history(period, where=lambda call: call.is_missed)
    assert_type([call async for call in missed], list[Call])
    assert_type(await roistat.calls.get(call, extend=("visit",)), Call)
    outcomes = roistat.calls.download_recordings([call, "5", 6], "recordings/", concurrency=8)
    assert isinstance(outcomes, AsyncIterator)
    async for outcome in outcomes:
        assert_type((outcome, outcome.status), tuple[api.DownloadOutcome, api.DownloadStatus])
        assert_type(outcome.error, errors.RoistatError | None)


async def analytics(roistat: Roistat, period: Period) -> None:
    stats = await roistat.analytics.get(period)
    assert_type((stats, stats.call_cost.average), tuple[api.CallAnalytics, float | None])
    assert_type(stats.hourly_weekly_quantity.by_hours[0].missed, int)


async def resolving(roistat: Roistat, error: errors.OutcomeUnknownError) -> None:
    assert_type(await roistat.resolve(error, api.Script), api.Script | None)
    assert_type(await roistat.resolve(error, Call), Call | None)
    assert_type(await roistat.resolve(error, Phone), Sequence[Phone] | None)
    assert_type(await roistat.resolve(error), api.Script | Call | Sequence[Phone] | None)


def failures(error: Exception) -> None:
    if isinstance(error, errors.RateLimitError):
        assert_type((error.retry_after, error.code), tuple[float | None, str])
    if isinstance(error, errors.MalformedResponseError):
        assert_type(error.path, str)
    if isinstance(error, errors.OutcomeUnknownError):
        assert_type(error.sent_at, datetime)


def periods(when: datetime) -> None:
    assert_type((Period.last(days=7), Period.parse("2026-05-01")), tuple[Period, Period])


async def syncs(roistat: Roistat, start: datetime) -> None:
    report = await sync_calls(
        roistat, "calls.db", since=start, lookback=timedelta(hours=24), progress=print
    )
    assert_type((report, report.sealed_until), tuple[SyncReport, datetime])
    saved = await sync_recordings(roistat, Path("calls.db"), "recordings/", progress=print)
    assert_type(saved, RecordingsReport)
