"""Requests are those that Roistat documents, field for field."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from roistat_async.resources.analytics import Analytics
from roistat_async.resources.calls import Calls
from roistat_async.resources.phones import Phones
from roistat_async.resources.scripts import Scripts

from ..helpers import api_doc
from ..helpers.mocked import KEY, PROJECT, Sent, mocked
from ..helpers.typed import typed
from .request_cases import DOCUMENTED, UNDOCUMENTED, RequestCase

RESOURCES = {"analytics": Analytics, "calls": Calls, "phones": Phones, "scripts": Scripts}


async def _send(case: RequestCase, folder: Path) -> Sent:
    async with mocked(case.response) as client:
        await case.send(client.roistat, folder)
    first, *again = client.sent  # an empty history is requested twice
    assert all((sent.path, sent.text) == (first.path, first.text) for sent in again)
    assert not again or case.method == "calls.history"
    return first


@pytest.mark.parametrize("endpoint", api_doc.CURL)
async def test_a_documented_request(endpoint: str, tmp_path: Path) -> None:
    """Method, URL, headers and JSON equal those of the documented example, types included."""
    sent, curl = await _send(DOCUMENTED[endpoint], tmp_path), api_doc.CURL[endpoint]
    assert sent.method == curl["method"] == "POST"
    assert str(sent.url.with_query(None)) == curl["base_url"] + curl["path"]
    assert dict(sent.url.query) == curl["query"] == {"project": str(PROJECT)}
    expected = curl["body"] and api_doc.decoded(curl["body"].removesuffix(".json"))
    assert typed(sent.body) == typed(expected)
    headers = {name.lower(): value for name, value in sent.headers.items()}
    for name, value in curl["headers"].items():
        assert headers[name.lower()] == value.replace("{KEY}", KEY)
    encoding = "identity" if endpoint in ("call_file", "call_xls_export") else "gzip"
    assert headers["accept-encoding"] == encoding  # gzip can hide that a file was cut
    assert (headers["use-http-code"], headers["user-agent"]) == ("1", "roistat_async")
    assert KEY not in str(sent.url) + str(sent.body)


@pytest.mark.parametrize("case", UNDOCUMENTED, ids=lambda case: case.method)
async def test_an_undocumented_request(case: RequestCase, tmp_path: Path) -> None:
    """A request without a documented example has the path and the body of its case."""
    sent = await _send(case, tmp_path)
    assert (sent.path, typed(sent.body)) == (case.path, typed(case.body))


@pytest.mark.parametrize("name", RESOURCES)
def test_every_method_has_a_case(name: str) -> None:
    """Each public method of a resource is in the tables of request cases."""
    public = {
        f"{name}.{method}"
        for method, _ in inspect.getmembers(RESOURCES[name], inspect.isfunction)
        if not method.startswith("_")
    }
    methods = {case.method for case in [*DOCUMENTED.values(), *UNDOCUMENTED]}
    assert public == {method for method in methods if method.startswith(f"{name}.")}


def test_every_endpoint_has_a_case() -> None:
    """Each of the 13 documented endpoints, and each documented body, is in the table."""
    assert (set(DOCUMENTED), len(DOCUMENTED)) == (set(api_doc.CURL), 13)
    bodies = {curl["body"] for curl in api_doc.CURL.values()} - {None}
    assert bodies == {name for name in api_doc.BODIES if name.endswith(".request.json")}
