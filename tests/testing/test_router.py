"""Authentication, rate limits, routes and errors of the fake server."""

from __future__ import annotations

from typing import Any

import pytest

from roistat_async.testing import FakeRoistat, Quirks

from .conftest import LIST, NOON, PlainClient


@pytest.mark.parametrize(
    ("headers", "status"), [({}, 200), ({"Use-Http-Code": "0"}, 200), ({"Use-Http-Code": "1"}, 401)]
)
async def test_status_of_an_error(api: PlainClient, headers: dict[str, str], status: int) -> None:
    """An error has a Russian description in its body, and its HTTP status only on request."""
    response, body = await api.raw(LIST, {}, headers={"Api-key": "f" * 32, **headers})
    assert (response.status, response.content_type) == (status, "application/json")
    assert body.startswith(b'{"status":"error","error":"authentication_failed","description":"')
    assert "Ошибка" in body.decode()


@pytest.mark.parametrize("code", ["access_denied", "authentication_failed"])
async def test_unknown_project(api: PlainClient, code: Any) -> None:
    """An unknown project is an error with the code of the quirk."""
    api.fake.quirks.wrong_project = code
    assert (await api.json(LIST, {}, query={"project": "999"}))["error"] == code


@pytest.mark.parametrize(
    ("path", "arguments", "error"),
    [
        (LIST, {"query": {"project": None}}, "incorrect_request"),
        ("integration/call/list", {}, "resource_not_found"),
        ("phone-call", {"verb": "GET"}, "resource_not_found"),
        (LIST, {"data": b"{"}, "incorrect_request"),
    ],
    ids=["no project", "unknown path", "GET of a write", "invalid JSON"],
)
async def test_refused(api: PlainClient, path: str, arguments: Any, error: str) -> None:
    """A request that Roistat does not understand is an error."""
    assert (await api.json(path, **arguments))["error"] == error


async def test_get(api: PlainClient) -> None:
    """A read accepts GET, with key and arguments in the query as PHP parses them."""
    query = {"limit": "3", "key": api.fake.api_key}
    listed = await api.json(LIST, verb="GET", query=query, headers={"Api-key": ""})
    query = {"period[from]": "2026-01-01", "period[to]": "2028-01-01"}
    analytics = await api.json("calltracking/data", verb="GET", query=query)
    assert (len(listed["data"]), analytics["data"]["hourlyWeeklyQuantity"]["total"]) == (3, 50)


@pytest.mark.parametrize("status", [None, ""])
async def test_analytics_of_calls_without_a_status(api: PlainClient, status: str | None) -> None:
    """They are neither answered nor missed, but count as calls."""
    for row in list(api.fake.state.calls):
        api.fake.state.edit_call(row["id"], status=status)
    period = {"from": "2026-01-01", "to": "2028-01-01"}
    sums = (await api.json("calltracking/data", {"period": period}))["data"]
    hours = sums["hourlyWeeklyQuantity"]["byHours"]
    assert {(hour["success"], hour["missed"]) for hour in hours} == {(0, 0)}
    assert sums["hourlyWeeklyQuantity"]["total"] == 50


@pytest.mark.parametrize(
    ("quirk", "limit", "seconds"), [("rate_per_second", 10, 1), ("rate_per_hour", 2, 3600)]
)
async def test_limits(api: PlainClient, quirk: str, limit: int, seconds: int) -> None:
    """Requests beyond a limit are refused and not counted, until its time has passed."""
    setattr(api.fake.quirks, quirk, limit)
    results = [await api(LIST, limit=1) for _ in range(limit + 2)]
    api.fake.clock = lambda: NOON + seconds
    results.append(await api(LIST, limit=1))
    codes = [result.get("error", "success") for result in results]
    assert codes == ["success"] * limit + ["request_limit_error"] * 2 + ["success"]


async def test_refusal_by_the_limit(api: PlainClient) -> None:
    """It has status 429 and the Retry-After of the quirk, and a write has no effect."""
    api.fake.quirks = Quirks(rate_per_second=0, retry_after="7")
    phones = {"phones": ["74950000100"]}
    path = "calltracking/phone/create"
    response, _ = await api.raw(path, phones, headers={"Use-Http-Code": "1"})
    assert (response.status, response.headers["Retry-After"]) == (429, "7")
    assert len(api.fake.state.phones) == 7


async def test_requests_are_recorded(api: PlainClient) -> None:
    """Each request is recorded with all its properties; the Date header is that of the clock."""
    response, _ = await api.raw(LIST, {"limit": 1})
    (request,) = api.fake.requests
    assert (request.method, request.path) == ("POST", "/api/v1/project/calltracking/call/list")
    assert (request.project, request.body) == (12345, {"limit": 1})
    assert (request.query["project"], request.headers["api-key"]) == ("12345", api.fake.api_key)
    assert request.port > 0
    assert response.headers["Date"] == "Fri, 15 Jan 2027 08:00:00 GMT"


async def test_gzip_needs_accept_encoding(api: PlainClient) -> None:
    """JSON is compressed only with the quirk and for a client that accepts it."""
    plain, body = await api.raw(LIST, {}, headers={"Accept-Encoding": "gzip"})
    api.fake.quirks.gzip = True
    packed, same = await api.raw(LIST, {}, headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in plain.headers
    assert (packed.headers["Content-Encoding"], body) == ("gzip", same)


async def test_restart_on_the_same_port() -> None:
    """A stopped server starts again on the same port; its repr does not contain the key."""
    fake = FakeRoistat(calls=1)
    async with fake:
        before = fake.base_url
    async with fake:
        assert fake.base_url == before
    assert fake.api_key not in repr(fake)
