"""Proxies: what they refuse is named as theirs, and nothing is sent around them."""

from __future__ import annotations

import re
import ssl
from pathlib import Path

import pytest

from roistat_async import Roistat, errors
from tests.faults.fault_case import ATTEMPTS, create, failure, read_scripts
from tests.faults.secrets import SECRET_TEXT, check
from tests.helpers.clients import KEY, PROJECT, client
from tests.helpers.fault_server import FaultServer, sends
from tests.helpers.raw_server import Connection, RawServer, answer, closed_port

pytestmark = pytest.mark.usefixtures("nothing_left")
TARGET = "https://roistat.invalid/api/v1"


def proxy_url(server: RawServer) -> str:
    return f"http://user:{KEY}@127.0.0.1:{server.port}"


PERMANENT = {"407": "user and password", "403": "does not allow", "400": "refused"}
PROXY_FAULTS = {
    **{
        status: sends(answer(SECRET_TEXT, status=f"{status} {KEY}"))
        for status in (*PERMANENT, "502", "503", "504")
    },
    "closed": sends(),
    "reset": sends(end="reset"),
    "SSH": sends(b"SSH-2.0 " + SECRET_TEXT + b"\r\n"),
}


@pytest.mark.parametrize("name", PROXY_FAULTS)
async def test_t72_a_proxy_that_opens_no_tunnel(name: str, tmp_path: Path) -> None:
    """Nothing was sent, so a create is retried where that may help; a status is the proxy's."""
    is_permanent = name in PERMANENT
    async with FaultServer(then=PROXY_FAULTS[name]) as proxy:
        async with client(TARGET, proxy=proxy_url(proxy), attempts=ATTEMPTS) as roistat:
            error = await failure(create, roistat, tmp_path)
        assert proxy.connections == (1 if is_permanent else ATTEMPTS)
    assert isinstance(error, errors.NotSentError)
    assert error.permanent is is_permanent
    status = name if name.isdigit() else ""
    assert re.search(f"proxy.*{status}.*{PERMANENT.get(name, '')}", str(error))
    assert not is_permanent or "roistat.invalid:443" in str(error)
    check(error)


async def test_t72_a_tunnel_to_a_server_without_tls(tmp_path: Path) -> None:
    """What fails behind the proxy is named as the address of Roistat."""

    async def tunnel(connection: Connection) -> None:
        await connection.request()
        await connection.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await connection.reader.read(1)
        await connection.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with FaultServer(then=tunnel) as proxy, client(TARGET, proxy=proxy_url(proxy)) as roistat:
        error = await failure(read_scripts, roistat, tmp_path)
    assert str(error).startswith("cannot connect to roistat.invalid:443: no TLS")


async def test_t72_a_proxy_that_does_not_listen(tmp_path: Path) -> None:
    """The proxy is named, and the request is not sent around it."""
    port = closed_port()
    text = f"cannot connect to the proxy 127.0.0.1:{port}: connection refused"
    async with FaultServer() as server:
        for target in (TARGET, server.base_url):
            async with client(target, proxy=f"http://127.0.0.1:{port}") as roistat:
                error = await failure(create, roistat, tmp_path)
            assert (type(error), str(error)[: len(text)]) == (errors.NotSentError, text)
    assert server.requests == []


async def test_t72_407_of_a_forwarding_proxy(tmp_path: Path) -> None:
    """A request that a proxy refused was not carried out: it is no error of Roistat."""
    fault = sends(answer(SECRET_TEXT, status="407 Proxy Authentication Required"), end="serve")
    async with FaultServer(fault) as server, client(server.base_url, attempts=2) as roistat:
        error = await failure(create, roistat, tmp_path)
    assert type(error) is errors.ResponseError
    assert re.search(r"proxy.*407", str(error))
    check(error)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "proxy",
    [
        "", "http://", "https://", "proxy:8080", "socks5://127.0.0.1:1", "ftp://127.0.0.1",
        "http://127.0.0.1:99999", "http://127.0.0.1/path", "http://a b",
        f"http://{KEY}@", "127.0.0.1",
    ],
)  # fmt: skip
def test_t73_an_invalid_proxy_is_refused(proxy: str) -> None:
    """An address that is no proxy's would be ignored, and requests would go around it."""
    with pytest.raises(errors.ConfigurationError, match=r"^proxy must be") as caught:
        Roistat(KEY, PROJECT, proxy=proxy)
    assert KEY not in str(caught.value)


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Remove the variables of proxies, and return what sets some."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return monkeypatch


