"""Spans of OpenTelemetry."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest

from roistat_async import errors, telemetry
from roistat_async.testing import FakeRoistat, Fault, Quirks
from tests.helpers.clients import client

sdk = pytest.importorskip("opentelemetry.sdk.trace", reason="opentelemetry-sdk is not installed")


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Collect the spans that are made, by a provider of this test's own."""
    from opentelemetry import trace
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter, provider = InMemorySpanExporter(), sdk.TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    yield exporter
    provider.shutdown()


async def test_an_operation_is_a_span(spans: Any) -> None:
    """One for all its attempts, with the path, the project and the last status."""
    quirks = Quirks(rate_per_second=None, rate_per_hour=None)
    async with FakeRoistat(calls=3, quirks=quirks) as fake:
        fake.fail("call/list", Fault.status(502))
        async with client(fake.base_url, api_key=fake.api_key, attempts=3) as roistat:
            await roistat.calls.list(filters=[("caller", "=", "79000000002")]).first()
    (span,) = spans.get_finished_spans()
    assert span.name == "POST project/calltracking/call/list"
    assert dict(span.attributes) == {
        "url.template": "project/calltracking/call/list",
        "http.request.method": "POST",
        "roistat.project": fake.project,
        "roistat.attempts": 2,
        "http.response.status_code": 200,
    }
    assert "79000000002" not in span.to_json()


async def test_an_error_is_named_and_not_told(spans: Any) -> None:
    """Its class is an attribute; its text and its traceback are not in the span."""
    async with (
        FakeRoistat(calls=3) as fake,
        client(fake.base_url, api_key="f" * 32) as roistat,
    ):
        with pytest.raises(errors.AuthenticationError):
            await roistat.calls.list().first()
    (span,) = spans.get_finished_spans()
    assert span.attributes["error.type"] == "AuthenticationError"
    assert not span.status.is_ok
    assert not span.events
    assert "f" * 32 not in span.to_json()


async def test_without_opentelemetry_nothing_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client works as well where the library is missing, or nobody imported it."""
    monkeypatch.delitem(sys.modules, "opentelemetry.trace", raising=False)
    assert telemetry.tracer() is None
    async with (
        FakeRoistat(calls=3) as fake,
        client(fake.base_url, api_key=fake.api_key) as roistat,
    ):
        assert await roistat.calls.list().first()


def test_where_nobody_collects_nothing_is_made() -> None:
    """OpenTelemetry that is installed and not set up costs a request nothing."""
    assert telemetry.tracer() is None
