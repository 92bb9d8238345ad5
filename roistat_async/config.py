"""What a client is told: key, project, address, timeouts, retries, limits. All checked here."""

from __future__ import annotations

import hmac
import ipaddress
import math
import os
import re
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NoReturn
from urllib.parse import SplitResult, urlsplit

from attrs import Attribute, field, frozen

from .errors import ConfigurationError

DEFAULT_BASE_URL = "https://cloud.roistat.com/api/v1"
_KEY = re.compile(r"[\x21-\x7e]{1,256}")
_LAST_NEWLINE = re.compile(r"\r?\n\Z")
_PROJECT = re.compile(r"[0-9]{1,20}")


class Secret:
    """Hold the API key so that no repr, copy or pickle shows it.

    Raises ConfigurationError, without the value, for a key that cannot stand in a header.
    """

    __slots__ = ("__value",)

    def __init__(self, value: object) -> None:
        # A key read from a file ends in a newline; one is forgiven, nothing else is.
        text = _LAST_NEWLINE.sub("", value) if isinstance(value, str) else ""
        if not _KEY.fullmatch(text):
            raise ConfigurationError(
                "api_key must be 1 to 256 visible ASCII characters without spaces; "
                "copy it from your Roistat profile"
            )
        self.__value = text

    def reveal(self) -> str:
        """Give the key to the one place that puts it into a header."""
        return self.__value

    def __repr__(self) -> str:
        return "Secret(***)"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self.__value.encode(), other.__value.encode())

    __hash__: ClassVar[None]  # type: ignore[assignment]  # the hash of a secret helps to guess it

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret cannot be pickled or copied")


def _positive(_: Any, attribute: Attribute[Any], value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise ConfigurationError(f"{attribute.name} must be a number above 0")


def _optional_positive(owner: Any, attribute: Attribute[Any], value: object) -> None:
    if value is not None:
        _positive(owner, attribute, value)


def _at_least(lowest: int) -> Callable[[Any, Attribute[Any], object], None]:
    def check(_: Any, attribute: Attribute[Any], value: object) -> None:
        if isinstance(value, bool) or not isinstance(value, int) or value < lowest:
            raise ConfigurationError(f"{attribute.name} must be a whole number from {lowest} up")

    return check


def instance_of(*kinds: type) -> Callable[[Any, Attribute[Any], object], None]:
    """Make an attribute refuse, without showing it, what is of none of these kinds."""
    words = " or ".join("None" if kind is type(None) else kind.__name__ for kind in kinds)

    def check(_: Any, attribute: Attribute[Any], value: object) -> None:
        if not isinstance(value, kinds):
            raise ConfigurationError(f"{attribute.name} must be a {words}")

    return check


@frozen(kw_only=True)
class Timeouts:
    """Bound each phase of a request, in seconds. There is no total for a download.

    `connect` covers look-up, connection and TLS; `answer` the time from there to the headers;
    `idle` the silence while a body is read.
    """

    connect: float = field(default=10.0, validator=_positive)
    response: float = field(default=60.0, validator=_positive)
    read: float = field(default=30.0, validator=_positive)


@frozen(kw_only=True)
class RetryPolicy:
    """Say how often and for how long a failed request is repeated; times are seconds.

    Before attempt n+1 the wait is random between 0 and min(`longest`, `base` x 2^(n-1)). A
    `Retry-After` above `retry_after_cap` is not waited for. `deadline` bounds an operation that
    is no download, waits between attempts included. `changes` allows repeating an update or a
    delete whose answer was lost: it may overwrite somebody's newer edit. A create is never
    repeated once sent.
    """

    max_attempts: int = field(default=4, validator=_at_least(1))
    base_delay: float = field(default=0.25, validator=_positive)
    throttled_base_delay: float = field(default=1.0, validator=_positive)
    max_delay: float = field(default=20.0, validator=_positive)
    max_retry_after: float = field(default=120.0, validator=_positive)
    deadline: float = field(default=120.0, validator=_positive)
    max_download_attempts: int = field(default=3, validator=_at_least(1))
    retry_updates: bool = False


@frozen(kw_only=True)
class Limits:
    """Bound what is asked of one project: no stretch of a second holds more than `per_second`.

    Roistat allows 10 a second and 5,000 an hour *per project*, shared with all its other users:
    lower these where others need their part. None switches a bound off (for tests).
    """

    per_second: float | None = field(default=10, validator=_optional_positive)
    per_hour: float | None = field(default=5000, validator=_optional_positive)
    concurrency: int = field(default=8, validator=_at_least(1))

    def __attrs_post_init__(self) -> None:
        for name in ("per_second", "per_hour"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ConfigurationError(f"{name} must be at least 1")


@frozen(kw_only=True)
class Config:
    """Be everything one project's client was told."""

    key: Secret
    project: int
    base_url: str
    timeouts: Timeouts = field(validator=instance_of(Timeouts))
    retry: RetryPolicy = field(validator=instance_of(RetryPolicy))
    limits: Limits = field(validator=instance_of(Limits))


def parse_project(value: object) -> int:
    """Read a project number; raise ConfigurationError for anything else."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not _PROJECT.fullmatch(text):
        raise ConfigurationError("project must be the project's number, e.g. 12345")
    return int(text)


def validate_base_url(value: object) -> str:
    """Allow https, or http to this machine; no user, query or fragment. Give it without `/`."""
    if not isinstance(value, str):
        raise _not_an_address()
    parts = _split(value)
    if parts.username is not None or parts.password is not None:
        raise ConfigurationError("base_url must not hold a user or a password")
    if "?" in value or "#" in value:
        raise ConfigurationError("base_url must have no query and no fragment")
    if not parts.hostname:
        raise ConfigurationError("base_url must name a host, e.g. " + DEFAULT_BASE_URL)
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(parts.hostname)):
        raise ConfigurationError("base_url must be https; plain http only to this machine")
    return value.rstrip("/")


def _split(value: str) -> SplitResult:
    if not re.search(r"[\s\x00-\x1f\x7f\\]", value):
        try:
            parts = urlsplit(value)
            _ = parts.port  # reading it is what checks it
        except ValueError:
            pass
        else:
            return parts
    raise _not_an_address()


def _not_an_address() -> ConfigurationError:
    return ConfigurationError("base_url is not an address, e.g. " + DEFAULT_BASE_URL)


def _is_loopback(host: str) -> bool:
    # Literals only: what a name resolves to may change between this check and the connection.
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def read_environment(environ: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Read ROISTAT_API_KEY, ROISTAT_PROJECT and ROISTAT_BASE_URL as keywords of `Roistat`."""
    found = os.environ if environ is None else environ
    missing = [name for name in ("ROISTAT_API_KEY", "ROISTAT_PROJECT") if not found.get(name)]
    if missing:
        raise ConfigurationError(f"set {' and '.join(missing)} in the environment")
    return {
        "api_key": found["ROISTAT_API_KEY"],
        "project": found["ROISTAT_PROJECT"],
        "base_url": found.get("ROISTAT_BASE_URL") or DEFAULT_BASE_URL,
    }
