"""Lone surrogates are replaced before JSON is decoded."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roistat_async.wire import surrogates


@given(st.text(st.characters(codec=None, exclude_categories=())))
def test_only_lone_surrogates_change(text: str) -> None:
    """In any string pairs, escapes and backslashes are unchanged, and it can be encoded."""
    replaced = json.loads(surrogates.replace_lone_surrogates(json.dumps(text).encode()))
    # Two adjacent halves are a pair in JSON.
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    assert len(replaced) <= len(text)
    replaced.encode()
    if "\ufffd" not in whole:
        assert replaced == whole


@pytest.mark.parametrize(
    ("text", "replaced"),
    [
        (rb'"\ud83d\ude00"', rb'"\ud83d\ude00"'),
        (rb'"\\ud800"', rb'"\\ud800"'),
        (rb'"\\\ud800"', rb'"\\\ufffd"'),
        (rb'"\ud800\ud83d\ude00"', rb'"\ufffd\ud83d\ude00"'),
        (rb'"\n\/\u0041"', rb'"\n\/\u0041"'),
    ],
)
def test_escapes(text: bytes, replaced: bytes) -> None:
    """An escaped backslash does not start an escape."""
    assert surrogates.replace_lone_surrogates(text) == replaced
