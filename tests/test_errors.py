"""Exceptions: their tree, their attributes, pickling, and what they never show."""

from __future__ import annotations

import copy
import inspect
import io
import pickle
import re
import traceback
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from roistat_async import errors

NUMBER = "74951234567"
AT = datetime(2026, 5, 1, tzinfo=UTC)
API: dict[str, Any] = {
    "code": "x", "description": "text", "http_status": 402, "details": {"option": "a"}
}  # fmt: skip
DOWNLOAD: dict[str, Any] = {"path": Path("1.mp3")}
# Arguments of each class besides its message; those of the bases apply to the classes below them.
ARGUMENTS: dict[type[errors.RoistatError], dict[str, Any]] = {
    errors.TransportError: {"reused_connection": True},
    errors.NotSentError: {"permanent": True},
    errors.RequestTimeoutError: {"phase": "response", "seconds": 2.5},
    errors.OutcomeUnknownError: {"operation": "project/phone-call", "sent_at": AT, "project": 5},
    errors.MalformedResponseError: {
        "path": "$.data[3].date", "index": 3, "unparsable": True, "oversized": True,
        "invalid_http": True,
    },
    errors.RedirectRefusedError: {"http_status": 302, "host": "evil.example"},
    errors.RateLimitError: {**API, "retry_after": 7.0},
    errors.RangeNotSatisfiableError: {"total": 100},
    errors.PagingError: {"rows": 150, "resume_token": "{}"},
}  # fmt: skip


def _below(base: type[errors.RoistatError], names: str) -> dict[Any, tuple[type[Exception], ...]]:
    return {getattr(errors, f"{name}Error"): (base,) for name in names.split()}


TREE: dict[type[errors.RoistatError], tuple[type[Exception], ...]] = {
    errors.RoistatError: (Exception,),
    errors.ConfigurationError: (errors.RoistatError, ValueError),
    errors.RequestTimeoutError: (errors.TransportError, TimeoutError),
    **_below(errors.RoistatError, "Transport Response API Download Paging Sync"),
    **_below(errors.TransportError, "NotSent OutcomeUnknown"),
    **_below(errors.ResponseError, "MalformedResponse RedirectRefused"),
    **_below(
        errors.APIError,
        "Authentication AccessDenied NotFound InvalidRequest FeatureUnavailable RateLimit Server",
    ),
    **_below(errors.DownloadError, "NoRecording Truncated Content Changed RangeNotSatisfiable"),
}
each = pytest.mark.parametrize("kind", TREE)


def _make(kind: type[errors.RoistatError]) -> errors.RoistatError:
    if issubclass(kind, errors.APIError):
        return kind(**ARGUMENTS.get(kind, API))
    default = DOWNLOAD if issubclass(kind, errors.DownloadError) else {}
    return kind("message", **ARGUMENTS.get(kind, default))


def _public(error: errors.RoistatError) -> dict[str, Any]:
    return {name: value for name, value in vars(error).items() if not name.startswith("_")}


@each
@pytest.mark.parametrize("move", [lambda error: pickle.loads(pickle.dumps(error)), copy.copy])
def test_a_copy_keeps_class_text_and_values(kind: type[errors.RoistatError], move: Any) -> None:
    """Arguments are attributes; a pickle or copy keeps them, the class and the text."""
    error = _make(kind)
    copied = move(error)
    assert type(copied) is kind
    assert (str(copied), copied.args, _public(copied)) == (str(error), error.args, _public(error))
    for name, value in ARGUMENTS.get(kind, {}).items():
        assert getattr(error, name) == value


class _OwnError(errors.RoistatError):
    def __init__(self, message: str, number: int) -> None:
        super().__init__(message)
        self.number = number


def test_a_subclass_of_a_user_can_be_pickled() -> None:
    """A subclass with arguments of its own can be pickled."""
    copied = pickle.loads(pickle.dumps(_OwnError("text", 5)))
    assert (type(copied), str(copied), copied.number) == (_OwnError, "text", 5)


@each
def test_bases(kind: type[errors.RoistatError]) -> None:
    """Each class is documented and has the bases of the drawn tree, builtin ones included."""
    assert kind.__bases__ == TREE[kind]
    assert vars(kind)["__doc__"]


def test_the_tree_is_complete() -> None:
    """The drawn tree, `__all__` and the module hold the same classes."""
    classes = {value for value in vars(errors).values() if inspect.isclass(value)}
    in_module = {kind.__name__ for kind in classes if issubclass(kind, errors.RoistatError)}
    drawn = set(re.findall(r"\b\w+Error\b", errors.__doc__ or "")) - {"ValueError", "TimeoutError"}
    assert {kind.__name__ for kind in TREE} == in_module == drawn == set(errors.__all__)


async def _find(numbers: list[str], _: object) -> list[str]:
    return numbers


async def test_the_lookup_is_available_until_it_is_pickled() -> None:
    """The lookup works in this process only: no repr, vars(), traceback or pickle has it."""
    assert errors.OutcomeUnknownError("x", operation="y", sent_at=AT).lookup is None
    lookup = partial(_find, [NUMBER])
    error = errors.OutcomeUnknownError("sent", operation="y", sent_at=AT, lookup=lookup)
    assert error.lookup is not None
    assert await error.lookup(None) == [NUMBER]
    shown = traceback.TracebackException.from_exception(error, capture_locals=True)
    for text in (repr(error), str(error), repr(vars(error)), "".join(shown.format())):
        assert NUMBER not in text
    error.add_note(NUMBER)
    pickled = io.BytesIO()
    pickler = pickle.Pickler(pickled)
    pickler.dispatch_table = {}  # Dask registers functions of its own there, which keep notes
    pickler.dump(error)
    assert NUMBER.encode() not in pickled.getvalue()
    assert pickle.loads(pickled.getvalue()).lookup is None


def test_details_are_copied() -> None:
    """The details of an error do not change with the caller's dictionary."""
    details = {"option": "a"}
    error = errors.APIError("x", details=details)
    details["option"] = "b"
    assert error.details == {"option": "a"}
