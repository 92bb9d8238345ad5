"""Recordings, the export and the analytics."""

from __future__ import annotations

import io
import json
import sys
from typing import Any

import pytest
from python_calamine import CalamineWorkbook

from roistat_async.testing import FakeRoistat, mp3, xls

from ..helpers.api_doc import decoded
from .conftest import PlainClient, quirks

EXPORT = "calltracking/call/xls/export"
PERIOD = {"from": "2026-01-01T00:00:00+0300", "to": "2028-01-01T00:00:00+0300"}


def frames(body: bytes) -> int:
    """Return the number of frames of an MP3."""
    offset = 10 + int.from_bytes(body[8:10], "big") if body.startswith(b"ID3") else 0
    heads = [body[start : start + 4] for start in range(offset, len(body), 144)]
    assert (set(heads), offset + 144 * len(heads)) == ({b"\xff\xfb\x18\xc0"}, len(body))
    return len(heads)


def test_recordings_are_mp3() -> None:
    """Each call has its own recording, always the same: whole frames after an optional tag."""
    bodies = [mp3.recording(str(number), 3.6) for number in range(500)]
    assert ({frames(body) for body in bodies}, len(set(bodies))) == ({100}, 500)
    assert mp3.recording("7", 3.6) == bodies[7]


@pytest.fixture
def recording(api: PlainClient) -> tuple[str, bytes]:
    """Return the path and the bytes of a recording."""
    call_id, body = next(iter(api.fake.state.recordings.items()))
    return f"calltracking/call/{call_id}/file", body


async def test_download(api: PlainClient, recording: tuple[str, bytes]) -> None:
    """A recording has a Content-Length and the duration of the answered call; quirks change it."""
    path, body = recording
    call: Any = api.fake.state.calls.get(path.split("/")[2])
    response, received = await api.raw(path)
    assert frames(body) == round(call["answer_duration"] * 1000 / 36)
    assert (response.content_type, received) == ("audio/mpeg", body)
    assert response.headers["Content-Length"] == str(len(body))
    assert "Accept-Ranges" not in response.headers
    api.fake.quirks = quirks(recording_chunked=True, recording_type="application/x")
    response, received = await api.raw(path)
    assert (response.content_type, received) == ("application/x", body)
    assert response.headers["Transfer-Encoding"] == "chunked"


async def test_no_recording_is_empty(api: PlainClient) -> None:
    """A call without a recording is an empty 200, an unknown call a JSON error with status 200."""
    missed = next(row["id"] for row in api.fake.state.calls if row["status"] == "BUSY")
    path = f"calltracking/call/{missed}/file"
    response, body = await api.raw(path, headers={"Use-Http-Code": "1"}, verb="GET")
    assert (response.status, body) == (200, b"")
    response, body = await api.raw("calltracking/call/999/file")
    assert (response.status, json.loads(body)["error"]) == (200, "resource_not_found")
    state = FakeRoistat(calls=200).state
    answered = [row for row in state.calls if row["status"] == "ANSWER"]
    assert 0 < len(state.recordings) < len(answered)  # not every one has a recording, but a link
    assert all(row["link"] for row in answered)


async def test_range(api: PlainClient, recording: tuple[str, bytes]) -> None:
    """With the quirk, only a GET of an unchanged recording gets a range."""
    api.fake.quirks.recording_ranges = True
    path, body = recording
    whole, _ = await api.raw(path, verb="GET")
    ranged = {"Range": "bytes=100-", "If-Range": whole.headers["ETag"]}
    partial, tail = await api.raw(path, verb="GET", headers=ranged)
    stale, again = await api.raw(path, verb="GET", headers=ranged | {"If-Range": '"old"'})
    posted, full = await api.raw(path, headers=ranged)
    past_end, _ = await api.raw(path, verb="GET", headers={"Range": f"bytes={len(body)}-"})
    assert (partial.status, tail) == (206, body[100:])
    assert partial.headers["Content-Range"] == f"bytes 100-{len(body) - 1}/{len(body)}"
    assert (stale.status, again) == (posted.status, full) == (200, body)
    assert (past_end.status, past_end.headers["Content-Range"]) == (416, f"bytes */{len(body)}")


