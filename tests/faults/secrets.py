"""Values that no error and no log may show, and the search for them (docs/secrets.md)."""

from __future__ import annotations

import io
import pickle
import traceback
from collections.abc import Iterator
from typing import Any

from tests.helpers.clients import KEY

MARKER = "b0dyMarker"
PHONE = "79261234567"
SENT_PHONE = "74950000001"
SECRETS = (KEY, MARKER, PHONE, SENT_PHONE)
SECRET_TEXT = f"{MARKER} {PHONE} {KEY}".encode()


def check(error: BaseException | None) -> None:
    """Check that nothing an error reporter may print shows a secret."""
    for text in _reachable(error) if error else ():
        hidden_from(text)


def hidden_from(text: str) -> None:
    """Check that a text shows no key, no number and nothing of a body."""
    assert not [secret for secret in SECRETS if secret in text]


def _reachable(error: BaseException) -> Iterator[str]:
    """Yield every text that an error reporter may print."""
    waiting: list[Any] = [error]
    visited: set[int] = set()
    while waiting:
        value = waiting.pop()
        if id(value) in visited:
            continue
        visited.add(id(value))
        yield repr(value)
        yield str(value)
        if isinstance(value, BaseException):
            waiting += [value.__cause__, value.__context__, vars(value), *value.args]
        elif isinstance(value, dict):
            waiting += [*value.keys(), *value.values()]
        elif isinstance(value, list | tuple | set):
            waiting += list(value)
        elif hasattr(value, "__dict__"):
            waiting.append(vars(value))
    printed = io.StringIO()
    traceback.TracebackException.from_exception(error, capture_locals=True).print(file=printed)
    yield printed.getvalue()
    yield repr(pickle.dumps(error))
