"""Requests of every public method: those that Roistat documents, and the others."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from attrs import frozen

from roistat_async import (
    Call,
    CallDraft,
    CallStatus,
    Crm,
    CrmField,
    GoogleAnalytics,
    Integration,
    Period,
    Phone,
    Redirect,
    Roistat,
    Script,
    ScriptDraft,
    ScriptOptions,
    Webhook,
)

from ..helpers import api_doc

MP3 = b"ID3\x04\x00\x00\x00\x00\x00\x00" + (b"\xff\xfb\x90\x00" + bytes(413)) * 4
XLS = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)
EMPTY = b'{"data": [], "total": 0, "status": "success"}'
DONE = b'{"status": "success"}'
MOSCOW = timezone(timedelta(hours=3))
PERIOD = Period(
    datetime(2016, 7, 1, tzinfo=MOSCOW), datetime(2016, 10, 31, 23, 59, 59, tzinfo=MOSCOW)
)


@frozen
class RequestCase:
    """Call of a public method: `send` makes it, `response` is what Roistat returns."""

    method: str
    send: Callable[[Roistat, Path], Awaitable[Any]]
    response: bytes
    path: str = ""
    body: Any = None


def _script(name: str, **options: Any) -> ScriptDraft:
    """Return the draft of Roistat's example."""
    return ScriptDraft(
        name=name,
        is_enabled=True,
        options=ScriptOptions(
            calltracking_type="dynamic",
            segments=[["source", "like%", "organic"]],
            phone_format="8 (XXX) XXX-XX-XX",
            css_selector=["test"],
            redirect=Redirect("phone", "74951234567"),
            **options.pop("options", {}),
        ),
        integration=Integration(
            crm=Crm(
                is_enabled=True,
                custom_fields=[CrmField("UF_CRM_1474452137", type="text", value="eee")],
            ),
            webhook=Webhook("ne.buildie.ru/testhandler.php"),
            webhook_start=Webhook("ne.buildie.ru/testhandler2.php"),
            google_analytics=GoogleAnalytics(
                tracking_id="UA-123123-123", action="call", category="phone", label="roistat"
            ),
            is_lead_auto_create=True,
        ),
        **options,
    )


BASIC_SCRIPT = _script(
    "Basic script",
    creation_date=datetime(2016, 10, 11, 21, tzinfo=UTC),
    options={"replaceable_numbers": ["89451111111", "89452222222"]},
)
PHONE = Phone(id=6, phone="74997654321")
EXISTING_CALL = Call(id="9", date=PERIOD.start, status=CallStatus.ACTIVE)
CALL = CallDraft(
    callee="79999999999",
    caller="78888888888",
    date=datetime(2016, 7, 26, 11, 3, 57, tzinfo=UTC),
    duration=20,
    marker="ym_1_2",
    order_id=None,
    save_to_crm=False,
    status="ANSWER",
    visit_id="12345",
    comment="Call tomorrow",
    answer_duration=15,
)


async def _read_recording(roistat: Roistat, _: Path) -> bytes:
    async with roistat.calls.recording(1234) as body:
        return b"".join([chunk async for chunk in body])


async def _walk(roistat: Roistat, _: Path) -> list[Any]:
    return [call async for call in roistat.calls.history(PERIOD, extend=("visit",))]


async def _download_recordings(roistat: Roistat, folder: Path) -> list[Any]:
    return [outcome async for outcome in roistat.calls.download_recordings(["1234"], folder)]


def _response(name: str) -> bytes:
    return api_doc.body(f"{name}.response")


# endpoint of curl.json -> the call that sends the same request
DOCUMENTED: dict[str, RequestCase] = {
    "script_create": RequestCase(
        "scripts.create",
        lambda roistat, _: roistat.scripts.create(BASIC_SCRIPT),
        _response("script_create"),
    ),
    "script_list": RequestCase(
        "scripts.list", lambda roistat, _: roistat.scripts.list(), _response("script_list")
    ),
    "script_delete": RequestCase(
        "scripts.delete", lambda roistat, _: roistat.scripts.delete(1), _response("script_delete")
    ),
    "script_update": RequestCase(
        "scripts.update",
        lambda roistat, _: roistat.scripts.update(1, _script("New script")),
        _response("script_update"),
    ),
    "analytics": RequestCase(
        "analytics.get", lambda roistat, _: roistat.analytics.get(PERIOD), _response("analytics")
    ),
    "call_xls_export": RequestCase(
        "calls.export_xls",
        lambda roistat, folder: roistat.calls.export_xls(PERIOD, to=folder / "calls.xls"),
        XLS,
    ),
    "call_file": RequestCase("calls.recording", _read_recording, MP3),
    "phone_update": RequestCase(
        "phones.update",
        lambda roistat, _: roistat.phones.update(
            6, script_id=11, last_use_date=datetime(2016, 10, 11, 21, tzinfo=UTC)
        ),
        _response("phone_update"),
    ),
    "phone_create": RequestCase(
        "phones.create",
        lambda roistat, _: roistat.phones.create(["74997654321"]),
        _response("phone_create"),
    ),
    "phone_delete": RequestCase(
        "phones.delete", lambda roistat, _: roistat.phones.delete([4, 5]), _response("phone_delete")
    ),
    "phone_list": RequestCase(
        "phones.list",
        lambda roistat, _: anext(
            roistat.phones.list(
                filters=[("is_external", "=", 1)], sort=("id", "desc"), page_size=5, prefetch=0
            ).pages()
        ),
        _response("phone_list"),
    ),
    "call_list": RequestCase(
        "calls.list",
        lambda roistat, _: anext(
            roistat.calls.list(
                filters=[
                    ("date", ">", datetime(2016, 5, 21, 21, tzinfo=UTC)),
                    ("date", "<", datetime(2016, 5, 22, 21, tzinfo=UTC)),
                ],
                extend=("visit",),
                sort=("date", "desc"),
                page_size=100,
                prefetch=0,
            ).pages()
        ),
        _response("call_list"),
    ),
    "phone_call": RequestCase(
        "calls.create", lambda roistat, _: roistat.calls.create(CALL), _response("phone_call")
    ),
}