async def test_export(api: PlainClient) -> None:
    """The export is a valid .xls with the documented columns and a row for each call."""
    response, body = await api.raw(EXPORT, {"period": PERIOD})
    rows = CalamineWorkbook.from_filelike(io.BytesIO(body)).get_sheet_by_index(0).to_python()
    assert body.startswith(bytes.fromhex("d0cf11e0a1b11ae1"))
    assert (response.content_type, tuple(rows[0])) == ("application/vnd.ms-excel", xls.COLUMNS)
    assert [row[0] for row in rows[1:]] == [row["date"] for row in api.fake.state.calls]


def test_export_of_many_rows() -> None:
    """Rows that do not fit into a sheet continue on the next, below the same header."""
    body = xls.workbook([["x"]] * 25, rows_per_worksheet=10)
    book = CalamineWorkbook.from_filelike(io.BytesIO(body))
    heights = [len(book.get_sheet_by_name(name).to_python()) for name in book.sheet_names]
    assert heights == [11, 11, 6]


async def test_export_without_xlwt(api: PlainClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without xlwt the error names the extra to install."""
    monkeypatch.setitem(sys.modules, "xlwt", None)
    assert "roistat_async[testing]" in (await api(EXPORT, period=PERIOD))["description"]


@pytest.mark.parametrize("path", ["calltracking/data", EXPORT])
@pytest.mark.parametrize(
    "period", [None, "year", {"from": "2027-01-01"}, {"from": "2027-01-02", "to": "2027-01-01"}]
)
async def test_period_is_required(api: PlainClient, path: str, period: object) -> None:
    """A missing or invalid period is an incorrect request."""
    assert (await api(path, period=period))["error"] == "incorrect_request"


async def test_analytics_have_the_documented_keys(api: PlainClient) -> None:
    """The analytics have every key of the documented response."""
    expected = decoded("analytics.response")["data"]
    data = (await api("calltracking/data", period=PERIOD))["data"]
    assert data.keys() == expected.keys()
    assert [*data["period"].values()] == ["2025-12-31T21:00:00+0000", "2027-12-31T21:00:00+0000"]
    for part in [part for part, values in expected.items() if isinstance(values, list)]:
        assert data[part][0].keys() == expected[part][0].keys()


async def test_analytics_count_every_call(api: PlainClient) -> None:
    """Hours, days, channels and regions count every call of the period once."""
    data = (await api("calltracking/data", period=PERIOD))["data"]
    hours = data["hourlyWeeklyQuantity"]["byHours"]
    talked = sum(row["answer_duration"] for row in api.fake.state.calls)
    assert [row["hour"] for row in hours] == [f"{hour:02}" for hour in range(1, 25)]
    assert sum(row["success"] + row["missed"] for row in hours) == 49  # one call is ACTIVE
    assert len(data["hourlyWeeklyQuantity"]["byWeekdays"]) == 7
    assert data["hourlyWeeklyQuantity"]["total"] == 50
    for rows in (data["dailyQuantity"]["values"], data["markerQuantity"], data["regionQuantity"]):
        assert sum(row["value"] for row in rows) == 50
    others = data["markerQuantity"][5:]  # only five channels are named
    assert [(row["displayName"], row["systemName"]) for row in others] == [("Остальные", "Others")]
    assert data["dailyDuration"]["average"] == pytest.approx(talked / 60 / 50)


async def test_days_are_utc(api: PlainClient) -> None:
    """The documented period has 124 days, with both ends in UTC."""
    period = {"from": "2016-07-01T00:00:00+0300", "to": "2016-10-31T23:59:59+0300"}
    values = (await api("calltracking/data", period=period))["data"]["dailyQuantity"]["values"]
    assert (len(values), values[0]["date"]) == (124, "2016-06-30T00:00:00+0000")
