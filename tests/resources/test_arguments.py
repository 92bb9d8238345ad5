"""An invalid argument is refused before any I/O: Roistat would silently ignore it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from roistat_async import CallDraft, CallStatus, Period, Script, ScriptDraft, ScriptOptions
from roistat_async.errors import ConfigurationError

from ..helpers.mocked import mocked
from .request_cases import DOCUMENTED, PHONE, UNDOCUMENTED

NAIVE = datetime(2026, 5, 1)
DATE = datetime(2026, 5, 1, tzinfo=UTC)
PERIOD = Period(DATE, datetime(2026, 5, 2, tzinfo=UTC))
FIRST_SECOND = Period(datetime.min.replace(tzinfo=UTC), DATE)
NUMBERS = ScriptOptions(replaceable_numbers=["89451111111"])
NAIVE_SCRIPT = ScriptDraft(options=NUMBERS, creation_date=NAIVE)
NUMBER, CALLER = "74950000001", "79000000002"
EITHER = {"or": [("id", "=", "1"), ("id", "=", "2")]}

Action = Callable[[Any, Path], Any]


def _list(name: str, **arguments: Any) -> Action:
    return lambda roistat, _: getattr(roistat, name).list(**arguments).collect()


def _history(*arguments: Any, **options: Any) -> Action:
    return lambda roistat, _: anext(aiter(roistat.calls.history(*arguments, **options)))


def _create(**fields: Any) -> Action:
    draft = CallDraft(**{"callee": NUMBER, "caller": CALLER, "date": DATE, **fields})
    return lambda roistat, _: roistat.calls.create(draft)


def _update(call: Any = "1", **fields: Any) -> Action:
    return lambda roistat, _: roistat.calls.update(call, **fields)


def _download(calls: Any, **options: Any) -> Action:
    return lambda roistat, to: anext(aiter(roistat.calls.download_recordings(calls, to, **options)))


# "method: what is invalid" -> a call of the method
INVALID: dict[str, Action] = {
    "scripts.create: no draft": lambda r, _: r.scripts.create({"name": "a"}),
    "scripts.create: no numbers": lambda r, _: r.scripts.create(ScriptDraft(name="a")),
    "scripts.create: naive date": lambda r, _: r.scripts.create(NAIVE_SCRIPT),
    "scripts.list: string for a bool": lambda r, _: r.scripts.list(is_deleted="0"),
    "scripts.update: nothing": lambda r, _: r.scripts.update(1, ScriptDraft()),
    "scripts.update: id": lambda r, _: r.scripts.update("1a", ScriptDraft(name="a")),
    "scripts.update: phone": lambda r, _: r.scripts.update(PHONE, ScriptDraft(name="a")),
    "scripts.update: flag": lambda r, _: r.scripts.update(1, ScriptDraft(is_enabled=2)),  # type: ignore[arg-type]  # refused
    "scripts.delete: bool for an id": lambda r, _: r.scripts.delete(True),
    "phones.create: string for a list": lambda r, _: r.phones.create(NUMBER),
    "phones.create: number": lambda r, _: r.phones.create(["+7 495 000-00-01"]),
    "phones.create: nothing": lambda r, _: r.phones.create([]),
    "phones.update: no script": lambda r, _: r.phones.update(1, script_id=None),
    "phones.update: script": lambda r, _: r.phones.update(Script(id=1), script_id=1),
    "phones.update: naive date": lambda r, _: r.phones.update(1, script_id=1, last_use_date=NAIVE),
    "phones.delete: id": lambda r, _: r.phones.delete(["74950000001a"]),
    "phones.delete: int for a list": lambda r, _: r.phones.delete(4),
    "phones.delete: nothing": lambda r, _: r.phones.delete([]),
    "phones.buy: 1 for True": lambda r, _: r.phones.buy(prefix="7499", count=1, spend_money=1),
    "phones.buy: count": lambda r, _: r.phones.buy(prefix="7499", count=0, spend_money=True),
    "phones.list: field of a call": _list("phones", filters=[("caller", "=", "7")]),
    "phones.list: sort field": _list("phones", sort=("number", "asc")),
    "calls.list: field": _list("calls", filters=[("dat", ">", DATE)]),
    "calls.list: naive date": _list("calls", filters=[("date", ">", NAIVE)]),
    "calls.list: string for a period": _list("calls", period="2026-05-01..2026-05-31"),
    "calls.list: first second of all": _list("calls", period=FIRST_SECOND),
    "calls.list: string for a status": _list("calls", status="ANSWER"),
    "calls.list: strings for statuses": _list("calls", status=["ANSWER"]),
    "calls.list: no status": _list("calls", status=[]),
    "calls.list: period and or": _list("calls", period=PERIOD, filters=EITHER),
    "calls.list: status and or": _list("calls", status=CallStatus.BUSY, filters=EITHER),
    "calls.list: period and None": _list("calls", period=PERIOD, filters=None),
    "calls.list: sort field": _list("calls", sort=("dates", "asc")),
    "calls.list: string for extend": _list("calls", extend="visit"),
    "calls.list: extend": _list("calls", extend=["visits"]),
    "calls.list: page size": _list("calls", page_size=0),
    "calls.list: offset": _list("calls", offset=-1),
    "calls.list: on_bad_record": _list("calls", on_bad_record="ignore"),
    "calls.get: id": lambda r, _: r.calls.get("1a"),
    "calls.get: extend": lambda r, _: r.calls.get(1, extend=["visits"]),
    "calls.history: period": _history("2026"),
    "calls.history: string for extend": _history(PERIOD, extend="visit"),
    "calls.history: on_bad_record": _history(PERIOD, on_bad_record="ignore"),
    "calls.history: resume_from": _history(PERIOD, resume_from="the beginning"),
    "calls.history: extend": _history(PERIOD, extend=["visits"]),
    "calls.create: no draft": lambda r, _: r.calls.create({"callee": NUMBER}),
    "calls.create: number": _create(callee="+7495"),
    "calls.create: naive date": _create(date=NAIVE),
    "calls.create: empty status": _create(status=""),
    "calls.create: negative duration": _create(duration=-1),
    "calls.create: infinite duration": _create(duration=float("inf")),
    "calls.create: NaN for a duration": _create(duration=float("nan")),
    "calls.create: bool for a duration": _create(duration=True),
    "calls.create: string for a duration": _create(duration="20"),
    "calls.update: nothing": _update(),
    "calls.update: id": _update("../1", comment="a"),
    "calls.update: negative duration": _update(duration=-1),
    "calls.update: string for a duration": _update(answer_duration="20"),
    "calls.update: empty status": _update(status=""),
    "calls.update: no status": _update(status=None),
    "calls.update: list for a text": _update(comment=["a"]),
    "calls.delete: string for a list": lambda r, _: r.calls.delete("12"),
    "calls.delete: nothing": lambda r, _: r.calls.delete([]),
    "calls.recording: id": lambda r, _: r.calls.recording("1/../2").__aenter__(),
    "calls.download_recording: id": lambda r, to: r.calls.download_recording("a", to=to / "a"),
    "calls.download_recording: folder": lambda r, to: r.calls.download_recording("1", to=to),
    "calls.download_recordings: id": _download(["1", "../2"]),
    "calls.download_recordings: int for a list": _download(12),
    "calls.download_recordings: string": _download("12"),
    "calls.download_recordings: concurrency": _download(["1"], concurrency=0),
    "calls.export_xls: period": lambda r, to: r.calls.export_xls("2026", to=to / "a.xls"),
    "calls.export_xls: folder": lambda r, to: r.calls.export_xls(PERIOD, to=to),
    "analytics.get: period": lambda r, _: r.analytics.get((DATE, DATE)),
}


@pytest.mark.parametrize("case", INVALID)
async def test_an_invalid_argument_makes_no_request(case: str, tmp_path: Path) -> None:
    """An invalid argument sends no request and creates no file or folder."""
    async with mocked(b"{}") as client:
        with pytest.raises(ConfigurationError):
            await INVALID[case](client.roistat, tmp_path)
        assert not client.sent
    assert not list(tmp_path.iterdir())


def test_every_method_with_arguments_has_a_case() -> None:
    """Each method that takes arguments is in the table of invalid arguments."""
    methods = {case.method for case in [*DOCUMENTED.values(), *UNDOCUMENTED]}
    without_arguments = {"phones.list_prefixes"}
    assert {case.partition(":")[0] for case in INVALID} >= methods - without_arguments