# Methods that Roistat does not document, or documents for another method.
UNDOCUMENTED: list[RequestCase] = [
    RequestCase(
        "scripts.list",
        lambda roistat, _: roistat.scripts.list(is_deleted=True),
        EMPTY,
        "/project/calltracking/script/list",
        {"is_deleted": 1},
    ),
    RequestCase(
        "scripts.list",
        lambda roistat, _: roistat.scripts.list(is_deleted=False),
        EMPTY,
        "/project/calltracking/script/list",
        {"is_deleted": 0},
    ),
    RequestCase(
        "calls.list",
        lambda roistat, _: roistat.calls.list(
            period=PERIOD,
            status=[CallStatus.BUSY, CallStatus.NOANSWER],
            filters=[("duration", "<", 5)],
            sort=None,
        ).first(),
        EMPTY,
        "/project/calltracking/call/list",
        {
            "filters": {
                "and": [
                    ["date", ">", "2016-06-30T20:59:59+0000"],
                    ["date", "<", "2016-10-31T20:59:59+0000"],
                    ["status", "in", ["BUSY", "NOANSWER"]],
                    ["duration", "<", 5],
                ]
            },
            "limit": 1,
            "offset": 0,
        },
    ),
    RequestCase(
        "calls.list",
        lambda roistat, _: roistat.calls.list(status=CallStatus.ANSWER, sort=None).first(),
        EMPTY,
        "/project/calltracking/call/list",
        {"filters": [["status", "=", "ANSWER"]], "limit": 1, "offset": 0},
    ),
    RequestCase(
        "scripts.update",
        lambda roistat, _: roistat.scripts.update(Script(id=7), ScriptDraft(name="a")),
        DONE,
        "/project/calltracking/script/update",
        {"id": 7, "name": "a"},
    ),
    RequestCase(
        "scripts.delete",
        lambda roistat, _: roistat.scripts.delete(Script(id=7)),
        DONE,
        "/project/calltracking/script/delete",
        {"id": 7},
    ),
    RequestCase(
        "phones.update",
        lambda roistat, _: roistat.phones.update(PHONE, script_id=11),
        DONE,
        "/project/calltracking/phone/update",
        {"id": 6, "script_id": 11},
    ),
    RequestCase(
        "phones.delete",
        lambda roistat, _: roistat.phones.delete([PHONE, 7]),
        DONE,
        "/project/calltracking/phone/delete",
        {"phones": [6, 7]},
    ),
    RequestCase(
        "calls.update",
        lambda roistat, _: roistat.calls.update(EXISTING_CALL, status=CallStatus.BUSY),
        DONE,
        "/project/calltracking/call/update",
        {"id": "9", "status": "BUSY"},
    ),
    RequestCase(
        "calls.history",
        _walk,
        EMPTY,
        "/project/calltracking/call/list",
        {
            "filters": {
                "and": [
                    ["date", ">", "2016-06-30T20:59:59+0000"],
                    ["date", "<", "2016-10-31T20:59:59+0000"],
                ]
            },
            "extend": ["visit"],
            "sort": ["date", "asc"],
            "limit": 1000,
            "offset": 0,
        },
    ),
    RequestCase(
        "phones.list_prefixes",
        lambda roistat, _: roistat.phones.list_prefixes(),
        EMPTY,
        "/project/calltracking/phone/prefix/list",
    ),
    RequestCase(
        "phones.buy",
        lambda roistat, _: roistat.phones.buy(prefix="7499", count=2, spend_money=True),
        EMPTY,
        "/project/calltracking/phone/buy",
        {"prefix": "7499", "count": 2},
    ),
    RequestCase(
        "phones.update",
        lambda roistat, _: roistat.phones.update(6, script_id=11),
        DONE,
        "/project/calltracking/phone/update",
        {"id": 6, "script_id": 11},
    ),
    RequestCase(
        "calls.update",
        lambda roistat, _: roistat.calls.update(7, comment=None, status="BUSY", duration=3),
        DONE,
        "/project/calltracking/call/update",
        {"id": "7", "comment": None, "status": "BUSY", "duration": 3},
    ),
    RequestCase(
        "calls.delete",
        lambda roistat, _: roistat.calls.delete([7, "8", EXISTING_CALL]),
        DONE,
        "/project/calltracking/call/delete",
        {"ids": ["7", "8", "9"]},
    ),
    RequestCase(
        "calls.download_recording",
        lambda roistat, folder: roistat.calls.download_recording("1234", to=folder / "1.mp3"),
        MP3,
        "/project/calltracking/call/1234/file",
    ),
    RequestCase(
        "calls.download_recordings",
        _download_recordings,
        MP3,
        "/project/calltracking/call/1234/file",
    ),
]
