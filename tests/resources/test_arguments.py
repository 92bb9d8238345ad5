"""A wrong argument is a ConfigurationError before any I/O: Roistat would ignore it in silence."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from roistat_async import CallDraft, Period, Roistat, ScriptDraft, ScriptOptions
from roistat_async.errors import ConfigurationError

from ..helpers.mocked import mocked
from .request_cases import BEYOND, DOCUMENTED

NAIVE = datetime(2026, 5, 1)
DATE = datetime(2026, 5, 1, tzinfo=UTC)
PERIOD = Period(DATE, datetime(2026, 5, 2, tzinfo=UTC))
NUMBERS = ScriptOptions(replaceable_numbers=["89451111111"])
CALL = ("74950000001", "79000000002")

Ask = Callable[[Any, Path], Any]


def _lists(name: str, **wrong: Any) -> Ask:
    return lambda roistat, _: getattr(roistat, name).list(**wrong).collect()


async def _body(roistat: Roistat, call_id: Any) -> None:
    async with roistat.calls.recording(call_id):
        pass


async def _tried(ask: Ask, roistat: Roistat, folder: Path) -> Any:
    return await ask(roistat, folder)


async def _many(roistat: Roistat, ids: Any, folder: Path, **options: Any) -> None:
    async for _ in roistat.calls.download_recordings(ids, folder, **options):
        pass


# "method: what is wrong" -> a call of it
WRONG: dict[str, Ask] = {
    "scripts.create: no draft": lambda r, _: r.scripts.create({"name": "a"}),
    "scripts.create: no numbers": lambda r, _: r.scripts.create(ScriptDraft(name="a")),
    "scripts.create: naive date": lambda r, _: r.scripts.create(
        ScriptDraft(options=NUMBERS, creation_date=NAIVE)
    ),
    "scripts.create: a dict for a part": lambda r, _: r.scripts.create(
        ScriptDraft(options={"replaceable_numbers": ["89451111111"]})  # type: ignore[arg-type]
    ),
    "scripts.create: a text for a list": lambda r, _: r.scripts.create(
        ScriptDraft(options=ScriptOptions(replaceable_numbers="89451111111"))  # type: ignore[arg-type]
    ),
    "scripts.list: no flag": lambda r, _: r.scripts.list(is_deleted="0"),
    "scripts.update: nothing": lambda r, _: r.scripts.update(1, ScriptDraft()),
    "scripts.update: no id": lambda r, _: r.scripts.update("1a", ScriptDraft(name="a")),
    "scripts.update: no flag": lambda r, _: r.scripts.update(1, ScriptDraft(is_enabled=2)),  # type: ignore[arg-type]
    "scripts.delete: no id": lambda r, _: r.scripts.delete(True),
    "phones.create: a text for a list": lambda r, _: r.phones.create("74950000001"),
    "phones.create: no number": lambda r, _: r.phones.create(["+7 495 000-00-01"]),
    "phones.create: nothing": lambda r, _: r.phones.create([]),
    "phones.update: no script": lambda r, _: r.phones.update(1, script_id=None),
    "phones.update: naive date": lambda r, _: r.phones.update(1, script_id=1, last_use_date=NAIVE),
    "phones.delete: no ids": lambda r, _: r.phones.delete(["74950000001a"]),
    "phones.delete: one for a list": lambda r, _: r.phones.delete(4),
    "phones.delete: nothing": lambda r, _: r.phones.delete([]),
    "phones.buy: not said": lambda r, _: r.phones.buy(prefix="7499", count=1, spend_money=1),
    "phones.buy: none": lambda r, _: r.phones.buy(prefix="7499", count=0, spend_money=True),
    "phones.list: a call's field": _lists("phones", filters=[("caller", "=", "7")]),
    "phones.list: sorted by nothing": _lists("phones", sort=("number", "asc")),
    "calls.list: typo": _lists("calls", filters=[("dat", ">", DATE)]),
    "calls.list: naive date": _lists("calls", filters=[("date", ">", NAIVE)]),
    "calls.list: naive text": _lists("calls", filters=[("date", ">", "2026-05-01")]),
    "calls.list: no operator": _lists("calls", filters=[("date", "=>", DATE)]),
    "calls.list: one flat condition": _lists("calls", filters=("date", ">", DATE)),
    "calls.list: xor": _lists("calls", filters={"xor": [("id", "=", "1")]}),
    "calls.list: sorted by nothing": _lists("calls", sort=("dates", "asc")),
    "calls.list: no direction": _lists("calls", sort=("date", "up")),
    "calls.list: a text for a list": _lists("calls", extend="visit"),
    "calls.list: no part": _lists("calls", extend=["visits"]),
    "calls.list: no rows": _lists("calls", page_size=0),
    "calls.list: no place": _lists("calls", offset=-1),
    "calls.list: None for filters": _lists("calls", filters=None),
    "calls.list: a number for filters": _lists("calls", filters=0),
    "calls.list: filters of nothing": _lists("calls", filters={}),
    "calls.list: in nothing": _lists("calls", filters=[("id", "in", [])]),
    "calls.list: no choice": _lists("calls", on_bad_record="ignore"),
    "calls.history: no period": lambda r, _: anext(aiter(r.calls.history("2026"))),
    "calls.history: no part": lambda r, _: anext(aiter(r.calls.history(PERIOD, extend=["visits"]))),
    "calls.create: no draft": lambda r, _: r.calls.create({"callee": "74950000001"}),
    "calls.create: no number": lambda r, _: r.calls.create(CallDraft("+7495", "7900", DATE)),
    "calls.create: naive date": lambda r, _: r.calls.create(CallDraft(*CALL, NAIVE)),
    "calls.create: no flag": lambda r, _: r.calls.create(
        CallDraft(*CALL, DATE, save_to_crm="yes")  # type: ignore[arg-type]
    ),
    "calls.create: empty status": lambda r, _: r.calls.create(CallDraft(*CALL, DATE, status="")),
    "calls.create: no status": lambda r, _: r.calls.create(CallDraft(*CALL, DATE, status=5)),  # type: ignore[arg-type]
    "calls.update: nothing": lambda r, _: r.calls.update("1"),
    "calls.update: no id": lambda r, _: r.calls.update("../1", comment="a"),
    "calls.update: no seconds": lambda r, _: r.calls.update("1", duration=-1),
    "calls.update: a text for seconds": lambda r, _: r.calls.update("1", answer_duration="20"),
    "calls.update: empty status": lambda r, _: r.calls.update("1", status=""),
    "calls.update: no status": lambda r, _: r.calls.update("1", status=None),
    "calls.update: no text": lambda r, _: r.calls.update("1", comment=["a"]),
    "calls.delete: a text for a list": lambda r, _: r.calls.delete("12"),
    "calls.delete: nothing": lambda r, _: r.calls.delete([]),
    "calls.recording: no id": lambda r, _: _body(r, "1/../2"),
    "calls.download_recording: no id": lambda r, to: r.calls.download_recording("a", to=to / "a"),
    "calls.download_recording: a folder": lambda r, to: r.calls.download_recording("1", to=to),
    "calls.download_recordings: no id": lambda r, to: _many(r, ["1", "../2"], to),
    "calls.download_recordings: one for a list": lambda r, to: _many(r, 12, to),
    "calls.download_recordings: a text": lambda r, to: _many(r, "12", to),
    "calls.download_recordings: none at once": lambda r, to: _many(r, ["1"], to, concurrency=0),
    "calls.export_xls: no period": lambda r, to: r.calls.export_xls("2026", to=to / "a.xls"),
    "calls.export_xls: a folder": lambda r, to: r.calls.export_xls(PERIOD, to=to),
    "analytics.get: no period": lambda r, _: r.analytics.get((DATE, DATE)),
}


@pytest.mark.parametrize("wrong", WRONG)
async def test_a_wrong_argument_makes_no_request(wrong: str, tmp_path: Path) -> None:
    """Found before any I/O: nothing is sent and no file or folder made."""
    async with mocked(b"{}") as client:
        with pytest.raises(ConfigurationError):
            await _tried(WRONG[wrong], client.roistat, tmp_path)
        assert not client.sent
    assert not list(tmp_path.iterdir())


def test_every_method_with_arguments_is_tried() -> None:
    """A method that is added to a resource must be added to the table above."""
    asked = {one.method for one in [*DOCUMENTED.values(), *BEYOND]}
    takes_none = {"phones.list_prefixes"}
    assert {wrong.partition(":")[0] for wrong in WRONG} >= asked - takes_none
