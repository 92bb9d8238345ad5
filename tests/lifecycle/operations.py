"""Every public coroutine of a client, ready to be cancelled anywhere."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import aclosing, closing
from datetime import UTC, datetime, timedelta

from pyarrow.dataset import dataset

from roistat_async import CallDraft, ScriptDraft, ScriptOptions, errors
from roistat_async.sync import sync_calls, sync_recordings
from roistat_async.testing import Fault
from tests.lifecycle.operation_context import CALLS, OperationContext, is_sound

Operation = Callable[[OperationContext], Awaitable[object]]


async def create_call(context: OperationContext) -> object:
    return await context.roistat.calls.create(
        CallDraft(callee=context.number(), caller=context.number(), date=datetime.now(UTC))
    )


async def create_script(context: OperationContext) -> object:
    options = ScriptOptions(replaceable_numbers=[context.number()])
    return await context.roistat.scripts.create(ScriptDraft(name="New", options=options))


async def all_calls(context: OperationContext) -> None:
    async for _ in context.roistat.calls.list(page_size=20):
        pass


async def some_calls(context: OperationContext) -> None:
    async with aclosing(aiter(context.roistat.calls.list(page_size=20))) as calls:
        async for _ in calls:
            break


async def pages_of_calls(context: OperationContext) -> None:
    async with aclosing(context.roistat.calls.list(page_size=20).pages()) as pages:
        async for _ in pages:
            pass


async def all_history(context: OperationContext) -> None:
    walk = context.roistat.calls.history(context.period, page_size=25, concurrency=2)
    async with aclosing(aiter(walk)) as calls:
        async for _ in calls:
            pass


async def pages_of_history(context: OperationContext) -> None:
    walk = context.roistat.calls.history(context.period, page_size=25, concurrency=2)
    async with aclosing(walk.pages()) as pages:
        async for _ in pages:
            pass


async def read_recording(context: OperationContext) -> None:
    async with context.roistat.calls.recording(context.prepared) as body:
        async for _ in body:
            pass


async def save(context: OperationContext) -> object:
    target = context.folder / "new" / f"{context.prepared}.mp3"
    return await context.roistat.calls.download_recording(context.prepared, to=target)


async def save_many(context: OperationContext) -> None:
    saved = context.roistat.calls.download_recordings(
        context.recorded[:3], context.folder, concurrency=2
    )
    async with aclosing(saved) as outcomes:
        async for _ in outcomes:
            pass


async def export(context: OperationContext) -> object:
    return await context.roistat.calls.export_xls(context.period, to=context.folder / "calls.xls")


def copy_into(name: str) -> Operation:
    async def sync(context: OperationContext) -> object:
        since = context.period.start
        return await sync_calls(context.roistat, context.folder / name, since=since, page_size=40)

    return sync


async def copy_recordings(context: OperationContext) -> object:
    database, folder = context.folder / "calls.db", context.folder / "mp3"
    return await sync_recordings(context.roistat, database, folder, limit=4, concurrency=2)


async def in_and_out(context: OperationContext) -> None:
    async with context.roistat as roistat:
        await roistat.scripts.list()


OPERATIONS: dict[str, Operation] = {
    "scripts.list": lambda context: context.roistat.scripts.list(),
    "scripts.list, repeated": lambda context: context.roistat.scripts.list(),
    "scripts.create": create_script,
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
    "calls.list": all_calls,
    "calls.list, left early": some_calls,
    "calls.list, pages": pages_of_calls,
    "calls.list, first": lambda context: context.roistat.calls.list().first(),
    "calls.list, collect": lambda context: context.roistat.calls.list(page_size=20).collect(),
    "calls.history": all_history,
    "calls.history, pages": pages_of_history,
    "calls.create": create_call,
    "calls.update": lambda context: context.roistat.calls.update(context.prepared, comment="x"),
    "calls.delete": lambda context: context.roistat.calls.delete([context.prepared]),
    "calls.recording": read_recording,
    "calls.download_recording": save,
    "calls.download_recording, large": save,
    "calls.download_recording, cut": save,
    "calls.download_recordings": save_many,
    "calls.export_xls": export,
    "analytics.get": lambda context: context.roistat.analytics.get(context.period),
    "resolve": lambda context: context.roistat.resolve(context.prepared),
    "close": lambda context: context.roistat.close(),
    "async with": in_and_out,
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
    raise AssertionError("it was answered")


async def used(context: OperationContext) -> None:
    """Open both kinds of connections: pooled and fresh ones."""
    await context.roistat.scripts.list()
    await context.roistat.phones.create([context.number()])


async def new_script(context: OperationContext) -> object:
    row = context.fake.state.scripts[0]
    with context.fake.state.lock:
        number = context.fake.state.next_id(context.fake.state.scripts)
        context.fake.state.scripts.append({**row, "id": number})
    return number


async def new_phone(context: OperationContext) -> object:
    row = context.fake.state.phones[0]
    with context.fake.state.lock:
        number = context.fake.state.next_id(context.fake.state.phones)
        context.fake.state.phones.append({**row, "id": number, "phone": context.number()})
    return number


async def a_call(context: OperationContext) -> object:
    return context.fake.state.add_call()["id"]


async def a_recording(context: OperationContext) -> object:
    return context.recorded[0]


async def a_large_recording(context: OperationContext) -> object:
    return context.recorded[-1]


async def a_cut_recording(context: OperationContext) -> object:
    context.fake.quirks.recording_ranges = True  # so that the download resumes
    if not context.fake.unused_faults():  # one is left where no request came as far as the server
        context.fake.fail("call/*/file", Fault.truncated())
    return context.recorded[0]


async def a_failure(context: OperationContext) -> None:
    context.fake.fail("script/list", Fault.status(502))


async def a_copy(context: OperationContext) -> object:
    since = datetime.now(UTC) - timedelta(days=30)
    return await sync_calls(context.roistat, context.folder / "calls.db", since=since)


PREPARE: dict[str, Callable[[OperationContext], Awaitable[object]]] = {
    "scripts.list, repeated": a_failure,
    "scripts.delete": new_script,
    "phones.delete": new_phone,
    "calls.update": a_call,
    "calls.delete": a_call,
    "calls.recording": a_recording,
    "calls.download_recording": a_recording,
    "calls.download_recording, large": a_large_recording,
    "calls.download_recording, cut": a_cut_recording,
    "resolve": lost_create,
    "close": used,
    "sync_recordings": a_copy,
}


async def check(context: OperationContext) -> None:
    """Check that every file is whole, and that a copy can be completed by another run."""
    context.finals_are_whole()
    is_sound(context.folder / "calls.db")


async def complete(name: str, context: OperationContext) -> None:
    """Run once more what was interrupted, so that a copy is complete."""
    if name.startswith("sync"):
        await OPERATIONS[name](context)
        await check(context)
        missing = expected(name, context) - copied(name, context)
        assert not missing


def copied(name: str, context: OperationContext) -> set[str]:
    """Return the ids of a copy."""
    if name == "sync_recordings":
        return {path.stem for path in context.folder.rglob("*.mp3")}
    if name.endswith("parquet"):
        table = dataset(context.folder / "calls.parquet", partitioning=None).to_table(["id"])
        return set(table["id"].to_pylist())
    if name.endswith("ndjson"):
        lines = (context.folder / "calls.ndjson").read_bytes().splitlines()
        return {str(json.loads(line)["id"]) for line in lines}
    with closing(sqlite3.connect(context.folder / "calls.db")) as connection:
        return {found for (found,) in connection.execute("SELECT id FROM calls")}


def expected(name: str, context: OperationContext) -> set[str]:
    """Return the ids that must be in a copy, except calls of this very minute."""
    calls = context.fake.state.calls.ids()[:CALLS]
    return set(calls) if name != "sync_recordings" else set()
