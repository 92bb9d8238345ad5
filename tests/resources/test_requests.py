"""What leaves the client is what the vendor's page shows, field for field."""

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
from .request_cases import BEYOND, DOCUMENTED, Asked

RESOURCES = {"analytics": Analytics, "calls": Calls, "phones": Phones, "scripts": Scripts}


async def _send(asked: Asked, folder: Path) -> Sent:
    async with mocked(asked.answer) as client:
        await asked.ask(client.roistat, folder)
    return client.only


@pytest.mark.parametrize("endpoint", api_doc.CURL)
async def test_body_is_the_pages(endpoint: str, tmp_path: Path) -> None:
    """The JSON that is sent equals the page's, types included; where it shows none, none is."""
    sent = await _send(DOCUMENTED[endpoint], tmp_path)
    file = api_doc.CURL[endpoint]["body"]
    expected = None if file is None else api_doc.decoded(file.removesuffix(".json"))
    assert _flat(sent.body) == _flat(expected)


@pytest.mark.parametrize("endpoint", api_doc.CURL)
async def test_address_is_the_pages(endpoint: str, tmp_path: Path) -> None:
    """Method, host, path and query are those of the page's curl example."""
    curl = api_doc.CURL[endpoint]
    sent = await _send(DOCUMENTED[endpoint], tmp_path)
    assert sent.method == curl["method"] == "POST"
    assert str(sent.url.with_query(None)) == curl["base_url"] + curl["path"]
    assert dict(sent.url.query) == curl["query"] == {"project": str(PROJECT)}


@pytest.mark.parametrize("endpoint", api_doc.CURL)
async def test_headers_are_the_pages(endpoint: str, tmp_path: Path) -> None:
    """The page's headers are sent, with the key in its header and nowhere else."""
    sent = await _send(DOCUMENTED[endpoint], tmp_path)
    given = {name.lower(): value for name, value in sent.headers.items()}
    for name, value in api_doc.CURL[endpoint]["headers"].items():
        assert given[name.lower()] == value.replace("{KEY}", KEY)
    assert KEY not in str(sent.url) + str(sent.body)


@pytest.mark.parametrize("endpoint", api_doc.CURL)
async def test_real_status_codes_are_asked_for(endpoint: str, tmp_path: Path) -> None:
    """Without this header every error would come as 200 (facts §1)."""
    sent = await _send(DOCUMENTED[endpoint], tmp_path)
    assert sent.headers["Use-Http-Code"] == "1"


@pytest.mark.parametrize("endpoint", ["call_file", "call_xls_export"])
async def test_files_are_asked_for_uncompressed(endpoint: str, tmp_path: Path) -> None:
    """A cut gzip stream can look whole, so a file must come as it is (matrix J17)."""
    sent = await _send(DOCUMENTED[endpoint], tmp_path)
    assert sent.headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize("asked", BEYOND, ids=lambda asked: asked.method)
async def test_request_beyond_the_examples(asked: Asked, tmp_path: Path) -> None:
    """What the page shows no body for is sent as its tables, or other clients, have it."""
    sent = await _send(asked, tmp_path)
    assert (sent.path, sent.body) == (asked.path, asked.body)


@pytest.mark.parametrize("name", RESOURCES)
def test_every_method_is_asked(name: str) -> None:
    """A method that is added to a resource must be added to the tables of `asked`."""
    public = {
        f"{name}.{method}"
        for method, _ in inspect.getmembers(RESOURCES[name], inspect.isfunction)
        if not method.startswith("_")
    }
    table = {asked.method for asked in [*DOCUMENTED.values(), *BEYOND]}
    assert public == {method for method in table if method.startswith(f"{name}.")}


def test_every_endpoint_is_asked() -> None:
    """Each of the page's 13 endpoints has its method."""
    assert set(DOCUMENTED) == set(api_doc.CURL)
    assert len(DOCUMENTED) == 13


def test_every_request_file_is_compared() -> None:
    """No request body of the page is forgotten."""
    named = {curl["body"] for curl in api_doc.CURL.values()} - {None}
    assert named == {name for name in api_doc.BODIES if name.endswith(".request.json")}


def _flat(value: object) -> object:
    """Make 1 and True differ, and leave the order of an object's keys out."""
    if isinstance(value, dict):
        return sorted((name, repr(_flat(part))) for name, part in value.items())
    if isinstance(value, list):
        return [_flat(part) for part in value]
    return type(value).__name__, value