@pytest.mark.parametrize(
    "proxy", ["http://proxy.example:8080", "https://u:p@10.0.0.1/", "HTTP://x"]
)
def test_t73_a_valid_proxy(proxy: str) -> None:
    """A proxy is reached over http or https, and may need a user and a password."""
    assert "p@" not in repr(Roistat(KEY, PROJECT, proxy=proxy))


async def test_t74_plain_http_goes_around_the_proxies_of_the_environment(
    environment: pytest.MonkeyPatch,
) -> None:
    """A request to this machine is not encrypted, so it does not leave it."""
    async with FaultServer() as proxy, FaultServer() as server:
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            environment.setenv(name, f"http://127.0.0.1:{proxy.port}")
        async with client(server.base_url, trust_env=True) as roistat:
            await roistat.scripts.list()
        assert (proxy.connections, len(server.requests)) == (0, 1)


NO_PROXY = "roistat.invalid:443: the host name cannot be resolved"


@pytest.mark.parametrize(
    ("variables", "text"),
    [
        *[
            ({name: scheme + "127.0.0.1:PORT"}, "proxy.*403")
            for name in ("https_proxy", "HTTPS_PROXY", "all_proxy")
            for scheme in ("http://", "")
        ],
        # aiohttp ignores such a proxy, and requests would go around it.
        ({"https_proxy": "https://127.0.0.1:9"}, "the proxy 127.0.0.1:9"),
        ({"https_proxy": ""}, NO_PROXY),
        ({}, NO_PROXY),
        ({"https_proxy": "http://127.0.0.1:9", "no_proxy": "roistat.invalid"}, NO_PROXY),
    ],
)
async def test_t74_the_proxy_of_the_environment_is_used(
    variables: dict[str, str], text: str, environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With trust_env, except for hosts in NO_PROXY; an empty variable is none."""
    async with FaultServer(then=sends(answer(b"", status="403 No"))) as proxy:
        for name, value in variables.items():
            environment.setenv(name, value.replace("PORT", str(proxy.port)))
        async with client(TARGET, trust_env=True) as roistat:
            error = await failure(create, roistat, tmp_path)
    assert re.search(text, str(error))


@pytest.mark.parametrize(
    "value", ["http://", f"socks5://u:{KEY}@127.0.0.1:1", "http://x:99999", "a b"]
)
def test_t74_an_invalid_proxy_of_the_environment_is_refused(
    value: str, environment: pytest.MonkeyPatch
) -> None:
    """The error names the variables, not the value, which may hold a password."""
    environment.setenv("https_proxy", value)
    with pytest.raises(errors.ConfigurationError, match=r"^HTTPS_PROXY must be") as caught:
        Roistat(KEY, PROJECT, base_url=TARGET, trust_env=True)
    assert "NO_PROXY" in str(caught.value)
    assert KEY not in str(caught.value)
    Roistat(KEY, PROJECT, base_url=TARGET)


@pytest.mark.parametrize("checks", ["host name", "nothing"])
def test_t75_a_context_that_does_not_check_is_refused(checks: str) -> None:
    """The key would be sent to anyone who answers; ssl_context=False is refused too."""
    context = ssl.create_default_context()
    context.check_hostname = False
    if checks == "nothing":
        context.verify_mode = ssl.CERT_NONE
    for invalid in (context, False):
        with pytest.raises(errors.ConfigurationError, match=r"^ssl_context must"):
            Roistat(KEY, PROJECT, ssl_context=invalid)  # type: ignore[arg-type]  # refused
