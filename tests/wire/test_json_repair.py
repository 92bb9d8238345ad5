"""JSON that the decoder refuses is read where its meaning is clear."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roistat_async.models.calls import Call
from roistat_async.wire import envelope, json_repair, records

_CALL = '{"id": "1", "date": "2026-05-01T10:00:00+0000", "status": "BUSY", "comment": "%s"}'
_PAGE = '{"status": "success", "data": [' + _CALL + "]}"
_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda nested: st.lists(nested) | st.dictionaries(st.text(), nested),
    max_leaves=8,
)


def _comment(body: bytes) -> str | None:
    (call,) = records.decode_list(envelope.read(body), Call, skip_bad=False).items
    return call.comment


@given(_JSON)
def test_valid_json_keeps_its_meaning(value: object) -> None:
    """What is valid is the same after the repair."""
    repaired = json_repair.repair(json.dumps(value).encode())
    assert repaired is not None
    assert msgspec.json.decode(repaired) == value


@given(st.text(st.characters(codec=None, exclude_categories=())))
def test_any_text_can_be_encoded_afterwards(text: str) -> None:
    """Halves of surrogate pairs are replaced, and two adjacent halves are a pair."""
    repaired = json_repair.repair(json.dumps(text).encode())
    assert repaired is not None
    expected = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    assert len(json.loads(repaired)) == len(expected) or "\ufffd" in expected
    assert "\ufffd" in expected or json.loads(repaired) == expected


@pytest.mark.parametrize(
    ("text", "encoding", "comment"),
    [
        *[(f"a{control}b", "utf-8", f"a{control}b") for control in "\x00\x01\t\n\x1f"],
        *[("Привет", f"utf-{name}", "Привет") for name in ("16", "16-le", "16-be", "32")],
        ("café", "cp1252", "caf\ufffd"),
    ],
)
def test_a_text_that_is_no_valid_json_is_read(text: str, encoding: str, comment: str) -> None:
    """Control characters are kept, UTF-16 and UTF-32 decoded, and invalid bytes replaced."""
    assert _comment((_PAGE % text).encode(encoding)) == comment


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "9" * 5000])
def test_a_number_that_no_type_can_hold_is_null(number: str) -> None:
    """It costs neither the record nor the page, wherever it stands (docs/fault-matrix.md J11)."""
    body = (_PAGE % "text").replace('"text"', number).replace("]}", f'], "total": {number}}}')
    assert _comment(body.encode()) is None
    assert envelope.read(body.encode()).total is None


@pytest.mark.parametrize("text", [b"<html>", b'{"a": 1,}', b'{"a": 1} <br />', b"[" * 100_000])
def test_what_is_not_json_stays_an_error(text: bytes) -> None:
    """Nothing is guessed: a sign-in page or a cut body has no meaning as JSON."""
    assert json_repair.repair(text) is None
