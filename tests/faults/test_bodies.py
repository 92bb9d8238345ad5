"""Rows J: the content of a body that arrived whole; how bodies arrive is in fault_rows."""

from __future__ import annotations

import asyncio
import gc
import json
import re
import time
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from multiprocessing.connection import Connection as Pipe
from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest
from attrs import field, frozen

from roistat_async import Call, errors
from tests.faults.fault_case import create, failure
from tests.faults.secrets import PHONE, SECRET_TEXT, check
from tests.helpers import forked
from tests.helpers.clients import client
from tests.helpers.fault_server import FaultServer, call_row, sends, true_answer
from tests.helpers.raw_server import Connection, answer

pytestmark = pytest.mark.usefixtures("nothing_left")
WORDS = "Звонок"


def spelled(**fields: object) -> str:
    """Encode a call with a few changed fields."""
    return json.dumps(call_row(1, **{"comment": WORDS, **fields}), ensure_ascii=False)


def rows(*texts: str) -> bytes:
    """Encode a response whose rows are these texts."""
    return f'{{"status": "success", "data": [{", ".join(texts)}], "total": 1}}'.encode()


def with_text(name: str, text: str) -> bytes:
    """Encode a response whose row has a field of exactly this text."""
    return rows(spelled(**{name: "@"}).replace('"@"', text))


@frozen
class Refused:
    """Body that is refused, with the path and the words of the error; never with its values."""

    number: str
    what: str = field(repr=False)  # a traceback shows local variables, and so this row
    body: bytes = field(repr=False)
    path: str = r"\$"
    says: str = "not a JSON object"
    kind: type[errors.RoistatError] = errors.MalformedResponseError


@frozen
class Read:
    """Body that is read, and the value that is checked."""

    number: str
    what: str
    body: bytes
    look: Callable[[Call], Any]
    expected: Any
    label: str = "application/json"


def case_id(body: Refused | Read) -> str:
    return f"{body.number} {body.what[:20]}"


_TEXT = SECRET_TEXT.decode()
_NO_NUMBERS: list[object] = [1.9, True, "1.9", "٣", "7_0", "1e3", "+1", _TEXT, [1], {}]
_FIRST = r"\$\.data\[0\]"
_COMMENT: Callable[[Call], Any] = lambda call: call.comment  # noqa: E731  # the lambda has a type
_ODD_DURATION: Callable[[Call], Any] = lambda call: (call.duration, call.extra.get("duration"))  # noqa: E731  # the lambda has a type
_PLAIN = rows(spelled())


def said(status: object, **fields: object) -> bytes:
    """Encode a response with a further member."""
    return json.dumps({"status": status, "data": [], "total": 0, **fields}).encode()


def wrong(number: str, what: str, name: str, value: object) -> Refused:
    """Body with a field that cannot be read."""
    return Refused(number, what, rows(spelled(**{name: value})), rf"{_FIRST}\.{name}", "")


