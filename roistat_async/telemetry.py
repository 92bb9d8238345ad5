"""OpenTelemetry spans, one for each operation, if `opentelemetry-api` is installed.

A span covers all attempts. It holds the path, the project, the last HTTP status and the class of
the error, but no text of an error and no value that was sent.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import lru_cache
from typing import Any


def tracer() -> Any | None:
    """Return the tracer, or None if the program collects no spans."""
    # A program that never imported OpenTelemetry has no provider, and importing it is slow.
    trace = sys.modules.get("opentelemetry.trace")
    if trace is None:
        return None
    provider = trace.get_tracer_provider()
    # This is the provider of a program that has not set one: it drops its spans.
    return None if isinstance(provider, trace.ProxyTracerProvider) else _tracer_of(provider)


@lru_cache(maxsize=4)
def _tracer_of(provider: Any) -> Any:
    return provider.get_tracer("roistat_async")


@contextmanager
def span(method: str, operation: str, project: int | None) -> Iterator[Any]:
    """Record one operation as a span; there must be a tracer.

    What the span processors of the program raise is dropped, because a create that was carried
    out must be returned.
    """
    current_tracer: Any = tracer()
    attributes: dict[str, str | int] = {"url.template": operation, "http.request.method": method}
    attributes |= {} if project is None else {"roistat.project": project}
    stack, current = ExitStack(), None
    with suppress(Exception):
        current = stack.enter_context(
            current_tracer.start_as_current_span(
                f"{method} {operation}",
                attributes=attributes,
                record_exception=False,
                set_status_on_exception=False,
            )
        )
    try:
        yield current
    except BaseException as error:
        _record(current, "error.type", type(error).__name__)
        with suppress(Exception):
            current.set_status(_error_status())  # type: ignore[union-attr]  # suppressed too
        raise
    finally:
        with suppress(Exception):
            stack.close()


def record_result(current: Any, *, attempts: int, status: int | None) -> None:
    """Add the number of attempts and the last HTTP status to a span."""
    _record(current, "roistat.attempts", attempts)
    if status is not None:
        _record(current, "http.response.status_code", status)


def _record(current: Any, name: str, value: str | int) -> None:
    with suppress(Exception):
        current.set_attribute(name, value)


def _error_status() -> Any:
    from opentelemetry.trace import StatusCode

    return StatusCode.ERROR
