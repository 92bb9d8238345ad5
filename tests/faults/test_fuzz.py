"""Any response gives a value that can be encoded, or an error of ours that does not show it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import pytest
from attrs import asdict
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from roistat_async import Call, Period, RetryPolicy, Roistat, errors
from tests.faults.fault_case import change, create, read
from tests.faults.secrets import MARKER, check
from tests.faults.simulated import SimulatedResponse, SimulatedTransport, simulated
from tests.helpers import api_doc
from tests.helpers.clients import QUICK, client
from tests.helpers.clock import JumpingClock
from tests.helpers.fault_server import call_row, sends
from tests.helpers.raw_server import RawServer, answer
from tests.helpers.strategies import CALLS

# The same examples in every run; others, and more, by a larger max_examples without derandomize.
MANY = settings(
    max_examples=120,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
# One that shows what it was made of: nothing of it may be seen in an error.
TEXT = st.text(max_size=12).map(lambda text: text + MARKER) | st.text(max_size=12)
NUMBERS = st.integers() | st.floats() | st.integers(-(2**70), 2**70)


def json_of(text: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    """Draw JSON of any shape whose texts are of this kind."""
    return st.recursive(
        st.none() | st.booleans() | NUMBERS | text,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
        max_leaves=12,
    )


JSON = json_of(TEXT)
PLACES = ["status", "data", "total", "error", "description", "message", "details", "phoneCall"]
# Without the marker: what Roistat describes an error with is shown.
ENVELOPES = st.dictionaries(
    st.sampled_from([*PLACES, "new"]), json_of(st.text(max_size=12)), max_size=5
)
DAY = Period.last(days=1)


def told(body: bytes, status: int = 200, **headers: str) -> SimulatedResponse:
    return SimulatedResponse(
        body, status, {name.replace("_", "-"): text for name, text in headers.items()}
    )


async def look(roistat: Roistat) -> None:
    """Request in every way; results can be encoded, and errors are ours."""
    ask: dict[str, Callable[[], Any]] = {
        "calls": lambda: roistat.calls.list(limit=3, prefetch=0).collect(),
        "skipping": lambda: roistat.calls.list(limit=3, on_bad_record="skip").collect(),
        "phones": lambda: roistat.phones.list(limit=3).collect(),
        "scripts": roistat.scripts.list,
        "analytics": lambda: roistat.analytics.get(DAY),
        "create": lambda: create(roistat),
        "change": lambda: change(roistat),
    }
    for name, call in ask.items():
        found = None  # a traceback shows local variables, this one too
        try:
            found = await call()
        except errors.RoistatError as error:
            check(error)
        except AssertionError:
            assert name == "create"  # another comment came back than was sent: no matter here
        else:
            repr(found).encode()
            written(found)


def written(found: Any) -> None:
    """Check that every text of a result can be encoded."""
    if isinstance(found, list):
        for call in found:
            written(call)
    elif isinstance(found, Call):
        json.dumps(asdict(found), default=str, ensure_ascii=False).encode()


def meet(answer: SimulatedResponse) -> None:
    """Let a client meet an answer, again and again, without sockets."""

    async def always(_: Any, sent: Callable[[], None]) -> SimulatedResponse:
        sent()
        return answer

    async def main() -> None:
        policy = RetryPolicy(max_attempts=2)
        async with simulated(SimulatedTransport(always), JumpingClock().clock, policy) as roistat:
            await look(roistat)

    asyncio.run(main())


def dumped(value: Any) -> bytes:
    """Spell as JSON; NaN and lone surrogates as PHP never would."""
    return json.dumps(value).encode()


@MANY
@given(st.binary(max_size=60), st.sampled_from([200, 200, 204, 206, 400, 429, 500]))
def test_any_bytes(body: bytes, status: int) -> None:
    """No JSON at all."""
    meet(told(body, status))


@MANY
@given(JSON, st.sampled_from([200, 200, 400, 401, 429, 500]))
def test_any_json(value: Any, status: int) -> None:
    """JSON of any shape."""
    meet(told(dumped(value), status))


@MANY
@given(ENVELOPES, st.sampled_from(["success", "success", "error", None]))
def test_any_envelope(envelope: dict[str, Any], status: str | None) -> None:
    """Roistat's own keys with anything in them."""
    meet(told(dumped({**envelope, "status": status} if status else envelope)))


