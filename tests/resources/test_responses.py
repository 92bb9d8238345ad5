"""Documented responses become models, with the type and the value of every field."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs
import pytest

from roistat_async import Phone, errors
from roistat_async.models import analytics, scripts
from roistat_async.models.calls import Call, CallStatus, Order, OrderStatus, Source, Visit
from roistat_async.models.scripts import Crm, Redirect, Script, ScriptOptions, Webhook

from ..helpers import api_doc
from ..helpers.mocked import mocked
from ..helpers.typed import typed
from .request_cases import CRM_FIELD, DOCUMENTED, GOOGLE

# fmt: off
ICONS = "https://cloud.roistat.com/img"
DYNAMIC = ScriptOptions(
    calltracking_type="dynamic", static_source=None, css_selector=["test"],
    phone_format="8 (XXX) XXX-XX-XX", redirect=Redirect("phone", "74951234567"),
    segments=[["source", "like%", "organic"]], target_call_time=0,
)
CREATED_SCRIPT = Script(
    id=1, name="Basic script", creation_date=datetime(2016, 10, 12, 8, 19, 23, tzinfo=UTC),
    is_enabled=True, call_count=0, options=DYNAMIC,
    integration=scripts.Integration(
        is_lead_auto_create=True, crm=Crm(is_enabled=True, custom_fields=[CRM_FIELD]),
        webhook=Webhook("ne.buildie.ru/testhandler.php"),
        webhook_start=Webhook("ne.buildie.ru/testhandler2.php"), google_analytics=GOOGLE,
    ),
)
LISTED_SCRIPT = attrs.evolve(
    CREATED_SCRIPT,
    integration=attrs.evolve(
        CREATED_SCRIPT.integration, webhook=Webhook("site.ru/webhook.php"),
        webhook_start=Webhook(None),
        crm=Crm(is_enabled=True, custom_fields=[attrs.evolve(CRM_FIELD, id="UF_CRM_12345")]),
    ),
)
OFFLINE_SCRIPT = Script(
    id=10, name="Offline ads", creation_date=datetime(2016, 8, 23, 10, 23, 37, tzinfo=UTC),
    is_enabled=False, call_count=0, accuracy=100.0,
    options=ScriptOptions(
        calltracking_type="static", static_source="offline", css_selector=["#track"],
        phone_format="8 (XXX) XXX-XX-XX", redirect=Redirect("sip", "example@domain.ru", None),
        segments=None, target_call_time=0,
    ),
    integration=scripts.Integration(
        is_lead_auto_create=True, crm=Crm(is_enabled=False, custom_fields=[]), webhook=Webhook(""),
        google_analytics=attrs.evolve(GOOGLE, tracking_id=""),
    ),
)
NEW_PHONE = Phone(
    id=5, phone="74951234567", is_external=True, call_count=0,
    creation_date=datetime(2016, 10, 12, 8, 19, 23, tzinfo=UTC),
)
OWN_PHONE = Phone(
    id=4, phone="74951234567", prefix="7499", is_external=False, call_count=0,
    creation_date=datetime(2016, 10, 10, 8, 50, 44, tzinfo=UTC), script=OFFLINE_SCRIPT,
)
LONG_CALL = Call(
    id="16769", callee="7495301234", caller="7495751234", duration=59, waiting_time=30,
    answer_duration=29, status=CallStatus.ANSWER, date=datetime(2016, 6, 19, 9, 31, 1, tzinfo=UTC),
    link="https://site.ru/calltracking/call/23/file/123456qwerty",
    static_source=Source(
        system_name="yamarket6", display_name="yamarket",
        icon_url="https://favicon.yandex.net/favicon/market.yandex.ru",
    ),
    visit=Visit(
        id="666", first_id="660", date=datetime(2016, 5, 25, 19, 31, 58, tzinfo=UTC),
        referrer="http://site.ru/contact.php", host="site.ru", landing_page="http://test.ru/lp",
        agent="Mozilla/5.0", ip="47.110.126.72", google_client_id="1818132860.1451606703",
        source=Source(
            system_name="direct_search_18000022_2014432344_what is",
            display_name="Google Ads - adwords2 - search - whats is",
            icon_url="https://favicon.yandex.net/favicon/direct.yandex.ru", utm_source="direct",
            utm_medium="cpc", utm_campaign="campaign", utm_term="word", utm_content="test-message",
            referrer="http://site.ru/contact.php",
        ),
    ),
    order=Order(
        id="777", url="http://site.ru/order/777", source_type="calltracking",
        creation_date=datetime(2016, 5, 22, 19, 32, 22, tzinfo=UTC),
        update_date=datetime(2016, 5, 22, 19, 32, 22, tzinfo=UTC), revenue=2000.0, cost=350.0,
        client_id="150", visit_id="666", status=OrderStatus(id="31", type="paid", name="Paid"),
        custom_fields={"Тип лида": "Phone", "Дизайнер": "Smith"},
    ),
)
SHORT_CALL = Call(
    id="16768", callee="7495301234", caller="7495751234", duration=47, waiting_time=15,
    answer_duration=32, status=CallStatus.ANSWER, date=datetime(2016, 6, 18, 9, 58, 54, tzinfo=UTC),
    link="https://site.ru/calltracking/call/22/file/123456qwerty", visit_id="4017325",
)
RECORDED_CALL = Call(
    id="5", callee="79999999999", caller="78888888888", visit_id="12345", marker="ym_1_2",
    duration=20, status=CallStatus.ANSWER, date=datetime(2016, 7, 26, 11, 3, 57, tzinfo=UTC),
    comment="Call tomorrow", answer_duration=15,
)
_DATES = [datetime(2016, 10, day, tzinfo=UTC) for day in (30, 31)]
_DAYS = [analytics.DayValue(date=date, value=0.0) for date in _DATES]
ANALYTICS = analytics.CallAnalytics(
    period=analytics.AnalyticsPeriod(
        start_date=datetime(2016, 6, 30, 21, tzinfo=UTC),
        end_date=datetime(2016, 10, 31, 20, 59, 59, tzinfo=UTC),
    ),
    hourly_weekly_quantity=analytics.HourlyWeeklyQuantity(
        by_hours=[analytics.HourCount(hour=hour, success=0, missed=0) for hour in ("01", "02")],
        by_weekdays=[analytics.WeekdayCount(date=day, success=0, missed=0) for day in _DATES],
        total=39,
    ),
    daily_duration=analytics.DailySeries(values=_DAYS, average=0.23418803418803),
    daily_quantity=analytics.DailySeries(values=_DAYS, average=0.31451612903226001),
    marker_quantity=[
        analytics.MarkerValue(display_name=shown, system_name=name, value=value)
        for shown, name, value in [
            ("Direct visits", "", 17.0), ("Visits from sites", "site", 3.0),
            ("yandex", "yandex", 2.0), ("Остальные", "Others", 17.0),
        ]
    ],
    marker_duration=[
        analytics.MarkerValue(display_name=shown, system_name=name, value=value, icon_url=icon)
        for shown, name, value, icon in [
            ("yandex", "yandex", 7.5, ""),
            ("Direct visits", "", 10.235294117646999, f"{ICONS}/arrow-right.png"),
            ("Visits from sites", "site", 24.0, f"{ICONS}/globe.png"),
        ]
    ],
    region_quantity=[
        analytics.RegionValue(display_name=name, value=value)
        for name, value in [("Moscow", 21.0), ("Minsk", 1.0), ("Other", 17.0)]
    ],
    call_cost=analytics.DailySeries(values=_DAYS, average=80.725774193548006),
)
# fmt: on

# endpoint -> what its method returns for the documented response
EXPECTED: dict[str, Any] = {
    **dict.fromkeys(["script_delete", "script_update", "phone_update", "phone_delete"]),
    "script_create": CREATED_SCRIPT, "script_list": [LISTED_SCRIPT], "analytics": ANALYTICS,
    "phone_create": [NEW_PHONE],
    "phone_list": [attrs.evolve(NEW_PHONE, phone="74991234567"), OWN_PHONE],
    "call_list": [LONG_CALL, SHORT_CALL], "phone_call": RECORDED_CALL,
}  # fmt: skip


async def _result(endpoint: str, folder: Path) -> Any:
    async with mocked(api_doc.body(f"{endpoint}.response")) as client:
        result = await DOCUMENTED[endpoint].send(client.roistat, folder)
    return result.items if endpoint in ("phone_list", "call_list") else result


RESPONSES = [name.partition(".")[0] for name in api_doc.BODIES if ".response." in name]


@pytest.mark.parametrize("endpoint", RESPONSES)
async def test_a_response_becomes_models(endpoint: str, tmp_path: Path) -> None:
    """The models equal those written by hand, with their types, and no key is unknown."""
    result, expected = await _result(endpoint, tmp_path), EXPECTED[endpoint]
    assert (result, typed(result)) == (expected, typed(expected))


@pytest.mark.parametrize(
    ("fields", "match"),
    [('"data": [{"name": "a"}]', r"\.id"), ('"data": null, "total": 5', "its total is 5")],
    ids=["a record without an id", "no records beside a total"],
)
async def test_no_script_is_left_out(fields: str, match: str) -> None:
    """A list of scripts with an unreadable one, or that its total contradicts, is an error."""
    async with mocked(f'{{"status": "success", {fields}}}'.encode()) as client:
        with pytest.raises(errors.MalformedResponseError, match=match):
            await client.roistat.scripts.list()
