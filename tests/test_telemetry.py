"""OpenTelemetry spans."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any
from unittest.mock import Mock

import pytest

from roistat_async import errors, telemetry
from roistat_async.testing import FakeRoistat, Fault
from tests.helpers.clients import client

sdk = pytest.importorskip("opentelemetry.sdk.trace", reason="opentelemetry-sdk is not installed")


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Exporter that collects the spans of a test in memory."""
    from opentelemetry import trace
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter, provider = InMemorySpanExporter(), sdk.TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    yield exporter
    provider.shutdown()


async def test_an_operation_has_a_span(spans: Any, fake: FakeRoistat) -> None:
    """One span covers all attempts, with the path, the project and the last status."""
    fake.fail("call/list", Fault.status(502))
    async with client(fake.base_url, api_key=fake.api_key, attempts=3) as roistat:
        await roistat.calls.list(filters=[("caller", "=", "79000000002")]).first()
    (span,) = spans.get_finished_spans()
    assert span.name == "POST project/calltracking/call/list"
    assert dict(span.attributes) == {
        "url.template": "project/calltracking/call/list", "http.request.method": "POST",
        "roistat.project": fake.project, "roistat.attempts": 2, "http.response.status_code": 200,
    }  # fmt: skip
    assert "79000000002" not in span.to_json()


async def test_the_span_of_a_range_has_its_method(spans: Any, fake: FakeRoistat) -> None:
    """A range of a recording is requested by GET, and its span says so."""
    call_id = next(iter(fake.state.recordings))
    async with (
        client(fake.base_url, api_key=fake.api_key) as roistat,
        roistat.calls.recording(call_id, start=10) as body,
    ):
        assert [chunk async for chunk in body]
    (span,) = spans.get_finished_spans()
    assert span.name.startswith("GET ")
    assert span.attributes["http.request.method"] == fake.requests[-1].method == "GET"


async def test_a_span_holds_the_class_of_an_error_only(spans: Any, fake: FakeRoistat) -> None:
    """The class of an error is an attribute; its text and its traceback are not recorded."""
    async with client(fake.base_url, api_key="f" * 32) as roistat:
        with pytest.raises(errors.AuthenticationError):
            await roistat.calls.list().first()
    (span,) = spans.get_finished_spans()
    assert span.attributes["error.type"] == "AuthenticationError"
    assert not span.status.is_ok
    assert not span.events
    assert "f" * 32 not in span.to_json()


@pytest.mark.parametrize("signal", ["on_start", "on_end"])
async def test_a70_a_span_processor_that_raises_breaks_no_request(
    signal: str, spans: Any, fake: FakeRoistat, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A create that was carried out is returned, and an error of Roistat is raised."""
    method = f"opentelemetry.sdk.trace.export.SimpleSpanProcessor.{signal}"
    monkeypatch.setattr(method, Mock(side_effect=ZeroDivisionError))
    async with client(fake.base_url, api_key=fake.api_key) as roistat:
        (phone,) = await roistat.phones.create(["74950000009"])
        assert phone.phone == "74950000009"
        with pytest.raises(errors.NotFoundError):
            await roistat.scripts.delete(999)


async def test_telemetry_is_optional(fake: FakeRoistat, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without OpenTelemetry, or without a provider, there is no tracer and requests succeed."""
    assert telemetry.tracer() is None
    monkeypatch.delitem(sys.modules, "opentelemetry.trace", raising=False)
    assert telemetry.tracer() is None
    async with client(fake.base_url, api_key=fake.api_key) as roistat:
        assert await roistat.calls.list().first()