@MANY
@given(st.lists(CALLS | JSON, max_size=4), JSON)
def test_any_rows(rows: list[Any], total: Any) -> None:
    """Rows as Roistat may spell them, and things that are none."""
    meet(told(dumped({"status": "success", "data": rows, "total": total, "phoneCall": rows[:1]})))


@MANY
@given(st.sampled_from([*call_row(1), "visit", "order", "tags", "link", "duration"]), JSON)
def test_any_field(name: str, value: Any) -> None:
    """One field of a sound call with anything in it."""
    row = call_row(1, **{name: value})
    meet(told(dumped({"status": "success", "data": [row], "phoneCall": row})))


@MANY
@given(st.sampled_from(api_doc.BODIES), st.randoms(use_true_random=False))
def test_any_damage(name: str, random: Random) -> None:
    """Answers of the vendor's page, cut, with bytes changed or moved."""
    body = bytearray((api_doc.FOLDER / name).read_bytes())
    for _ in range(random.randint(1, 4)):
        place = random.randrange(len(body))
        body[place : place + random.randint(0, 3)] = random.choice(
            [b"", b'"', b"[", b"}", b"\\", b"\xff", b"9" * 30, b"null", b"\\ud800", b",,"]
        )
    meet(told(bytes(body[: random.choice([None, random.randrange(len(body))])])))


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    """Return an event loop for all examples."""
    with asyncio.Runner() as runner:
        yield runner


HEADER = st.text(st.characters(codec="latin-1", exclude_characters="\r\n"), max_size=20)
NAMES = st.sampled_from(
    [
        "Content-Type", "Content-Encoding", "Transfer-Encoding", "Content-Length", "Connection",
        "Retry-After", "Date", "Location", "Set-Cookie", "Trailer", "Upgrade", "X", "", " ", ":",
    ]
)  # fmt: skip
STATUS = st.sampled_from(["200 OK", "200", "204 No", "301 Go", "429 No", "500 x", "101 Up", "0 x"])


@MANY
@given(st.lists(st.tuples(NAMES | HEADER, HEADER), max_size=4), STATUS | HEADER)
def test_any_headers(runner: asyncio.Runner, headers: list[tuple[str, str]], status: str) -> None:
    """A head of any shape, byte for byte from a real server."""
    lines = [f"HTTP/1.1 {status}", *[f"{name}: {value}" for name, value in headers], "", ""]
    data = "\r\n".join(lines).encode("latin-1") + answer().partition(b"\r\n\r\n")[2]

    async def main() -> None:
        async with (
            RawServer(sends(data)) as server,
            client(server.base_url, timeouts=QUICK) as roistat,
        ):
            for act in (roistat.scripts.list, lambda: read(roistat), lambda: change(roistat)):
                with contextlib.suppress(errors.RoistatError, AssertionError):
                    await act()

    runner.run(main())


def made_up(random: Random) -> str:
    """Make up a Retry-After of the pieces that dates and numbers are made of."""
    pieces = [
        "Fri", "Mon,", " ", "01", "99", "May", "Foo", "2026", "99999", "25:61:61", "12:00:00",
        "GMT", "+9999", "-0000", "EST", ":", ",", "-", "\x00", "٣", "1e3", "(", '"', "\\", "121",
        "120", "0", "inf", "nan", "9" * 11,
    ]  # fmt: skip
    return random.choice(["", " "]).join(random.choices(pieces, k=random.randrange(9)))


@pytest.mark.parametrize("status", [429, 503])
def test_h3_ten_thousand_wishes(status: int) -> None:
    """Whatever stands in Retry-After and Date: no exception but ours, no sleep above the cap."""
    random, clock = Random(20260501), JumpingClock()
    body = dumped({"status": "error", "error": "request_limit_error"}) if status == 429 else b""

    async def wish(_: Any, sent: Callable[[], None]) -> SimulatedResponse:
        sent()
        return told(body, status, Retry_After=made_up(random), Date=made_up(random))

    async def main() -> None:
        policy = RetryPolicy(max_attempts=2, deadline=1e9)
        http = SimulatedTransport(wish)
        async with simulated(http, clock.clock, policy) as roistat:
            while http.requests < 10_000:
                roistat._api.budget.left = roistat._api.budget.capacity
                with pytest.raises(errors.RateLimitError if status == 429 else errors.ServerError):
                    await roistat.scripts.list()

    asyncio.run(main())
    assert len(clock.slept) > 1000
    assert 0 <= min(clock.slept) <= max(clock.slept) <= 120
