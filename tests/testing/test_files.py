"""Recordings, the export and the sums."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook

from roistat_async.testing import FakeRoistat, mp3, xls

from .conftest import Plain

PAGE = Path(__file__).parents[1] / "api_doc"
PERIOD = {"from": "2026-01-01T00:00:00+0300", "to": "2028-01-01T00:00:00+0300"}


def frames(body: bytes) -> int:
    """Walk the file frame by frame and count them."""
    place = 10 + int.from_bytes(body[8:10], "big") if body.startswith(b"ID3") else 0
    count = 0
    while place < len(body):
        assert body[place : place + 4] == b"\xff\xfb\x18\xc0"
        place, count = place + 144, count + 1
    assert place == len(body)
    return count


@pytest.mark.parametrize("call_id", ["10001", "10002", "7"])
def test_recording_is_mp3(call_id: str) -> None:
    """Whole frames from the first byte, or from the end of the tag, to the last."""
    assert frames(mp3.recording(call_id, 3.6)) == 100


def test_recordings_differ() -> None:
    """No two calls have the same bytes, the same call always has."""
    bodies = {mp3.recording(str(number), 5) for number in range(500)}

    assert len(bodies) == 500
    assert mp3.recording("7", 5) in bodies


async def test_download(ask: Plain) -> None:
    """A recording comes with its length, as long as the talk."""
    call_id, body = next(iter(ask.fake.state.recordings.items()))
    call = ask.fake.state.calls.get(call_id)
    response, received = await ask.raw(f"calltracking/call/{call_id}/file")

    assert call is not None
    assert received == body
    assert frames(body) == round(call["answer_duration"] * 1000 / 36)
    assert response.content_type == "audio/mpeg"
    assert response.headers["Content-Length"] == str(len(body))
    assert "Accept-Ranges" not in response.headers


async def test_no_recording_is_empty(ask: Plain) -> None:
    """A call without a recording answers 200 and nothing, even with real codes on."""
    missed = next(row["id"] for row in ask.fake.state.calls if row["status"] == "BUSY")
    path = f"calltracking/call/{missed}/file"
    response, body = await ask.raw(path, headers={"Use-Http-Code": "1"}, verb="GET")

    assert (response.status, body) == (200, b"")


def test_some_answered_calls_have_no_recording() -> None:
    """Not every answered call was recorded, though all have a link."""
    state = FakeRoistat(calls=200).state
    answered = [row for row in state.calls if row["status"] == "ANSWER"]

    assert 0 < len(state.recordings) < len(answered)
    assert all(row["link"] for row in answered)


async def test_unknown_call(ask: Plain) -> None:
    """A recording of no call is an error in JSON, under HTTP 200."""
    response, _ = await ask.raw("calltracking/call/999/file")

    assert (await response.json())["error"] == "resource_not_found"
    assert response.status == 200


async def test_chunked_recording(ask: Plain) -> None:
    """With the quirks, a recording has no length and another type."""
    ask.fake.quirks.recording_chunked = True
    ask.fake.quirks.recording_type = "application/octet-stream"
    call_id, body = next(iter(ask.fake.state.recordings.items()))
    response, received = await ask.raw(f"calltracking/call/{call_id}/file")

    assert received == body
    assert response.headers["Transfer-Encoding"] == "chunked"
    assert response.content_type == "application/octet-stream"


async def test_range(ask: Plain) -> None:
    """With the quirk, GET resumes an unchanged recording and only that."""
    ask.fake.quirks.recording_ranges = True
    call_id, body = next(iter(ask.fake.state.recordings.items()))
    path = f"calltracking/call/{call_id}/file"
    whole, _ = await ask.raw(path, verb="GET")
    ranged = {"Range": "bytes=100-", "If-Range": whole.headers["ETag"]}
    rest, tail = await ask.raw(path, verb="GET", headers=ranged)
    stale, again = await ask.raw(path, verb="GET", headers=ranged | {"If-Range": '"old"'})
    posted, full = await ask.raw(path, headers=ranged)
    beyond, _ = await ask.raw(path, verb="GET", headers={"Range": f"bytes={len(body)}-"})

    assert (rest.status, tail) == (206, body[100:])
    assert rest.headers["Content-Range"] == f"bytes 100-{len(body) - 1}/{len(body)}"
    assert (stale.status, again) == (posted.status, full) == (200, body)
    assert (beyond.status, beyond.headers["Content-Range"]) == (416, f"bytes */{len(body)}")


async def test_export(ask: Plain) -> None:
    """The export is a real .xls with the page's columns and a row for each call."""
    response, body = await ask.raw("calltracking/call/xls/export", {"period": PERIOD})
    rows = CalamineWorkbook.from_filelike(io.BytesIO(body)).get_sheet_by_index(0).to_python()

    assert body.startswith(bytes.fromhex("d0cf11e0a1b11ae1"))
    assert response.content_type == "application/vnd.ms-excel"
    assert tuple(rows[0]) == xls.COLUMNS
    assert [row[0] for row in rows[1:]] == [row["date"] for row in ask.fake.state.calls]


