"""Who may ask, how often, and how a refusal looks."""

from __future__ import annotations

from typing import Literal

import pytest

from roistat_async.testing import FakeRoistat, Quirks

from .conftest import Plain

LIST = "calltracking/call/list"


async def test_an_error_is_http_200(ask: Plain) -> None:
    """An error says so only in its body, in Russian."""
    response, body = await ask.raw(LIST, {}, headers={"Api-key": "f" * 32})

    assert response.status == 200
    assert response.content_type == "application/json"
    assert body.startswith(b'{"status":"error","error":"authentication_failed","description":"')
    assert "Ошибка" in body.decode()


async def test_real_codes_on_request(ask: Plain) -> None:
    """Use-Http-Code: 1 brings the HTTP status."""
    response, _ = await ask.raw(LIST, {}, headers={"Api-key": "no", "Use-Http-Code": "1"})

    assert response.status == 401


async def test_key_in_the_query(ask: Plain) -> None:
    """The key is taken from ?key= as well."""
    response, _ = await ask.raw(LIST, {}, headers={"Api-key": ""}, query={"key": ask.fake.api_key})

    assert (await response.json())["status"] == "success"


@pytest.mark.parametrize("code", ["access_denied", "authentication_failed"])
async def test_foreign_project(
    ask: Plain, code: Literal["access_denied", "authentication_failed"]
) -> None:
    """A project of somebody else is refused with the code the quirk names."""
    ask.fake.quirks.wrong_project = code
    response, _ = await ask.raw(LIST, {}, query={"project": "999"})

    assert (await response.json())["error"] == code


async def test_no_project(ask: Plain) -> None:
    """The project number is required."""
    async with ask.session.post(
        f"{ask.fake.base_url}/project/{LIST}", headers={"Api-key": ask.fake.api_key}
    ) as response:
        assert (await response.json())["error"] == "incorrect_request"


async def test_unknown_method(ask: Plain) -> None:
    """A URL Roistat does not know is resource_not_found."""
    assert (await ask("integration/call/list"))["error"] == "resource_not_found"


async def test_body_that_is_no_json(ask: Plain) -> None:
    """Broken JSON is an incorrect request."""
    url = f"{ask.fake.base_url}/project/{LIST}?project={ask.fake.project}"
    async with ask.session.post(url, data=b"{", headers={"Api-key": ask.fake.api_key}) as response:
        assert (await response.json())["error"] == "incorrect_request"


async def test_get_where_the_page_allows_it(ask: Plain) -> None:
    """A list takes GET with its arguments in the query."""
    response, _ = await ask.raw(LIST, verb="GET", query={"limit": "3"})

    assert len((await response.json())["data"]) == 3


async def test_get_of_a_write(ask: Plain) -> None:
    """A create does not take GET."""
    response, _ = await ask.raw("phone-call", verb="GET")

    assert (await response.json())["error"] == "resource_not_found"


async def test_period_in_a_query(ask: Plain) -> None:
    """PHP's brackets carry a period by GET."""
    query = {"period[from]": "2026-01-01", "period[to]": "2028-01-01"}
    response, _ = await ask.raw("calltracking/data", verb="GET", query=query)

    assert (await response.json())["data"]["hourlyWeeklyQuantity"]["total"] == 50


async def test_projects_of_the_key(ask: Plain) -> None:
    """user/projects needs no project and names all of them."""
    ask.fake.add_project(678, calls=5)
    async with ask.session.get(
        f"{ask.fake.base_url}/user/projects", headers={"Api-key": ask.fake.api_key}
    ) as response:
        answer = await response.json()

    assert [one["id"] for one in answer["projects"]] == [12345, 678]


async def test_second_project(ask: Plain) -> None:
    """One key opens every project, each with calls of its own."""
    ask.fake.add_project(678, calls=5)
    response, _ = await ask.raw(LIST, {}, query={"project": "678"})

    assert (await response.json())["total"] == 5


async def test_ten_a_second(ask: Plain) -> None:
    """The eleventh request of a second is refused and is not counted itself."""
    now = 1_800_000_000.0
    ask.fake.clock = lambda: now
    ask.fake.quirks.rate_per_second = 10
    answers = [await ask(LIST, limit=1) for _ in range(12)]
    now += 1.0
    later = await ask(LIST, limit=1)

    assert [one["status"] for one in answers] == ["success"] * 10 + ["error"] * 2
    assert answers[-1]["error"] == "request_limit_error"
    assert later["status"] == "success"


async def test_limit_of_the_hour(ask: Plain) -> None:
    """The hourly limit holds until the hour has passed."""
    now = 1_800_000_000.0
    ask.fake.clock = lambda: now
    ask.fake.quirks.rate_per_hour = 2
    answers = [(await ask(LIST, limit=1))["status"] for _ in range(3)]
    now += 3600
    answers.append((await ask(LIST, limit=1))["status"])

    assert answers == ["success", "success", "error", "success"]


async def test_limit_with_real_code(ask: Plain) -> None:
    """A limited request answers 429 and the Retry-After of the quirk."""
    ask.fake.quirks = Quirks(rate_per_second=0, retry_after="7")
    response, _ = await ask.raw(LIST, {}, headers={"Use-Http-Code": "1"})

    assert response.status == 429
    assert response.headers["Retry-After"] == "7"


async def test_limited_write_did_not_happen(ask: Plain) -> None:
    """The limiter answers before anything is touched."""
    ask.fake.quirks = Quirks(rate_per_second=0)
    await ask("calltracking/phone/create", phones=["74950000100"])

    assert len(ask.fake.state.phones) == 7


async def test_date_header_follows_the_clock(ask: Plain) -> None:
    """The Date header is the injected clock's."""
    response, _ = await ask.raw(LIST, {})

    assert response.headers["Date"] == "Fri, 15 Jan 2027 08:00:00 GMT"


async def test_requests_are_recorded(ask: Plain) -> None:
    """What arrived can be read back."""
    await ask(LIST, limit=1)
    (seen,) = ask.fake.requests

    assert (seen.method, seen.path) == ("POST", "/api/v1/project/calltracking/call/list")
    assert (seen.project, seen.body, seen.query["project"]) == (12345, {"limit": 1}, "12345")
    assert seen.headers["api-key"] == ask.fake.api_key
    assert seen.port > 0


async def test_gzip_when_asked(ask: Plain) -> None:
    """JSON is compressed only with the quirk on and a client that accepts it."""
    plain, body = await ask.raw(LIST, {}, headers={"Accept-Encoding": "gzip"})
    ask.fake.quirks.gzip = True
    packed, same = await ask.raw(LIST, {}, headers={"Accept-Encoding": "gzip"})

    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert body == same


async def test_hook_sees_a_request_before_its_answer(ask: Plain) -> None:
    """A call added by the hook is in the very answer."""
    ask.fake.on_request = lambda _: ask.fake.state.add_call(id="777")

    assert (await ask.ids(limit=1)) == ["777"]


async def test_restart_on_the_same_port() -> None:
    """A fake that was stopped can be started again where it was."""
    fake = FakeRoistat(calls=1)
    await fake.start()
    before = fake.base_url
    await fake.stop()
    await fake.start()
    await fake.stop()

    assert fake.base_url == before


def test_repr_hides_the_key() -> None:
    """The key is in no repr."""
    fake = FakeRoistat(calls=1)

    assert fake.api_key not in repr(fake)
