"""Repeated keys and lone surrogates, which the fast reader lets pass or cannot get past."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roistat_async.wire import strict_json


@pytest.mark.parametrize(
    "text", [b'{"a":1,"a":1}', b'[{"b":{"a":1,"a":2}}]', b'{"a":1,"\\u0061":2}']
)
def test_repeated_keys(text: bytes) -> None:
    """At any depth, and however the key is written."""
    assert strict_json.repeats_a_key(text)


@pytest.mark.parametrize("text", [b"{}", b'{"a":1,"b":{"a":2}}', b'[{"a":1},{"a":1}]', b"5"])
def test_no_repeated_keys(text: bytes) -> None:
    """The same key in another object is no repetition."""
    assert not strict_json.repeats_a_key(text)


@given(st.text(st.characters(codec=None, exclude_categories=())))
def test_only_lone_surrogates_change(text: str) -> None:
    """Whatever the string, its pairs, escapes and backslashes stay, and it can be encoded."""
    mended = json.loads(strict_json.mend_surrogates(json.dumps(text).encode()))
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
    assert strict_json.mend_surrogates(text) == mended