def test_export_of_many_rows() -> None:
    """More rows than a sheet holds go on to the next, titles again on top."""
    body = xls.workbook([["x"]] * 25, rows_per_worksheet=10)
    book = CalamineWorkbook.from_filelike(io.BytesIO(body))
    heights = [len(book.get_sheet_by_name(name).to_python()) for name in book.sheet_names]

    assert heights == [11, 11, 6]


async def test_export_without_xlwt(ask: Plain, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without xlwt the answer names the extra to install."""
    monkeypatch.setitem(sys.modules, "xlwt", None)
    answer = await ask("calltracking/call/xls/export", period=PERIOD)

    assert "roistat_async[testing]" in answer["description"]


@pytest.mark.parametrize("path", ["calltracking/data", "calltracking/call/xls/export"])
@pytest.mark.parametrize(
    "period", [None, "year", {"from": "2027-01-01"}, {"from": "2027-01-02", "to": "2027-01-01"}]
)
async def test_period_is_required(ask: Plain, path: str, period: object) -> None:
    """A missing or senseless period is an incorrect request."""
    assert (await ask(path, period=period))["error"] == "incorrect_request"


async def test_sums_have_the_form_of_the_page(ask: Plain) -> None:
    """Every part of the page's answer is there, with the page's keys."""
    expected = json.loads((PAGE / "analytics.response.json").read_text("utf-8"))["data"]
    data = (await ask("calltracking/data", period=PERIOD))["data"]

    assert data.keys() == expected.keys()
    assert data["period"] == {
        "startDate": "2025-12-31T21:00:00+0000",
        "endDate": "2027-12-31T21:00:00+0000",
    }
    for part, values in expected.items():
        if isinstance(values, list):
            assert data[part][0].keys() == values[0].keys()


async def test_sums_add_up(ask: Plain) -> None:
    """Hours, days, channels and regions each count every call of the period once."""
    data = (await ask("calltracking/data", period=PERIOD))["data"]
    hours = data["hourlyWeeklyQuantity"]["byHours"]
    talked = sum(row["answer_duration"] for row in ask.fake.state.calls)

    assert [one["hour"] for one in hours] == [f"{hour:02}" for hour in range(1, 25)]
    assert sum(one["success"] + one["missed"] for one in hours) == 49  # one call is ACTIVE
    assert len(data["hourlyWeeklyQuantity"]["byWeekdays"]) == 7
    assert data["hourlyWeeklyQuantity"]["total"] == 50
    assert sum(one["value"] for one in data["dailyQuantity"]["values"]) == 50
    assert sum(one["value"] for one in data["markerQuantity"]) == 50
    assert sum(one["value"] for one in data["regionQuantity"]) == 50
    assert data["dailyDuration"]["average"] == pytest.approx(talked / 60 / 50)


async def test_rare_channels_are_others(ask: Plain) -> None:
    """Five channels are named, the rest are «Остальные»."""
    markers = (await ask("calltracking/data", period=PERIOD))["data"]["markerQuantity"]

    assert len(markers) == 6
    assert (markers[5]["displayName"], markers[5]["systemName"]) == ("Остальные", "Others")


async def test_days_of_the_page(ask: Plain) -> None:
    """The page's period holds 124 days, counted in UTC at both ends."""
    period = {"from": "2016-07-01T00:00:00+0300", "to": "2016-10-31T23:59:59+0300"}
    values = (await ask("calltracking/data", period=period))["data"]["dailyQuantity"]["values"]

    assert len(values) == 124
    assert values[0]["date"] == "2016-06-30T00:00:00+0000"
