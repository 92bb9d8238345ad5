"""Rows J: bodies that arrive whole, and what must come of them; how they arrive is in body_rows."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any

from attrs import field, frozen

from roistat_async import Call, errors
from tests.faults.secrets import SECRET_TEXT
from tests.helpers.fault_server import call_row

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


def date(text: str) -> Refused:
    """Body with an invalid date."""
    return wrong("J25", text or "no date", "date", text)


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
    *[date(text) for text in ("", "0000-00-00", "yesterday", "2026-02-30", "2026-13-01", _TEXT)],
]
HUGE = 2**64 + 12345
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
        Read(
            "J25",
            text,
            rows(spelled(date=text)),
            lambda call: call.date,
            datetime(2026, 5, 1, 9, 30, tzinfo=UTC),
        )
        for text in (
            "2026-05-01T09:30:00+0000",
            "2026-05-01T12:30:00+03:00",
            "2026-05-01T09:30:00Z",
            "2026-05-01T09:30:00.000Z",
            "2026-05-01T09:30:00",
            "2026-05-01 09:30:00",
        )
    ],
]
