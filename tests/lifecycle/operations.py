"""Every public coroutine of a client, ready to be cancelled anywhere."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

from roistat_async import CallDraft, ScriptDraft, ScriptOptions, errors
from roistat_async.sync import sync_calls, sync_recordings
from roistat_async.testing import Fault
from tests.lifecycle.operation_context import CALLS, OperationContext, ids_in

Operation = Callable[[OperationContext], Awaitable[object]]


async def read(items: AsyncGenerator[Any, None], *, only_first: bool = False) -> None:
    """Iterate to the end, or to the first item."""
    async with aclosing(items):
        async for _ in items:
            if only_first:
                break


async def create_call(context: OperationContext) -> object:
    return await context.roistat.calls.create(
        CallDraft(callee=context.number(), caller=context.number(), date=datetime.now(UTC))
    )


def calls(context: OperationContext) -> Any:
    return context.roistat.calls.list(page_size=10)


def history(context: OperationContext) -> Any:
    return context.roistat.calls.history(context.period, page_size=10, concurrency=2)


def read_recording(**bounds: Any) -> Operation:
    async def read_body(context: OperationContext) -> None:
        async with context.roistat.calls.recording(context.prepared, **bounds) as body:
            async for _ in body:
                pass

    return read_body


async def save(context: OperationContext) -> object:
    target = context.folder / "new" / f"{context.prepared}.mp3"
    return await context.roistat.calls.download_recording(context.prepared, to=target)


async def save_many(context: OperationContext) -> None:
    saved = context.roistat.calls.download_recordings(
        context.recorded[:3], context.folder, concurrency=2
    )
    async with saved as outcomes:
        async for _ in outcomes:
            pass


def copy_into(name: str) -> Operation:
    return lambda context: sync_calls(
        context.roistat, context.folder / name, since=context.period.start, page_size=16
    )


async def copy_recordings(context: OperationContext) -> object:
    database, folder = context.folder / "calls.db", context.folder / "mp3"
    return await sync_recordings(context.roistat, database, folder, limit=4, concurrency=2)


async def enter_and_leave(context: OperationContext) -> None:
    async with context.roistat as roistat:
        await roistat.scripts.list()


OPERATIONS: dict[str, Operation] = {
    "scripts.list": lambda context: context.roistat.scripts.list(),
    "scripts.list, retried": lambda context: context.roistat.scripts.list(),
    "scripts.create": lambda context: context.roistat.scripts.create(
        ScriptDraft(name="New", options=ScriptOptions(replaceable_numbers=[context.number()]))
    ),
    "scripts.update": lambda context: context.roistat.scripts.update(1, ScriptDraft(name="Other")),
    "scripts.delete": lambda context: context.roistat.scripts.delete(context.prepared),
    "phones.list": lambda context: context.roistat.phones.list(page_size=2).collect(),
    "phones.create": lambda context: context.roistat.phones.create([context.number()]),
    "phones.update": lambda context: context.roistat.phones.update(1, script_id=2),
    "phones.delete": lambda context: context.roistat.phones.delete([context.prepared]),
    "phones.list_prefixes": lambda context: context.roistat.phones.list_prefixes(),
    "phones.buy": lambda context: context.roistat.phones.buy(
        prefix="7495", count=1, spend_money=True
    ),
    "calls.list": lambda context: read(aiter(calls(context))),
    "calls.list, left early": lambda context: read(aiter(calls(context)), only_first=True),
    "calls.list, pages": lambda context: read(calls(context).pages()),
    "calls.list, first": lambda context: context.roistat.calls.list().first(),
    "calls.list, collect": lambda context: calls(context).collect(),
    "calls.history": lambda context: read(aiter(history(context))),
    "calls.history, pages": lambda context: read(history(context).pages()),
    "calls.create": create_call,
    "calls.update": lambda context: context.roistat.calls.update(context.prepared, comment="x"),
    "calls.delete": lambda context: context.roistat.calls.delete([context.prepared]),
    "calls.get": lambda context: context.roistat.calls.get(context.prepared),
    "calls.recording": read_recording(),
    "calls.recording, range": read_recording(start=500, end=900),
    "calls.recording, range without a size": read_recording(start=500, end=900),
    "calls.download_recording": save,
    "calls.download_recording, large": save,
    "calls.download_recording, cut": save,
    "calls.download_recordings": save_many,
    "calls.export_xls": lambda context: context.roistat.calls.export_xls(
        context.period, to=context.folder / "calls.xls"
    ),
    "projects.list": lambda context: context.roistat.projects.list(),
    "analytics.get": lambda context: context.roistat.analytics.get(context.period),
    "resolve": lambda context: context.roistat.resolve(context.prepared),
    "close": lambda context: context.roistat.close(),
    "async with": enter_and_leave,
    "sync_calls": copy_into("calls.db"),
    "sync_calls, ndjson": copy_into("calls.ndjson"),
    "sync_calls, parquet": copy_into("calls.parquet"),
    "sync_recordings": copy_recordings,
}


async def lost_create(context: OperationContext) -> object:
    """Return the error of a create whose response was lost."""
    context.fake.fail("phone/create", Fault.reset())
    try:
        await context.roistat.phones.create([context.number()])
    except errors.OutcomeUnknownError as error:
        return error
    raise AssertionError("the create got a response")


async def open_connections(context: OperationContext) -> None:
    """Open both kinds of connections: pooled and fresh ones."""
    await context.roistat.scripts.list()
    await context.roistat.phones.create([context.number()])


def add_row(rows: list[dict[str, Any]], context: OperationContext) -> object:
    """Add a script or phone to the server and return its id."""
    with context.fake.state.lock:
        number = context.fake.state.next_id(rows)
        fields = {"phone": context.number()} if "phone" in rows[0] else {}
        rows.append({**rows[0], **fields, "id": number})
    return number


def chunked_recording(context: OperationContext) -> object:
    context.fake.quirks.recording_chunked = True
    return context.recorded[0]


def cut_recording(context: OperationContext) -> object:
    context.fake.quirks.recording_ranges = True  # so that the download resumes
    fail_once(context, "call/*/file", Fault.truncated())
    return context.recorded[0]


def fail_once(context: OperationContext, path: str, fault: Fault) -> None:
    if not context.fake.unused_faults():  # the last one is unused if no request was sent
        context.fake.fail(path, fault)


PREPARE: dict[str, Callable[[OperationContext], object]] = {
    "scripts.list, retried": lambda context: fail_once(context, "script/list", Fault.status(502)),
    "scripts.delete": lambda context: add_row(context.fake.state.scripts, context),
    "phones.delete": lambda context: add_row(context.fake.state.phones, context),
    **dict.fromkeys(
        ("calls.update", "calls.delete", "calls.get"),
        lambda context: context.fake.state.add_call()["id"],
    ),
    **dict.fromkeys(
        ("calls.recording", "calls.recording, range", "calls.download_recording"),
        lambda context: context.recorded[0],
    ),
    "calls.recording, range without a size": chunked_recording,
    "calls.download_recording, large": lambda context: context.recorded[-1],
    "calls.download_recording, cut": cut_recording,
    "resolve": lost_create,
    "close": open_connections,
    "sync_recordings": copy_into("calls.db"),
}


async def prepare(name: str, context: OperationContext) -> None:
    """Do what an operation needs, and keep what it returns."""
    if name in PREPARE:
        prepared = PREPARE[name](context)
        context.prepared = await prepared if isinstance(prepared, Coroutine) else prepared


async def complete(name: str, context: OperationContext) -> None:
    """Run once more what was interrupted; a copy then holds all calls of more than a minute."""
    if not name.startswith("sync"):
        return
    await OPERATIONS[name](context)
    context.assert_files_whole()
    if name.startswith("sync_calls"):
        suffix = name.partition(", ")[2] or "db"
        copied = ids_in(context.folder / f"calls.{suffix}")
        assert {*context.fake.state.calls.ids()[:CALLS]} <= {*copied}
