"""Every error goes to another process, and holds no key and no number."""

from __future__ import annotations

import copy
import inspect
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
MOMENT = datetime(2026, 5, 1, tzinfo=UTC)
API: dict[str, Any] = {
    "code": "x", "description": "told", "http_status": 402, "details": {"option": "a"}
}  # fmt: skip
# What each class is made with, beside its message.
ARGUMENTS: dict[type[errors.RoistatError], dict[str, Any]] = {
    errors.NotSentError: {"permanent": True},
    errors.RequestTimeoutError: {"phase": "connect", "seconds": 2.5},
    errors.OutcomeUnknownError: {"operation": "project/phone-call", "sent_at": MOMENT},
    errors.MalformedResponseError: {"path": "$.data[3].date", "index": 3, "unparsable": True},
    errors.RedirectRefusedError: {"http_status": 302, "host": "evil.example"},
    errors.RateLimitError: {**API, "retry_after": 7.0},
    errors.PagingError: {"offset": 200, "rows": 150},
}
KINDS = [
    kind
    for kind in vars(errors).values()
    if inspect.isclass(kind) and issubclass(kind, errors.RoistatError)
]


def _make(kind: type[errors.RoistatError]) -> errors.RoistatError:
    default: dict[str, Any] = {}
    if issubclass(kind, errors.APIError):
        return kind(**ARGUMENTS.get(kind, API))
    if issubclass(kind, errors.DownloadError):
        default = {"path": Path("1.mp3")}
    return kind("what happened", **ARGUMENTS.get(kind, default))


def _seen(error: errors.RoistatError) -> dict[str, Any]:
    return {name: value for name, value in vars(error).items() if not name.startswith("_")}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("move", [lambda error: pickle.loads(pickle.dumps(error)), copy.copy])
def test_error_moves_whole(kind: type[errors.RoistatError], move: Any) -> None:
    """Class, text and every attribute arrive in the other process."""
    error = _make(kind)
    again = move(error)
    assert type(again) is kind
    assert (str(again), again.args, _seen(again)) == (str(error), error.args, _seen(error))


@pytest.mark.parametrize("kind", KINDS)
def test_error_has_its_arguments_as_attributes(kind: type[errors.RoistatError]) -> None:
    """What it was made with can be asked for, by the same name."""
    error = _make(kind)
    for name, value in ARGUMENTS.get(kind, {}).items():
        assert getattr(error, name) == value


def test_users_own_error_moves() -> None:
    """A subclass with arguments of its own is pickled as well."""
    error = _OwnError("told", 5)
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.number) == (_OwnError, "told", 5)


def test_tree_is_the_one_that_is_drawn() -> None:
    """The docstring of the module names every class, and no other."""
    drawn = set(re.findall(r"\b\w+Error\b", errors.__doc__ or ""))
    assert drawn - {"ValueError", "TimeoutError"} == {kind.__name__ for kind in KINDS}


@pytest.mark.parametrize(
    ("kind", "bases"),
    [
        (errors.ConfigurationError, (errors.RoistatError, ValueError)),
        (errors.TransportError, (errors.RoistatError,)),
        (errors.NotSentError, (errors.TransportError,)),
        (errors.RequestTimeoutError, (errors.TransportError, TimeoutError)),
        (errors.OutcomeUnknownError, (errors.TransportError,)),
        (errors.ResponseError, (errors.RoistatError,)),
        (errors.MalformedResponseError, (errors.ResponseError,)),
        (errors.RedirectRefusedError, (errors.ResponseError,)),
        (errors.APIError, (errors.RoistatError,)),
        (errors.AuthenticationError, (errors.APIError,)),
        (errors.AccessDeniedError, (errors.APIError,)),
        (errors.NotFoundError, (errors.APIError,)),
        (errors.InvalidRequestError, (errors.APIError,)),
        (errors.FeatureUnavailableError, (errors.APIError,)),
        (errors.RateLimitError, (errors.APIError,)),
        (errors.ServerError, (errors.APIError,)),
        (errors.DownloadError, (errors.RoistatError,)),
        (errors.NoRecordingError, (errors.DownloadError,)),
        (errors.TruncatedError, (errors.DownloadError,)),
        (errors.ContentError, (errors.DownloadError,)),
        (errors.ChangedError, (errors.DownloadError,)),
        (errors.PagingError, (errors.RoistatError,)),
    ],
)
def test_tree(kind: type[Exception], bases: tuple[type[Exception], ...]) -> None:
    """An `except` of a base catches what it says; builtin bases are there where they fit."""
    assert kind.__bases__ == bases


def test_names_are_exported() -> None:
    """`errors.__all__` is the tree, sorted as ruff sorts it."""
    assert set(errors.__all__) == {kind.__name__ for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_error_is_documented(kind: type[errors.RoistatError]) -> None:
    """Each class says what it says."""
    assert kind.__doc__


def _unknown() -> errors.OutcomeUnknownError:
    error = errors.OutcomeUnknownError("sent", operation="project/phone-call", sent_at=MOMENT)
    error._lookup = partial(_look, [NUMBER])
    return error


async def _look(numbers: list[str], _: object) -> list[str]:
    return numbers


def test_look_is_kept() -> None:
    """What resolves the error travels in it, until it leaves the process."""
    error = _unknown()
    assert error._lookup is not None
    assert errors.OutcomeUnknownError("x", operation="y", sent_at=MOMENT)._lookup is None


def test_look_is_not_pickled() -> None:
    """It knows what was to be created, and so it stays."""
    again = pickle.loads(pickle.dumps(_unknown()))
    assert again._lookup is None
    assert again.sent_at == MOMENT


def test_look_is_never_shown() -> None:
    """Not by repr, not by vars, not by a traceback with local variables, not by a pickle."""
    error = _unknown()
    told = traceback.TracebackException.from_exception(error, capture_locals=True)
    for text in (repr(error), str(error), repr(vars(error)), "".join(told.format())):
        assert NUMBER not in text
    assert NUMBER.encode() not in pickle.dumps(error)


def test_notes_do_not_break_the_pickle() -> None:
    """A note somebody added stays in this process."""
    error = errors.RoistatError("x")
    error.add_note(NUMBER)
    assert NUMBER.encode() not in pickle.dumps(error)


@pytest.mark.parametrize(
    ("description", "advice", "text"),
    [
        (None, None, "Roistat answered x"),
        ("Ресурс не найден.", None, "Roistat answered x. Ресурс не найден"),
        ("Told", "Do this", "Roistat answered x. Told. Do this"),
    ],
)
def test_text_of_an_api_error(description: str | None, advice: str | None, text: str) -> None:
    """Code, what Roistat said, and what can be done about it."""
    assert str(errors.APIError("x", description, advice=advice)) == text


def test_details_are_a_copy() -> None:
    """An error does not change with somebody's dictionary."""
    details = {"option": "a"}
    error = errors.APIError("x", details=details)
    details["option"] = "b"
    assert error.details == {"option": "a"}


class _OwnError(errors.RoistatError):
    def __init__(self, message: str, number: int) -> None:
        super().__init__(message)
        self.number = number
