"""Repeated keys and lone surrogates, which the fast reader lets pass or cannot get past."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roistat_async.wire import json_checks


@pytest.mark.parametrize(
    "text", [b'{"a":1,"a":1}', b'[{"b":{"a":1,"a":2}}]', b'{"a":1,"\\u0061":2}']
)
def test_repeated_keys(text: bytes) -> None:
    """At any depth, and however the key is written."""
    assert json_checks.has_duplicate_keys(text)


@pytest.mark.parametrize("text", [b"{}", b'{"a":1,"b":{"a":2}}', b'[{"a":1},{"a":1}]', b"5"])
def test_no_repeated_keys(text: bytes) -> None:
    """The same key in another object is no repetition."""
    assert not json_checks.has_duplicate_keys(text)


@pytest.mark.parametrize(
    "text", [b"{}", b"[]", b"5", b'{"a":1}', b'[{"a":[{"b":{}}],"c":[1]},{"a":{"d":"e"}}]']
)
def test_an_ordinary_answer_is_proved_at_once(text: bytes) -> None:
    """Its keys are as many as its colons, however deep they lie."""
    assert json_checks.proves_unique_keys(text)


@pytest.mark.parametrize("text", [b'{"a":1,"a":1}', b'{"a":"\\":"}', b'{"a":', b'"\xff"'])
def test_what_is_not_ordinary_is_not_proved(text: bytes) -> None:
    """A repeated key, a text that looks like the end of one, and what is no JSON."""
    assert not json_checks.proves_unique_keys(text)


def test_a_short_list_is_looked_through() -> None:
    """A key that stands twice is found in any of its records."""
    assert json_checks.list_has_duplicate_keys(b'[{"a":1},{"a":1,"a":2}]')


@pytest.mark.parametrize("text", [b'[{"a":1},{"a":2}]', b'[{"a":"b\\":"}]', b'[{"a":', b"5", b"["])
def test_a_short_list_without_a_repeated_key(text: bytes) -> None:
    """What is no list repeats nothing: whoever reads it will tell what is damaged."""
    assert not json_checks.list_has_duplicate_keys(text)


@pytest.mark.parametrize("space", [b"", b" ", b"\n    "])
def test_the_first_record_of_a_long_list_is_looked_into(space: bytes) -> None:
    """However the list is laid out."""
    rest = b',{"b":"%s"}]' % (b"x" * 10_000)
    assert json_checks.list_has_duplicate_keys(b"[" + space + b'{"a":1,"a":2}' + rest)
    assert not json_checks.list_has_duplicate_keys(b"[" + space + b'{"a":1,"b":2}' + rest)


@given(st.text(st.characters(codec=None, exclude_categories=())))
def test_only_lone_surrogates_change(text: str) -> None:
    """Whatever the string, its pairs, escapes and backslashes stay, and it can be encoded."""
    mended = json.loads(json_checks.replace_lone_surrogates(json.dumps(text).encode()))
    # Two halves that stand together are a pair in JSON.
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    assert len(mended) <= len(text)
    mended.encode()
    if "\ufffd" not in whole:
        assert mended == whole


@pytest.mark.parametrize(
    ("text", "mended"),
    [
        (rb'"\ud83d\ude00"', rb'"\ud83d\ude00"'),
        (rb'"\\ud800"', rb'"\\ud800"'),
        (rb'"\\\ud800"', rb'"\\\ufffd"'),
        (rb'"\ud800\ud83d\ude00"', rb'"\ufffd\ud83d\ude00"'),
        (rb'"\n\/\u0041"', rb'"\n\/\u0041"'),
    ],
)
def test_escapes(text: bytes, mended: bytes) -> None:
    """A backslash that is itself escaped begins no escape."""
    assert json_checks.replace_lone_surrogates(text) == mended
