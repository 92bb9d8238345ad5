"""Address of a PostgreSQL database: a URL as libpq reads it, and a name of it without a secret."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from ..errors import ConfigurationError
from ..extras import import_extra

_SCHEMES = ("postgresql://", "postgres://")
_CONNECT_TIMEOUT = "10"  # seconds; libpq waits for minutes
# A server that has vanished is noticed in about a minute, not in hours.
_KEEPALIVES = {
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "60000",
}
_UNREADABLE = (
    "the PostgreSQL URL is invalid; write postgresql://user@host:5432/database, and in user and "
    "password %40 for @, %3A for : and %2F for /"
)


@frozen
class PostgresAddress:
    """Where a database is, as messages may show it, and how to connect to it."""

    name: str
    parameters: Mapping[str, Any] = field(repr=False)
    """Parameters of libpq; the password may be among them."""


def is_postgres(copy: str | os.PathLike[str]) -> bool:
    """Return whether a copy is named by the URL of a PostgreSQL database."""
    return os.fspath(copy).lower().startswith(_SCHEMES)


def parse_address(url: str | os.PathLike[str]) -> PostgresAddress:
    """Parse a URL; raise ConfigurationError, which does not show it, if it is invalid.

    A parameter that the URL lacks comes from the environment (PGHOST, PGPASSWORD, ...), the
    service file or `~/.pgpass`, as with psql.
    """
    scheme, _, address = os.fspath(url).partition("://")
    parameters = _parse(f"{scheme.lower()}://{address}")
    host = parameters.get("host", "")
    port = str(parameters.get("port", "")).strip(",")  # a list of hosts has one of ports
    database = parameters.get("dbname", "")
    # A password with one of @ : / that is not encoded ends up in one of these.
    if "@" in f"{host}{database}" or port.replace(",", "").strip("0123456789"):
        raise ConfigurationError(_UNREADABLE)
    if "PGCONNECT_TIMEOUT" not in os.environ:
        parameters.setdefault("connect_timeout", _CONNECT_TIMEOUT)
    parameters["client_encoding"] = "utf8"
    parameters = {"fallback_application_name": "roistat_async", **_KEEPALIVES, **parameters}
    name = f"postgresql://{host}{port and ':' + port}/{database}"
    return PostgresAddress(name, parameters)


def display_name(copy: str | os.PathLike[str]) -> str:
    """Return the name of a copy as messages may show it."""
    return parse_address(copy).name if is_postgres(copy) else os.fspath(copy)


def _parse(url: str) -> dict[str, Any]:
    conninfo = import_driver().conninfo
    try:
        parameters: dict[str, Any] = conninfo.conninfo_to_dict(url)
        return parameters
    except import_driver().Error:  # its text shows a part of the URL
        pass
    raise ConfigurationError(_UNREADABLE)


def import_driver() -> Any:
    """Import psycopg, which takes a tenth of a second."""
    try:
        return import_extra("psycopg", extra="postgres")
    except ImportError:  # psycopg without libpq
        pass
    raise ConfigurationError("psycopg finds no libpq: pip install 'psycopg[binary]'")
