"""Any response gives a value that can be encoded, or an error of ours that does not show it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from attrs import asdict
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from roistat_async import Period, RetryPolicy, Roistat, errors
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
    max_examples=30,
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
KEYS = ["status", "data", "total", "error", "description", "message", "details", "phoneCall"]
# Without the marker: what Roistat describes an error with is shown.
ENVELOPES = st.builds(
    lambda envelope, status: {**envelope, "status": status} if status else envelope,
    st.dictionaries(st.sampled_from([*KEYS, "new"]), json_of(st.text(max_size=12)), max_size=5),
    st.sampled_from(["success", "success", "error", None]),
)
DAY = Period.last(days=1)


async def run_every_operation(roistat: Roistat) -> None:
    """Request in every way; results can be encoded, and errors are ours."""
    operations: dict[str, Callable[[], Any]] = {
        "calls": lambda: roistat.calls.list(limit=3, prefetch=0).collect(),
        "skipping": lambda: roistat.calls.list(limit=3, on_bad_record="skip").collect(),
        "phones": lambda: roistat.phones.list(limit=3).collect(),
        "scripts": roistat.scripts.list,
        "analytics": lambda: roistat.analytics.get(DAY),
        "create": lambda: create(roistat),
        "change": lambda: change(roistat),
    }
    for name, call in operations.items():
        result = None  # a traceback shows local variables, this one too
        try:
            result = await call()
        except errors.RoistatError as error:
            check(error)
        except AssertionError:
            assert name == "create"  # another comment came back than was sent: no matter here
        else:
            repr(result).encode()
            for call in result if isinstance(result, list) else []:
                json.dumps(asdict(call), default=str, ensure_ascii=False).encode()


def send_to_client(response: SimulatedResponse) -> None:
    """Send a client a response again and again, without sockets."""

    async def always(_: Any, sent: Callable[[], None]) -> SimulatedResponse:
        sent()
        return response

    async def main() -> None:
        policy = RetryPolicy(max_attempts=2)
        async with simulated(SimulatedTransport(always), JumpingClock().clock, policy) as roistat:
            await run_every_operation(roistat)

    asyncio.run(main())


def encoded(value: Any) -> bytes:
    """Encode as JSON; NaN and lone surrogates as PHP never would."""
    return json.dumps(value).encode()


def body_of_success(rows: list[Any], total: Any) -> bytes:
    """Return a successful response with these rows."""
    first = rows[0] if rows else None
    return encoded({"status": "success", "data": rows, "total": total, "phoneCall": first})


def damaged(name: str, random: Random) -> bytes:
    """Return a response of the vendor's page, cut, with bytes changed or moved."""
    body = bytearray((api_doc.FOLDER / name).read_bytes())
    for _ in range(random.randint(1, 4)):
        offset = random.randrange(len(body))
        body[offset : offset + random.randint(0, 3)] = random.choice(
            [b"", b'"', b"[", b"}", b"\\", b"\xff", b"9" * 30, b"null", b"\\ud800", b",,"]
        )
    return bytes(body[: random.choice([None, random.randrange(len(body))])])


FIELDS = st.sampled_from([*call_row(1), "visit", "order", "tags", "link", "duration"])
BODIES: dict[str, st.SearchStrategy[bytes]] = {
    "bytes": st.binary(max_size=60),
    "JSON": JSON.map(encoded),
    "envelope": ENVELOPES.map(encoded),
    "rows": st.builds(body_of_success, st.lists(CALLS | JSON, max_size=4), JSON),
    "field": st.builds(
        lambda name, value: body_of_success([call_row(1, **{name: value})], 1), FIELDS, JSON
    ),
    "damage": st.builds(damaged, st.sampled_from(api_doc.BODIES), st.randoms()),
}


@pytest.mark.parametrize("kind", BODIES)
@MANY
@given(data=st.data(), status=st.sampled_from([200, 200, 204, 206, 400, 401, 429, 500]))
def test_any_body(kind: str, data: st.DataObject, status: int) -> None:
    """Any body gives a value that can be encoded, or an error that does not show it."""
    send_to_client(SimulatedResponse(data.draw(BODIES[kind]), status))


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
def test_any_headers(headers: list[tuple[str, str]], status: str) -> None:
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

    asyncio.run(main())
