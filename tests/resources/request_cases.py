"""Requests of every public method: those that Roistat documents, and the others."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from attrs import evolve, frozen

from roistat_async import CallField, Filters, Period, Phone, Roistat
from roistat_async.models import scripts
from roistat_async.models.calls import Call, CallDraft, CallStatus
from roistat_async.models.scripts import Crm, CrmField, Redirect, Script, ScriptDraft, Webhook

from ..helpers import api_doc

MP3 = b"ID3\x04\x00\x00\x00\x00\x00\x00" + (b"\xff\xfb\x90\x00" + bytes(413)) * 4
XLS = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)
EMPTY = b'{"data": [], "total": 0, "status": "success"}'
DONE = b'{"status": "success"}'
MOSCOW = timezone(timedelta(hours=3))
PERIOD = Period(
    datetime(2016, 7, 1, tzinfo=MOSCOW), datetime(2016, 10, 31, 23, 59, 59, tzinfo=MOSCOW)
)

Send = Callable[[Roistat, Path], Awaitable[Any]]


@frozen
class RequestCase:
    """Call of a public method: `send` makes it, `response` is what Roistat returns."""

    method: str
    send: Send
    response: bytes
    path: str = ""
    body: Any = None


OPTIONS = scripts.ScriptOptions(
    calltracking_type="dynamic", segments=[["source", "like%", "organic"]],
    phone_format="8 (XXX) XXX-XX-XX", css_selector=["test"],
    redirect=Redirect("phone", "74951234567"),
)  # fmt: skip
GOOGLE = scripts.GoogleAnalytics(
    tracking_id="UA-123123-123", action="call", category="phone", label="roistat"
)
CRM_FIELD = CrmField("UF_CRM_1474452137", type="text", value="eee")
NEW_SCRIPT = ScriptDraft(
    name="New script", is_enabled=True, options=OPTIONS,
    integration=scripts.Integration(
        crm=Crm(is_enabled=True, custom_fields=[CRM_FIELD]), is_lead_auto_create=True,
        webhook=Webhook("ne.buildie.ru/testhandler.php"),
        webhook_start=Webhook("ne.buildie.ru/testhandler2.php"), google_analytics=GOOGLE,
    ),
)  # fmt: skip
BASIC_SCRIPT = evolve(
    NEW_SCRIPT,
    name="Basic script",
    creation_date=datetime(2016, 10, 11, 21, tzinfo=UTC),
    options=evolve(OPTIONS, replaceable_numbers=["89451111111", "89452222222"]),
)
PHONE = Phone(id=6, phone="74997654321")
EXISTING_CALL = Call(id="9", date=PERIOD.start, status=CallStatus.ACTIVE)
CALL = CallDraft(
    callee="79999999999", caller="78888888888", date=datetime(2016, 7, 26, 11, 3, 57, tzinfo=UTC),
    duration=20, marker="ym_1_2", order_id=None, save_to_crm=False, status="ANSWER",
    visit_id="12345", comment="Call tomorrow", answer_duration=15,
)  # fmt: skip


async def _read_recording(roistat: Roistat, _: Path) -> bytes:
    async with roistat.calls.recording(1234) as body:
        return b"".join([chunk async for chunk in body])


async def _walk(roistat: Roistat, _: Path) -> list[Any]:
    return [call async for call in roistat.calls.history(PERIOD, extend=("visit",))]


async def _download_recordings(roistat: Roistat, folder: Path) -> list[Any]:
    return [outcome async for outcome in roistat.calls.download_recordings(["1234"], folder)]


_LIST_CALLS = "/project/calltracking/call/list"
_MAY_22: Filters[CallField] = [
    ("date", ">", datetime(2016, 5, 21, 21, tzinfo=UTC)),
    ("date", "<", datetime(2016, 5, 22, 21, tzinfo=UTC)),
]
_PERIOD = [["date", ">", "2016-06-30T20:59:59+0000"], ["date", "<", "2016-10-31T20:59:59+0000"]]
_RECORDING = "/project/calltracking/call/1234/file"

# fmt: off
# endpoint of curl.json -> the method that sends the same request, and the call of it
_SENT: dict[str, tuple[str, Send]] = {
    "script_create": ("scripts.create", lambda r, _: r.scripts.create(BASIC_SCRIPT)),
    "script_list": ("scripts.list", lambda r, _: r.scripts.list()),
    "script_delete": ("scripts.delete", lambda r, _: r.scripts.delete(1)),
    "script_update": ("scripts.update", lambda r, _: r.scripts.update(1, NEW_SCRIPT)),
    "analytics": ("analytics.get", lambda r, _: r.analytics.get(PERIOD)),
    "call_xls_export": ("calls.export_xls", lambda r, to: r.calls.export_xls(PERIOD, to=to / "a")),
    "call_file": ("calls.recording", _read_recording),
    "phone_update": ("phones.update", lambda r, _: r.phones.update(
        6, script_id=11, last_use_date=datetime(2016, 10, 11, 21, tzinfo=UTC))),
    "phone_create": ("phones.create", lambda r, _: r.phones.create(["74997654321"])),
    "phone_delete": ("phones.delete", lambda r, _: r.phones.delete([4, 5])),
    "phone_list": ("phones.list", lambda r, _: anext(r.phones.list(
        filters=[("is_external", "=", 1)], sort=("id", "desc"), page_size=5, prefetch=0).pages())),
    "call_list": ("calls.list", lambda r, _: anext(r.calls.list(
        filters=_MAY_22, extend=("visit",), page_size=100, prefetch=0).pages())),
    "phone_call": ("calls.create", lambda r, _: r.calls.create(CALL)),
}
_FILES = {"call_xls_export": XLS, "call_file": MP3}
DOCUMENTED = {
    name: RequestCase(method, send, _FILES.get(name) or api_doc.body(f"{name}.response"))
    for name, (method, send) in _SENT.items()
}

# Methods that Roistat does not document, or documents for another method.
UNDOCUMENTED: list[RequestCase] = [
    *[RequestCase("scripts.list",
        lambda r, _, flag=flag: r.scripts.list(is_deleted=flag), EMPTY,  # type: ignore[misc]  # bound
        "/project/calltracking/script/list", {"is_deleted": int(flag)}) for flag in (True, False)],
    RequestCase("scripts.update",
        lambda r, _: r.scripts.update(Script(id=7), ScriptDraft(name="a")), DONE,
        "/project/calltracking/script/update", {"id": 7, "name": "a"}),
    RequestCase("scripts.delete", lambda r, _: r.scripts.delete(Script(id=7)), DONE,
        "/project/calltracking/script/delete", {"id": 7}),
    *[RequestCase("phones.update",
        lambda r, _, phone=phone: r.phones.update(phone, script_id=11), DONE,  # type: ignore[misc]  # bound
        "/project/calltracking/phone/update", {"id": 6, "script_id": 11}) for phone in (PHONE, 6)],
    RequestCase("phones.delete", lambda r, _: r.phones.delete([PHONE, 7]), DONE,
        "/project/calltracking/phone/delete", {"phones": [6, 7]}),
    RequestCase("phones.list_prefixes", lambda r, _: r.phones.list_prefixes(), EMPTY,
        "/project/calltracking/phone/prefix/list"),
    RequestCase("phones.buy",
        lambda r, _: r.phones.buy(prefix="7499", count=2, spend_money=True), EMPTY,
        "/project/calltracking/phone/buy", {"prefix": "7499", "count": 2}),
    RequestCase("calls.list",
        lambda r, _: r.calls.list(
            period=PERIOD, status=[CallStatus.BUSY, CallStatus.NOANSWER],
            filters=[("duration", "<", 5)], sort=None,
        ).first(), EMPTY, _LIST_CALLS,
        {"filters": {"and": [
            *_PERIOD, ["status", "in", ["BUSY", "NOANSWER"]], ["duration", "<", 5],
        ]}, "limit": 1, "offset": 0}),
    RequestCase("calls.list",
        lambda r, _: r.calls.list(status=CallStatus.ANSWER, sort=None).first(), EMPTY, _LIST_CALLS,
        {"filters": [["status", "=", "ANSWER"]], "limit": 1, "offset": 0}),
    RequestCase("calls.get", lambda r, _: r.calls.get(EXISTING_CALL, extend=("visit",)),
        b'{"data":[{"id":"9","date":"2026-05-01T00:00:00+0000"}],"total":1,"status":"success"}',
        _LIST_CALLS,
        {"filters": [["id", "=", "9"]], "extend": ["visit"], "sort": ["date", "desc"],
         "limit": 1, "offset": 0}),
    RequestCase("calls.history", _walk, EMPTY, _LIST_CALLS,
        {"filters": {"and": _PERIOD}, "extend": ["visit"], "sort": ["date", "asc"],
         "limit": 1000, "offset": 0}),
    RequestCase("calls.update",
        lambda r, _: r.calls.update(EXISTING_CALL, status=CallStatus.BUSY), DONE,
        "/project/calltracking/call/update", {"id": "9", "status": "BUSY"}),
    RequestCase("calls.update",
        lambda r, _: r.calls.update(7, comment=None, status="BUSY", duration=3), DONE,
        "/project/calltracking/call/update",
        {"id": "7", "comment": None, "status": "BUSY", "duration": 3}),
    RequestCase("calls.delete", lambda r, _: r.calls.delete([7, "8", EXISTING_CALL]), DONE,
        "/project/calltracking/call/delete", {"ids": [7, 8, 9]}),
    RequestCase("calls.download_recording",
        lambda r, folder: r.calls.download_recording("1234", to=folder / "1.mp3"), MP3, _RECORDING),
    RequestCase("calls.download_recordings", _download_recordings, MP3, _RECORDING),
]
