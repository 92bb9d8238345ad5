"""A long answer opened at its two ends."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roistat_async.errors import MalformedResponseError
from roistat_async.models.calls import Call
from roistat_async.wire import envelope, outside, records

TEXTS = st.text(alphabet='ab"],[}{:\\é ', max_size=8)
SCALARS = st.none() | st.booleans() | st.integers(0, 10**6) | TEXTS
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
MEMBERS = st.dictionaries(st.sampled_from(["total", "other", "x y", "message", 'd"a']), VALUES)
LONG = "x" * 20_000


def _call(number: int, **other: Any) -> dict[str, Any]:
    date = f"2026-05-01T12:00:{number % 60:02d}+0000"
    return {"id": str(number), "date": date, "status": "ANSWER", **other}


def _body(before: dict[str, Any], data: Any, after: dict[str, Any], indent: int | None) -> bytes:
    answer = {**before, "data": data, **{k: v for k, v in after.items() if k not in before}}
    return json.dumps(answer, ensure_ascii=False, indent=indent).encode()


@given(MEMBERS, st.lists(VALUES, max_size=4), MEMBERS, st.sampled_from([None, 1]))
def test_what_was_split_is_what_was_there(
    before: dict[str, Any], data: list[Any], after: dict[str, Any], indent: int | None
) -> None:
    """Where both halves are JSON they are those of the answer; else the list is no JSON."""
    body = _body(before, [LONG, *data], after, indent)
    found = outside.split(body)
    if found is None:
        return
    around, inner = found
    whole = json.loads(body)
    try:
        read = json.loads(str(inner, "utf-8"))
    except ValueError:
        return  # another list follows: `looked_into` is for that
    assert read == whole["data"]
    assert json.loads(around) == {**whole, "data": None}


def test_a_usual_answer_is_split() -> None:
    """Members without brackets may stand on either side of the list."""
    for before, after in (({"status": "success"}, {}), ({}, {"total": 5, "status": "success"})):
        around, inner = outside.split(_body(before, [LONG], after, None)) or (b"", msgspec.Raw())
        assert json.loads(around) == {**before, "data": None, **after}
        assert json.loads(bytes(inner)) == [LONG]


@pytest.mark.parametrize(
    "body",
    [
        b'{"status":"success","data":[]}',
        _body({"x": [LONG]}, [LONG], {}, None),
        _body({}, {"a": LONG}, {}, None),
        _body({}, [LONG], {}, None)[:-1],
        b"PHP Warning\n" + _body({}, [LONG], {}, None),
    ],
    ids=["short", "list before", "no list", "cut", "words before"],
)
def test_what_is_not_plain_to_see_is_not_split(body: bytes) -> None:
    """A short answer, one without a list, a cut one: those are opened in whole."""
    assert outside.split(body) is None


def test_a_list_that_follows_does_not_harm() -> None:
    """An answer with a second list behind `data` is read as any other."""
    calls = [_call(number, comment="x" * 200) for number in range(100)]
    body = _body({"status": "success"}, calls, {"other": [1], "total": 100}, None)
    answer = envelope.read(body)
    assert len(records.decode_list(answer, Call, skip_bad=False).items) == 100


def test_a_lone_surrogate_in_a_long_list() -> None:
    """Half of a surrogate pair is replaced in a long answer as in a short one (J13)."""
    calls = [_call(number, comment="x" * 200) for number in range(100)]
    body = _body({"status": "success"}, calls, {}, None).replace(b"xxxx", b"\\ud800", 1)
    call, *_ = records.decode_list(envelope.read(body), Call, skip_bad=False).items
    assert str(call.comment).startswith("\ufffd")


@pytest.mark.parametrize("count", [0, 30, 100])
def test_a_number_nobody_can_read_spoils_only_its_record(count: int) -> None:
    """An answer is opened however long it is, for its damaged records can be skipped."""
    calls = [_call(number, comment="x" * 200) for number in range(count)]
    body = _body({"status": "success"}, [*calls, _call(count, duration=111)], {}, None)
    answer = envelope.read(body.replace(b"111", b"9" * 5000))
    found = records.decode_list(answer, Call, skip_bad=True)
    assert (len(found.items), [bad.index for bad in found.bad]) == (count, [count])


def test_a_long_answer_opened_anew_keeps_its_time() -> None:
    """Whether its list was looked into or not, it was answered at the same moment."""
    moment = datetime(2026, 5, 1, tzinfo=UTC)
    answer = envelope.read(_body({"status": "success"}, [LONG], {}, None), answered_at=moment)
    anew = answer.reparse()
    assert anew is not None
    assert (answer.answered_at, anew.answered_at) == (moment, moment)


def test_a_long_answer_does_not_print_its_data() -> None:
    """A log of it shows no call, whether it was opened at its ends or in whole."""
    answer = envelope.read(_body({"status": "success"}, [LONG], {}, None))
    assert "xxx" not in repr(answer)
    assert "xxx" not in repr(answer.reparse())


@pytest.mark.parametrize("padding", ["", LONG])
def test_an_answer_may_tell_no_total(padding: str) -> None:
    """Then none is made up, in a short answer or a long one."""
    assert envelope.read(_body({"status": "success"}, [padding], {}, None)).total is None


@pytest.mark.parametrize("damage", [b"\x00", b"NaN", b"", b'"', "я".encode("cp1251")])
def test_damage_inside_a_long_list_is_told(damage: bytes) -> None:
    """What is no JSON inside a long list is a MalformedResponseError of the whole answer."""
    calls = [_call(number, comment="x" * 200) for number in range(100)]
    body = _body({"status": "success"}, calls, {}, None).replace(b'"ANSWER"', damage, 1)
    with pytest.raises(MalformedResponseError):
        records.decode_list(envelope.read(body), Call, skip_bad=True)
