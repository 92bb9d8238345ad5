"""Events that `parse_webhook` reads, and bodies that it refuses."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import traceback
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roistat_async import CallStatus, errors
from roistat_async.webhooks import CallEnded, CallStarted, parse_webhook

from .bodies import END_2019, END_2022, START, encode

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda values: st.lists(values) | st.dictionaries(st.text(), values),
    max_leaves=4,
)
FIELDS = st.sampled_from([field.name for field in attrs.fields(CallEnded)])
IDS = st.integers(0, 10**19).map(str) | st.integers(0, 2**53)
ENDED = {"status": CallStatus.ANSWER, "duration": 30, "link": END_2019["link"], "file_id": None}
MISSED = {"status": CallStatus.NOANSWER, "order_id": "41556", "custom_fields": {"1": "a"},
          "date": datetime(2022, 1, 1, 10, tzinfo=UTC), "source_level_1": None}  # fmt: skip


def test_start_as_in_2019() -> None:
    """The start of 2019 has all its fields, and no status."""
    event = parse_webhook(encode(START), "application/json")
    assert isinstance(event, CallStarted)
    assert attrs.asdict(event) == START | {
        "order_id": "123456789",
        "date": datetime(2019, 2, 19, tzinfo=UTC),
        "custom_fields": {},
        "metrika_client_id": None,
        "extra": {},
    }


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (END_2019, {**ENDED, "order_id": None, "custom_fields": {}}),
        (END_2022, MISSED),
        (END_2019 | {"status": "VOICEMAIL"}, {"status": "VOICEMAIL"}),
        (START | {"status": None, "duration": 0}, {"status": None}),
        (START | {"status": None, "link": 0}, {"status": None}),
        (START | {"status": None, "file_id": 0}, {"status": None}),
    ],
    ids=["2019", "2022", "unknown status", "duration only", "link only", "file only"],
)
def test_an_end(body: dict[str, Any], expected: dict[str, Any]) -> None:
    """An end has status, duration and link; what only an ended call has makes an end too."""
    event = parse_webhook(encode(body))
    assert isinstance(event, CallEnded)
    assert attrs.asdict(event).items() >= expected.items()


def test_an_id_is_enough() -> None:
    """Whatever else is missing, the event can be handled by its id; an offset of a date holds."""
    assert parse_webhook(b'{"id": 7}') == CallStarted(id="7")
    for offset in ("+0300", "+03:00"):
        event = parse_webhook(encode({"id": "1", "date": f"2026-01-02T03:04:05{offset}"}))
        assert event == CallStarted(id="1", date=datetime(2026, 1, 2, 0, 4, 5, tzinfo=UTC))


def test_odd_and_unknown_values_are_kept() -> None:
    """A value that its field cannot hold and an unknown key are in `extra`."""
    fields = {"id": "1", "date": "yesterday", "duration": "long", "ip": ["::1"], "new": {"a": 1}}
    event = parse_webhook(encode(fields))
    assert isinstance(event, CallEnded)
    assert (event.date, event.duration, event.ip) == (None, None, None)
    assert event.extra == {name: value for name, value in fields.items() if name != "id"}


@pytest.mark.parametrize("content_type", [None, "application/x-www-form-urlencoded"])
def test_a_form_as_php_writes_it(content_type: str | None) -> None:
    """A form is the same event as JSON; null is left out, as `http_build_query` does."""
    flat = {name: value for name, value in END_2022.items() if isinstance(value, str | int)}
    form = urlencode(flat | {"custom_fields[1]": "a"})
    assert parse_webhook(form.encode(), content_type) == parse_webhook(encode(END_2022))


def test_nested_names_of_a_form() -> None:
    """Names with brackets are nested objects, and empty brackets count; odd ones are names."""
    event = parse_webhook("id=1&custom_fields[a][b]=x&custom_fields[]=y&custom_fields[]=z&tags[]=t")
    assert event.custom_fields == {"a": {"b": "x"}, "1": "y", "2": "z"}
    assert event.extra == {"tags": {"0": "t"}}
    for name in ("[x]", "a[b", "a]", "a[b]", "a" + "[b]" * 17):  # a is a value already
        assert parse_webhook(f"id=1&a=2&{name}=3").extra == {"a": "2", name: "3"}


def test_parsing_needs_no_aiohttp() -> None:
    """A program of another framework does not load aiohttp for `parse_webhook`."""
    code = "import sys, roistat_async.webhooks; sys.exit('aiohttp' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0


def test_character_sets() -> None:
    """A byte order mark, or the character set of the content type, is that of JSON and forms."""
    text = encode(START).decode()
    for codec in ("utf-8-sig", "utf-16", "utf-32"):
        assert parse_webhook(text.encode(codec)) == parse_webhook(text)
    form = f"id=1&city={quote('Казань', encoding='cp1251')}"
    windows = parse_webhook(text.encode("cp1251"), "application/json; charset=windows-1251")
    assert windows.city == "Казань"
    assert parse_webhook(form, 'text/plain; charset="CP1251"').city == "Казань"


def test_w6_broken_text_costs_no_event() -> None:
    """Bytes that are no text become replacement characters."""
    assert parse_webhook(b'{"id":"1","city":"\xff"}').city == "\ufffd"
    assert parse_webhook("id=1&city=\ud800").city == "\ufffd" * 3


@pytest.mark.parametrize(
    "body",
    [
        *[b"", b"null", b"[]", b'[{"id":"1"}]', b"<html>", b"\x00\xff", b'{"id":"1"'],
        *[b"[" * 100_000, b'{"a":' * 100_000],
        "&".join(f"a{number}=1" for number in range(2000)),
        encode({"caller": "79000000001"}),
        *[encode({"id": value}) for value in ("", None, True, -1, 1.5, "../x", "1" * 21, ["1"])],
    ],
    ids=lambda body: repr(body[:20]),
)
def test_w5_what_is_no_event(body: bytes | str) -> None:
    """A body without the id of a call is a MalformedResponseError."""
    with pytest.raises(errors.MalformedResponseError):
        parse_webhook(body)


def test_w5_errors_show_no_values() -> None:
    """Neither the error nor the variables of its traceback show what was posted."""
    with pytest.raises(errors.MalformedResponseError) as caught:
        parse_webhook(encode({"id": "x", "caller": "79001234567"}))
    report = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    own = [frame for frame in report.stack if "tests" not in frame.filename]
    assert caught.value.path == "$.id"
    assert "79001234567" not in str([frame.locals for frame in own])
    assert b"79001234567" not in pickle.dumps(caught.value)


def test_an_object_is_no_body() -> None:
    """A body that was parsed already is refused with the call that gives the right one."""
    with pytest.raises(errors.ConfigurationError, match=r"request\.read"):
        parse_webhook({"id": "1"})  # type: ignore[arg-type]  # refused


@pytest.mark.parametrize("body", [START, END_2022], ids=["start", "end"])
def test_repr_is_masked(body: dict[str, Any]) -> None:
    """A repr shows no phone number, address, client id, link or custom field."""
    text = repr(parse_webhook(encode(body | {"roistat_param_1": "ivan@mail.example"})))
    values = [body[name] for name in ("caller", "callee", "ip", "google_client_id")]
    assert [value for value in [*values, "ivan", "/file/", "'1': 'a'"] if value in text] == []


def test_events_can_be_pickled_and_compared() -> None:
    """An event is a value: it can be pickled, hashed and not changed."""
    event = parse_webhook(encode(END_2022))
    assert {event} == {pickle.loads(pickle.dumps(event))}
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        event.id = "1"  # type: ignore[misc]  # refused


@given(IDS, st.dictionaries(FIELDS | st.text(), JSON_VALUES, max_size=4))
def test_w5_any_object_with_an_id(call_id: str | int, fields: dict[str, Any]) -> None:
    """Any JSON object with an id is an event of that call."""
    body = json.dumps(fields | {"id": call_id})  # with lone surrogates, infinities
    assert parse_webhook(body.encode()).id == str(call_id)


@given(st.binary() | st.text(), st.none() | st.text())
def test_w5_any_bytes(body: bytes | str, content_type: str | None) -> None:
    """Any other body is an event or a MalformedResponseError, nothing else."""
    with suppress(errors.MalformedResponseError):
        assert parse_webhook(body, content_type).id
