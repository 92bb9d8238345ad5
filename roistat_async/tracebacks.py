"""Tracebacks without secrets: error reporters print the local variables of their frames.

The frames of a request and of a decoder hold the API key, phone numbers and bodies
(docs/secrets.md).
"""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar, cast

from .errors import RoistatError

E = TypeVar("E", bound=BaseException)
P = ParamSpec("P")
T = TypeVar("T")


def strip_context(error: E) -> E:
    """Remove cause, context and traceback from an exception, and return it."""
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)


def clear_locals(error: E) -> E:
    """Remove the local variables of all frames that an unexpected exception has left.

    Unlike `strip_context` it leaves the frames themselves, which show where the error is.
    """
    error.__cause__ = error.__context__ = None
    traceback.clear_frames(error.__traceback__)
    return error


def hides_locals(function: Callable[P, T]) -> Callable[P, T]:
    """Clear the frames of an unexpected exception, e.g. a MemoryError, that a function raises."""

    @wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        except RoistatError:
            raise  # those of this library are raised where no variable holds a secret
        except BaseException as error:
            del args, kwargs  # the frame of this function stays
            raise clear_locals(error) from None

    return wrapper


def hides_arguments(function: Callable[P, T]) -> Callable[P, T]:
    """Clear the frames of an error of this library that a public function raises.

    Its arguments are the API key, phone numbers and texts. An exception of a user's own code, such
    as a callback or an iterator, keeps its frames.
    """
    if inspect.iscoroutinefunction(function):

        @wraps(function)
        async def async_wrapper(*args: P.args, **kwargs: P.kwargs) -> Any:
            try:
                return await function(*args, **kwargs)
            except BaseException as error:
                del args, kwargs
                _clear_own(error)
                raise

        return cast("Callable[P, T]", async_wrapper)

    @wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        except BaseException as error:
            del args, kwargs
            _clear_own(error)
            raise

    return wrapper


def _clear_own(error: BaseException) -> None:
    if isinstance(error, RoistatError):
        traceback.clear_frames(error.__traceback__)