REFUSED = [
    Refused("J3", "error", said("error", error="x_error"), kind=errors.APIError, says="x_error"),
    Refused("J3", "no status", b'{"data": []}', r"\$\.status", "success"),
    *[
        Refused("J3", f"status {status}", said(status), r"\$\.status", "success")
        for status in ("Success", "Error", "", True, None, 1, ["success"])
    ],
    Refused("J3", "success and error", said("success", error="x"), r"\$\.status", "success"),
    Refused("J3", "error that is an object", said("error", error={"a": _TEXT}), r"\$\.error", ""),
    Refused("J3", "error without a word", said("error"), r"\$\.error", "without a code"),
    Refused("J14", "nested", with_text("tags", "[" * 100_000 + "]" * 100_000), "", ""),
    Refused("J14", "nested, new", with_text("new", "[" * 100_000 + "]" * 100_000), "", ""),
    Refused("J14", "nested, envelope", b'{"status": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
    Refused("J14", "unclosed", b"[" * 100_000),
    *[wrong("J20", name, name, None) for name in ("id", "date")],
    Refused("J23", "text for data", said("success", data=_TEXT), r"\$\.data", "expected a list"),
    Refused("J23", "row that is a list", rows("[1]"), _FIRST, "expected an object"),
    *[
        wrong("J25", text or "no date", "date", text)
        for text in ("", "0000-00-00", "yesterday", "2026-02-30", "2026-13-01", _TEXT)
    ],
]
HUGE = 2**64 + 12345
_DATE = datetime(2026, 5, 1, 9, 30, tzinfo=UTC)
READ = [
    Read("J2", "as text/html", _PLAIN, _COMMENT, WORDS, "text/html"),
    Read("J2", "without a label", _PLAIN, _COMMENT, WORDS, ""),
    Read("J5", "BOM", b"\n\xef\xbb\xbf " + _PLAIN + b" \f", _COMMENT, WORDS),
    Read("J6", "windows-1251", _PLAIN, _COMMENT, WORDS, "application/json; charset=windows-1251"),
    Read("J7", "cp1251", _PLAIN.decode().encode("cp1251"), _COMMENT, "\ufffd" * len(WORDS)),
    Read("J7", "utf-16", _PLAIN.decode().encode("utf-16"), _COMMENT, WORDS),
    *[
        Read("J8", name, _PLAIN, _COMMENT, WORDS, f"application/json; charset={name}")
        for name in ("hex", "undefined", "bogus", "rot13", '"')
    ],
    *[
        Read(row, f"{text[:9]} as {name}", with_text(name, text), attrgetter(name), None)
        for row, text in [("J9", "NaN"), ("J9", "-Infinity"), ("J9", "1e999"), ("J11", "9" * 5000)]
        for name in ("duration", "comment")
    ],
    Read("J9", "1e999, new", with_text("new", "1e999"), lambda call: call.extra, {"new": None}),
    Read("J12", "id", with_text("id", str(HUGE)), lambda call: call.id, str(HUGE)),
    Read("J12", "visit", with_text("visit_id", str(HUGE)), lambda call: call.visit_id, str(HUGE)),
    *[
        Read("J39", repr(c), rows(spelled().replace(WORDS, f"a{c}b")), _COMMENT, f"a{c}b")
        for c in "\0\x01\n\t"
    ],
    Read("J13", "high", with_text("comment", r'"a\ud800b"'), _COMMENT, "a\ufffdb"),
    Read("J13", "low", with_text("comment", r'"\udfff"'), _COMMENT, "\ufffd"),
    Read("J13", "pair", with_text("comment", r'"\ud83d\ude00"'), _COMMENT, "\U0001f600"),
    Read("J19", "status", rows(spelled(status="ASLEEP")), lambda call: call.status, "ASLEEP"),
    Read("J20", "text", rows(spelled(comment=None)), _COMMENT, None),
    Read("J21", "as text", rows(spelled(duration="12")), lambda call: call.duration, 12),
    Read("J21", "empty", rows(spelled(duration="")), lambda call: call.duration, None),
    *[
        Read("J21", f"{value!r}", rows(spelled(duration=value)), _ODD_DURATION, (None, value))
        for value in _NO_NUMBERS
    ],
    Read("J23", "{} for a status", rows(spelled(status={})), lambda call: call.status, None),
    Read("J23", "list for an object", rows(spelled(visit=[1])), lambda call: call.visit, None),
    Read("J23", "[] for a visit", rows(spelled(visit=[])), lambda call: call.visit, None),
    Read("J23", "[] for tags", rows(spelled(tags=[])), lambda call: call.tags, {}),
    Read("J24", "row", rows(spelled(new={"a": 1})), lambda call: call.extra, {"new": {"a": 1}}),
    *[
        Read("J25", text, rows(spelled(date=text)), lambda call: call.date, _DATE)
        for text in (
            "2026-05-01T09:30:00+0000", "2026-05-01T12:30:00+03:00", "2026-05-01T09:30:00Z",
            "2026-05-01T09:30:00.000Z", "2026-05-01T09:30:00", "2026-05-01 09:30:00",
        )
    ],
]  # fmt: skip


@pytest.mark.parametrize("body", REFUSED, ids=case_id)
async def test_a_body_is_refused(body: Refused) -> None:
    """A refused body is named by class, path and words, and its value is shown nowhere."""
    fault = sends(answer(body.body), end="serve")
    async with FaultServer(fault) as server, client(server.base_url) as roistat:
        with pytest.raises(errors.RoistatError) as caught:
            await roistat.calls.list(filters=[("caller", "=", PHONE)]).collect()
    error = caught.value
    assert isinstance(error, body.kind)
    assert re.search(body.says, str(error)), str(error)
    if isinstance(error, errors.MalformedResponseError):
        assert re.match(body.path, error.path), error.path
    assert WORDS not in repr(error)
    check(error)


@pytest.mark.parametrize("body", READ, ids=case_id)
async def test_a_body_is_read(body: Read) -> None:
    """The value is read, and every text of it can be encoded as UTF-8."""
    fault = sends(answer(body.body, kind=body.label), end="serve")
    async with FaultServer(fault) as server, client(server.base_url) as roistat:
        (call,) = await roistat.calls.list(limit=1).collect()
    assert body.look(call) == body.expected
    repr(call).encode()
    (call.comment or "").encode()


@pytest.mark.parametrize("number", ["J3", "J7", "J14", "J20", "J23"])
async def test_a_create_with_an_unreadable_response_is_unknown(number: str) -> None:
    """A create with an unreadable response may have happened; a refused one did not."""
    for body in [body for body in REFUSED if body.number == number]:
        text = body.body.replace(b'"data": [', b'"phoneCall": [').replace(b"[{", b"{", 1)
        async with FaultServer(sends(answer(text))) as server, client(server.base_url) as roistat:
            error = await failure(create, roistat, Path())
        is_no = body.kind is errors.APIError
        assert type(error) is (errors.APIError if is_no else errors.OutcomeUnknownError)
        check(error)


MB = 1 << 20
GZIP = "Content-Encoding: gzip"


@pytest.fixture(scope="module")
def forkserver() -> None:
    """Start what forks processes, before a test counts the open files."""
    with forked.process(Pipe.send, "started"):
        pass


def refuse(pipe: Pipe, base_url: str) -> None:
    """Read a list, and then one that is refused; send the memory and CPU that it costs."""

    def peak() -> int:
        # Not ru_maxrss: that begins with what the parent had.
        status = Path("/proc/self/status").read_text(encoding="ascii")
        return int(re.findall(r"VmHWM:\s+(\d+)", status)[0]) * 1024

    async def read_lists() -> None:
        async with client(base_url) as roistat:
            await roistat.calls.list().first()
            gc.collect()
            before, start = peak(), time.process_time()
            with pytest.raises(errors.MalformedResponseError):
                await roistat.scripts.list()
            pipe.send((peak() - before, time.process_time() - start))

    asyncio.run(read_lists())


def bomb(head: bytes, filling: bytes, size: int = 200 * MB) -> bytes:
    """Return a gzip bomb of some megabytes of a filling; it has no end, which nobody reads."""
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    start = packer.compress(head) + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(filling * (MB // len(filling))) + packer.flush(zlib.Z_FULL_FLUSH)
    return start + block * (size // MB)  # after a full flush the same bytes are packed the same


async def cost_of(data: bytes) -> tuple[int, float]:
    """Return the bytes and seconds that it costs a process to refuse a bomb as its second list."""

    async def handler(connection: Connection) -> None:
        await connection.send(true_answer(await connection.request()))
        await sends(data, end="wait")(connection)

    async with FaultServer(handler) as server:
        with forked.process(refuse, server.base_url) as (_, pipe):
            cost: tuple[int, float] = await asyncio.to_thread(pipe.recv)
    return cost


HEAD = b'{"status": "success", "data": ['
BOMBS = {
    "zeros": (b"", b"\0", "200 OK"),
    "JSON": (HEAD, b"[],1", "200 OK"),
    "spaces": (HEAD, b" ", "200 OK"),
    "an error": (b"", b"\0", "500 Oops"),
}


@pytest.mark.usefixtures("forkserver")
@pytest.mark.parametrize("what", BOMBS)
async def test_j15_a_bomb_is_stopped_at_the_cap(what: str) -> None:
    """A bomb raises an error within a second and uses less than 40 MB of memory."""
    head, filling, status = BOMBS[what]
    memory, seconds = await cost_of(answer(bomb(head, filling), GZIP, status=status))
    assert memory < (10 if what == "an error" else 40) * MB
    assert seconds < 1


@pytest.mark.usefixtures("forkserver")
async def test_j15_nothing_but_brackets() -> None:
    """10 MB of empty lists in place of scripts are refused at the first one."""
    body = HEAD + b"[]," * (10 * MB // 3) + b"[]]}"
    memory, seconds = await cost_of(answer(body))
    assert memory < 27 * len(body)
    assert seconds < 5
