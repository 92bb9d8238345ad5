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
from tests.lifecycle.world import CALLS, World, is_sound

Operation = Callable[[World], Awaitable[object]]


async def create_call(world: World) -> object:
    return await world.roistat.calls.create(
        CallDraft(callee=world.number(), caller=world.number(), date=datetime.now(UTC))
    )


async def create_script(world: World) -> object:
    options = ScriptOptions(replaceable_numbers=[world.number()])
    return await world.roistat.scripts.create(ScriptDraft(name="New", options=options))


async def all_calls(world: World) -> None:
    async for _ in world.roistat.calls.list(page_size=20):
        pass


async def some_calls(world: World) -> None:
    async with aclosing(aiter(world.roistat.calls.list(page_size=20))) as calls:
        async for _ in calls:
            break


async def pages_of_calls(world: World) -> None:
    async with aclosing(world.roistat.calls.list(page_size=20).pages()) as pages:
        async for _ in pages:
            pass


async def all_history(world: World) -> None:
    walk = world.roistat.calls.history(world.period, page_size=25, concurrency=2)
    async with aclosing(aiter(walk)) as calls:
        async for _ in calls:
            pass


async def pages_of_history(world: World) -> None:
    walk = world.roistat.calls.history(world.period, page_size=25, concurrency=2)
    async with aclosing(walk.pages()) as pages:
        async for _ in pages:
            pass


async def read_recording(world: World) -> None:
    async with world.roistat.calls.recording(world.prepared) as body:
        async for _ in body:
            pass


async def save(world: World) -> object:
    target = world.folder / "new" / f"{world.prepared}.mp3"
    return await world.roistat.calls.download_recording(world.prepared, to=target)


async def save_many(world: World) -> None:
    saved = world.roistat.calls.download_recordings(world.recorded[:3], world.folder, concurrency=2)
    async with aclosing(saved) as outcomes:
        async for _ in outcomes:
            pass


async def export(world: World) -> object:
    return await world.roistat.calls.export_xls(world.period, to=world.folder / "calls.xls")


def copy_into(name: str) -> Operation:
    async def sync(world: World) -> object:
        since = world.period.start
        return await sync_calls(world.roistat, world.folder / name, since=since, page_size=40)

    return sync


async def copy_recordings(world: World) -> object:
    database, folder = world.folder / "calls.db", world.folder / "mp3"
    return await sync_recordings(world.roistat, database, folder, limit=4, concurrency=2)


async def in_and_out(world: World) -> None:
    async with world.roistat as roistat:
        await roistat.scripts.list()


OPERATIONS: dict[str, Operation] = {
    "scripts.list": lambda world: world.roistat.scripts.list(),
    "scripts.list, repeated": lambda world: world.roistat.scripts.list(),
    "scripts.create": create_script,
    "scripts.update": lambda world: world.roistat.scripts.update(1, ScriptDraft(name="Other")),
    "scripts.delete": lambda world: world.roistat.scripts.delete(world.prepared),
    "phones.list": lambda world: world.roistat.phones.list(page_size=2).collect(),
    "phones.create": lambda world: world.roistat.phones.create([world.number()]),
    "phones.update": lambda world: world.roistat.phones.update(1, script_id=2),
    "phones.delete": lambda world: world.roistat.phones.delete([world.prepared]),
    "phones.list_prefixes": lambda world: world.roistat.phones.list_prefixes(),
    "phones.buy": lambda world: world.roistat.phones.buy(prefix="7495", count=1, spend_money=True),
    "calls.list": all_calls,
    "calls.list, left early": some_calls,
    "calls.list, pages": pages_of_calls,
    "calls.list, first": lambda world: world.roistat.calls.list().first(),
    "calls.list, collect": lambda world: world.roistat.calls.list(page_size=20).collect(),
    "calls.history": all_history,
    "calls.history, pages": pages_of_history,
    "calls.create": create_call,
    "calls.update": lambda world: world.roistat.calls.update(world.prepared, comment="x"),
    "calls.delete": lambda world: world.roistat.calls.delete([world.prepared]),
    "calls.recording": read_recording,
    "calls.download_recording": save,
    "calls.download_recording, large": save,
    "calls.download_recording, cut": save,
    "calls.download_recordings": save_many,
    "calls.export_xls": export,
    "analytics.get": lambda world: world.roistat.analytics.get(world.period),
    "resolve": lambda world: world.roistat.resolve(world.prepared),
    "close": lambda world: world.roistat.close(),
    "async with": in_and_out,
    "sync_calls": copy_into("calls.db"),
    "sync_calls, ndjson": copy_into("calls.ndjson"),
    "sync_calls, parquet": copy_into("calls.parquet"),
    "sync_recordings": copy_recordings,
}


