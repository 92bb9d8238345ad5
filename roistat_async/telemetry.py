"""Spans of OpenTelemetry, where `opentelemetry-api` is installed: one for each operation.

A span covers all attempts; it holds the path, the project, the last status and the kind of error,
and never a text of an error or a value that was sent.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any


def tracer() -> Any | None:
    """Give the tracer that spans are made with; None where nobody collects them."""
    # A program that never imported it has no provider; to ask would take longer than to send.
    trace = sys.modules.get("opentelemetry.trace")
    if trace is None:
        return None
    provider = trace.get_tracer_provider()
    # The one that stands there before a program sets its own: its spans go nowhere.
    return None if isinstance(provider, trace.ProxyTracerProvider) else _tracer_of(provider)


@lru_cache(maxsize=4)
def _tracer_of(provider: Any) -> Any:
    return provider.get_tracer("roistat_async")


@contextmanager
def span(operation: str, project: int) -> Iterator[Any]:
    """Be the span of one operation; only where there is a tracer."""
    made: Any = tracer()
    attributes = {"url.template": operation, "http.request.method": "POST"}
    with made.start_as_current_span(
        f"POST {operation}",
        attributes={**attributes, "roistat.project": project},
        record_exception=False,
        set_status_on_exception=False,
    ) as current:
        try:
            yield current
        except BaseException as error:
            current.set_attribute("error.type", type(error).__name__)
            current.set_status(_failed())
            raise


def record_result(current: Any, *, attempts: int, status: int | None) -> None:
    """Add to a span what its attempts came to."""
    current.set_attribute("roistat.attempts", attempts)
    if status is not None:
        current.set_attribute("http.response.status_code", status)


def _failed() -> Any:
    from opentelemetry.trace import StatusCode

    return StatusCode.ERROR
