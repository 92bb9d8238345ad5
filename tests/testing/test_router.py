"""Tests of authentication, rate limits, routes and errors of the fake server."""

from __future__ import annotations

from typing import Literal

import pytest

from roistat_async.testing import FakeRoistat, Quirks

from .conftest import PlainClient

LIST = "calltracking/call/list"


async def test_error_has_status_200(api: PlainClient) -> None:
    """An error has status 200 and a Russian description in its body."""
    response, body = await api.raw(LIST, {}, headers={"Api-key": "f" * 32})

    assert response.status == 200
    assert response.content_type == "application/json"
    assert body.startswith(b'{"status":"error","error":"authentication_failed","description":"')
    assert "Ошибка" in body.decode()


async def test_real_codes_on_request(api: PlainClient) -> None:
    """With `Use-Http-Code: 1` an error has its HTTP status."""
    response, _ = await api.raw(LIST, {}, headers={"Api-key": "no", "Use-Http-Code": "1"})

    assert response.status == 401


async def test_key_in_the_query(api: PlainClient) -> None:
    """The key may be in the query."""
    response, _ = await api.raw(LIST, {}, headers={"Api-key": ""}, query={"key": api.fake.api_key})

    assert (await response.json())["status"] == "success"


@pytest.mark.parametrize("code", ["access_denied", "authentication_failed"])
async def test_unknown_project(
    api: PlainClient, code: Literal["access_denied", "authentication_failed"]
) -> None:
    """An unknown project is an error with the code of the quirk."""
    api.fake.quirks.wrong_project = code
    response, _ = await api.raw(LIST, {}, query={"project": "999"})

    assert (await response.json())["error"] == code


async def test_no_project(api: PlainClient) -> None:
    """A request without a project is incorrect."""
    async with api.session.post(
        f"{api.fake.base_url}/project/{LIST}", headers={"Api-key": api.fake.api_key}
    ) as response:
        assert (await response.json())["error"] == "incorrect_request"


async def test_unknown_path(api: PlainClient) -> None:
    """An unknown path is resource_not_found."""
    assert (await api("integration/call/list"))["error"] == "resource_not_found"


async def test_invalid_json(api: PlainClient) -> None:
    """Invalid JSON is an incorrect request."""
    url = f"{api.fake.base_url}/project/{LIST}?project={api.fake.project}"
    async with api.session.post(url, data=b"{", headers={"Api-key": api.fake.api_key}) as response:
        assert (await response.json())["error"] == "incorrect_request"


async def test_get_of_a_list(api: PlainClient) -> None:
    """A list accepts GET with its arguments in the query."""
    response, _ = await api.raw(LIST, verb="GET", query={"limit": "3"})

    assert len((await response.json())["data"]) == 3


async def test_get_of_a_write(api: PlainClient) -> None:
    """A create refuses GET."""
    response, _ = await api.raw("phone-call", verb="GET")

    assert (await response.json())["error"] == "resource_not_found"


async def test_period_in_a_query(api: PlainClient) -> None:
    """A GET has its period in brackets, as PHP parses them."""
    query = {"period[from]": "2026-01-01", "period[to]": "2028-01-01"}
    response, _ = await api.raw("calltracking/data", verb="GET", query=query)

    assert (await response.json())["data"]["hourlyWeeklyQuantity"]["total"] == 50


async def test_projects_of_the_key(api: PlainClient) -> None:
    """user/projects needs no project and lists all of them."""
    api.fake.add_project(678, calls=5)
    async with api.session.get(
        f"{api.fake.base_url}/user/projects", headers={"Api-key": api.fake.api_key}
    ) as response:
        result = await response.json()

    assert [project["id"] for project in result["projects"]] == [12345, 678]


async def test_second_project(api: PlainClient) -> None:
    """One key is valid for every project, each with its own calls."""
    api.fake.add_project(678, calls=5)
    response, _ = await api.raw(LIST, {}, query={"project": "678"})

    assert (await response.json())["total"] == 5


async def test_ten_a_second(api: PlainClient) -> None:
    """The eleventh request of a second is refused and not counted."""
    now = 1_800_000_000.0
    api.fake.clock = lambda: now
    api.fake.quirks.rate_per_second = 10
    results = [await api(LIST, limit=1) for _ in range(12)]
    now += 1.0
    later = await api(LIST, limit=1)

    assert [result["status"] for result in results] == ["success"] * 10 + ["error"] * 2
    assert results[-1]["error"] == "request_limit_error"
    assert later["status"] == "success"


async def test_limit_of_the_hour(api: PlainClient) -> None:
    """The hourly limit lasts until the hour has passed."""
    now = 1_800_000_000.0
    api.fake.clock = lambda: now
    api.fake.quirks.rate_per_hour = 2
    results = [(await api(LIST, limit=1))["status"] for _ in range(3)]
    now += 3600
    results.append((await api(LIST, limit=1))["status"])

    assert results == ["success", "success", "error", "success"]


async def test_limit_with_real_code(api: PlainClient) -> None:
    """A limited request has status 429 and the Retry-After of the quirk."""
    api.fake.quirks = Quirks(rate_per_second=0, retry_after="7")
    response, _ = await api.raw(LIST, {}, headers={"Use-Http-Code": "1"})

    assert response.status == 429
    assert response.headers["Retry-After"] == "7"


async def test_limited_write_has_no_effect(api: PlainClient) -> None:
    """A write beyond the limit has no effect."""
    api.fake.quirks = Quirks(rate_per_second=0)
    await api("calltracking/phone/create", phones=["74950000100"])

    assert len(api.fake.state.phones) == 7


async def test_date_header_follows_the_clock(api: PlainClient) -> None:
    """The Date header has the time of the injected clock."""
    response, _ = await api.raw(LIST, {})

    assert response.headers["Date"] == "Fri, 15 Jan 2027 08:00:00 GMT"


async def test_requests_are_recorded(api: PlainClient) -> None:
    """Each request is recorded with all its properties."""
    await api(LIST, limit=1)
    (request,) = api.fake.requests

    assert (request.method, request.path) == ("POST", "/api/v1/project/calltracking/call/list")
    assert (request.project, request.body, request.query["project"]) == (
        12345,
        {"limit": 1},
        "12345",
    )
    assert request.headers["api-key"] == api.fake.api_key
    assert request.port > 0


async def test_gzip_needs_accept_encoding(api: PlainClient) -> None:
    """JSON is compressed only with the quirk and for a client that accepts it."""
    plain, body = await api.raw(LIST, {}, headers={"Accept-Encoding": "gzip"})
    api.fake.quirks.gzip = True
    packed, same = await api.raw(LIST, {}, headers={"Accept-Encoding": "gzip"})

    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert body == same


async def test_hook_runs_before_the_response(api: PlainClient) -> None:
    """A call that the hook adds is in the response to the same request."""
    api.fake.on_request = lambda _: api.fake.state.add_call(id="777")

    assert (await api.ids(limit=1)) == ["777"]


async def test_restart_on_the_same_port() -> None:
    """A stopped server starts again on the same port."""
    fake = FakeRoistat(calls=1)
    await fake.start()
    before = fake.base_url
    await fake.stop()
    await fake.start()
    await fake.stop()

    assert fake.base_url == before


def test_repr_hides_the_key() -> None:
    """The repr of the server does not contain the key."""
    fake = FakeRoistat(calls=1)

    assert fake.api_key not in repr(fake)