async def lost_create(world: World) -> object:
    """Return the error of a create whose response was lost."""
    world.fake.fail("phone/create", Fault.reset())
    try:
        await world.roistat.phones.create([world.number()])
    except errors.OutcomeUnknownError as error:
        return error
    raise AssertionError("it was answered")


async def used(world: World) -> None:
    """Open both kinds of connections: pooled and fresh ones."""
    await world.roistat.scripts.list()
    await world.roistat.phones.create([world.number()])


async def new_script(world: World) -> object:
    row = world.fake.state.scripts[0]
    with world.fake.state.lock:
        number = world.fake.state.next_id(world.fake.state.scripts)
        world.fake.state.scripts.append({**row, "id": number})
    return number


async def new_phone(world: World) -> object:
    row = world.fake.state.phones[0]
    with world.fake.state.lock:
        number = world.fake.state.next_id(world.fake.state.phones)
        world.fake.state.phones.append({**row, "id": number, "phone": world.number()})
    return number


async def a_call(world: World) -> object:
    return world.fake.state.add_call()["id"]


async def a_recording(world: World) -> object:
    return world.recorded[0]


async def a_large_recording(world: World) -> object:
    return world.recorded[-1]


async def a_cut_recording(world: World) -> object:
    if not world.fake.unused_faults():  # one is left where no request came as far as the server
        world.fake.fail("call/*/file", Fault.truncated())
    return world.recorded[0]


async def a_failure(world: World) -> None:
    world.fake.fail("script/list", Fault.status(502))


async def a_copy(world: World) -> object:
    since = datetime.now(UTC) - timedelta(days=30)
    return await sync_calls(world.roistat, world.folder / "calls.db", since=since)


PREPARE: dict[str, Callable[[World], Awaitable[object]]] = {
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


async def check(world: World) -> None:
    """Check that every file is whole, and that a copy can be completed by another run."""
    world.finals_are_whole()
    is_sound(world.folder / "calls.db")


async def complete(name: str, world: World) -> None:
    """Run once more what was interrupted, so that a copy is complete."""
    if name.startswith("sync"):
        await OPERATIONS[name](world)
        await check(world)
        missing = expected(name, world) - copied(name, world)
        assert not missing


def copied(name: str, world: World) -> set[str]:
    """Return the ids of a copy."""
    if name == "sync_recordings":
        return {path.stem for path in world.folder.rglob("*.mp3")}
    if name.endswith("parquet"):
        table = dataset(world.folder / "calls.parquet", partitioning=None).to_table(["id"])
        return set(table["id"].to_pylist())
    if name.endswith("ndjson"):
        lines = (world.folder / "calls.ndjson").read_bytes().splitlines()
        return {str(json.loads(line)["id"]) for line in lines}
    with closing(sqlite3.connect(world.folder / "calls.db")) as connection:
        return {found for (found,) in connection.execute("SELECT id FROM calls")}


def expected(name: str, world: World) -> set[str]:
    """Return the ids that must be in a copy, except calls of this very minute."""
    calls = world.fake.state.calls.ids()[:CALLS]
    return set(calls) if name != "sync_recordings" else set()
