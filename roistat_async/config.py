"""Settings of a client: API key, project, base URL, timeouts, retries and limits."""

from __future__ import annotations

import hmac
import ipaddress
import os
import re
from collections.abc import Collection, Mapping
from typing import Any, ClassVar, Literal, NoReturn
from urllib.parse import SplitResult, urlsplit

from attrs import field, frozen

from .errors import ConfigurationError
from .validation import at_least, instance_of, optional_positive, positive

DEFAULT_BASE_URL = "https://cloud.roistat.com/api/v1"
_KEY = re.compile(r"[\x21-\x7e]{1,256}")
_TRAILING_NEWLINE = re.compile(r"\r?\n\Z")
_PROJECT = re.compile(r"[0-9]{1,20}")
_VARIABLES = {
    "api_key": "ROISTAT_API_KEY",
    "project": "ROISTAT_PROJECT",
    "base_url": "ROISTAT_BASE_URL",
}
_REQUIRED = ("api_key", "project")
_KEY_FILE = "ROISTAT_API_KEY_FILE"
_MAX_KEY_SIZE = 1024  # bytes


class Secret:
    """API key that no repr, copy or pickle shows.

    Raises ConfigurationError, without the value, for a key that is invalid in an HTTP header.
    """

    __slots__ = ("__value",)

    def __init__(self, value: object) -> None:
        # A key that was read from a file ends in a newline. One newline is removed, nothing else.
        text = _TRAILING_NEWLINE.sub("", value) if isinstance(value, str) else ""
        if not _KEY.fullmatch(text):
            raise ConfigurationError(
                "api_key must be 1 to 256 visible ASCII characters without spaces; "
                "copy it from your Roistat profile"
            )
        self.__value = text

    def reveal(self) -> str:
        """Return the key. Only the module that builds the headers calls this."""
        return self.__value

    def __repr__(self) -> str:
        return "Secret(***)"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self.__value.encode(), other.__value.encode())

    __hash__: ClassVar[None]  # type: ignore[assignment]  # a hash would help to guess the key

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret cannot be pickled or copied")


@frozen(kw_only=True)
class Timeouts:
    """Time limits for the phases of a request, in seconds. A download has no total limit."""

    connect: float = field(default=10.0, validator=positive)
    """DNS lookup, TCP connection and TLS handshake."""
    response: float = field(default=60.0, validator=positive)
    """From the connection to the headers of the response."""
    read: float = field(default=30.0, validator=positive)
    """Between two chunks of a response body."""


@frozen(kw_only=True)
class RetryPolicy:
    """How often, and for how long, a failed request is retried. Times are in seconds.

    The delay before attempt n + 1 is random, between 0 and
    `min(max_delay, base_delay * 2 ** (n - 1))`. A create is never retried once it was sent.
    """

    max_attempts: int = field(default=4, validator=at_least(1))
    """Attempts in total; 1 switches retries off. A refusal for the rate is not counted: it is
    retried until `deadline`."""
    base_delay: float = field(default=0.25, validator=positive)
    throttled_base_delay: float = field(default=1.0, validator=positive)
    """Takes the place of `base_delay` after a RateLimitError."""
    max_delay: float = field(default=20.0, validator=positive)
    max_retry_after: float = field(default=120.0, validator=positive)
    """The longest `Retry-After` that is waited for; a longer one raises the error at once."""
    deadline: float = field(default=120.0, validator=positive)
    """For one operation with all its attempts and delays. Downloads have no deadline."""
    max_download_attempts: int = field(default=3, validator=at_least(1))
    """Attempts for the body of a file, in total."""
    retry_updates: bool = False
    """Retry an update or a delete whose response was lost. The retry may overwrite an edit that
    somebody else made in the meantime."""


def _absolute_path(path: str | os.PathLike[str] | None) -> str | None:
    """Return a path that means the same file in any folder of work."""
    if path is None:
        return None
    try:
        name: object = os.fspath(path)
    except TypeError:
        name = None
    if not isinstance(name, str) or not name or "\0" in name:
        raise ConfigurationError("shared_file must be the path of a file")
    return os.path.abspath(name)


@frozen(kw_only=True)
class Limits:
    """Request limits for one project, checked before each request.

    Roistat allows 10 requests a second and 5,000 an hour *per project*. All programs that use the
    project share them, so lower the limits where other programs need their share. A client counts
    only its own requests: use one client for a project, divide the limits among its clients, or
    name the same `shared_file` for all of them.
    """

    per_second: float | None = field(default=10, validator=optional_positive)
    """Requests within any second: 0.5 is one in two seconds, None no limit (for tests)."""
    per_hour: float | None = field(default=5000, validator=optional_positive)
    """Requests within any hour; None is no limit (for tests)."""
    concurrency: int = field(default=8, validator=at_least(1))
    """Requests at the same time. An open `recording()` does not count."""
    queue_timeout: float | None = field(default=None, validator=optional_positive)
    """Seconds that a request may wait for these limits, then NotSentError; None is no limit."""
    bytes_per_second: float | None = field(default=None, validator=optional_positive)
    """Bytes a second of all recordings and exports at the same time; None is no limit."""
    when_exhausted: Literal["raise", "wait"] = "raise"
    """What a request does if the hour's limit, or a pause that Roistat asked for, would hold it
    back beyond `RetryPolicy.deadline`: raise RateLimitError at once, or wait all the same. Bulk
    downloads and syncs wait."""

    shared_file: str | None = field(default=None, converter=_absolute_path)
    """File in which the clients of this machine count their requests of a project together, in
    any number of processes; it is created. None counts those of this client alone."""

    def __attrs_post_init__(self) -> None:
        if self.when_exhausted not in ("raise", "wait"):
            raise ConfigurationError('when_exhausted must be "raise" or "wait"')


@frozen(kw_only=True)
class Config:
    """Settings of one project's client."""

    key: Secret
    project: int | None
    base_url: str
    timeouts: Timeouts = field(validator=instance_of(Timeouts))
    retry: RetryPolicy = field(validator=instance_of(RetryPolicy))
    limits: Limits = field(validator=instance_of(Limits))


def parse_project(value: object) -> int:
    """Return the number of a project."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not _PROJECT.fullmatch(text):
        raise ConfigurationError("project must be the number of the project, e.g. 12345")
    return int(text)


def require_project(config: Config) -> int:
    """Return the project of a client; raise ConfigurationError if it has none."""
    if config.project is None:
        raise ConfigurationError(
            "this client has no project: pass project=12345, or use client.for_project(12345)"
        )
    return config.project


def validate_base_url(value: object) -> str:
    """Return a base URL without a trailing slash: https, or http to this machine."""
    if not isinstance(value, str):
        raise _invalid_url()
    parts = _split(value)
    if parts.username is not None or parts.password is not None:
        raise ConfigurationError("base_url must not contain a user name or a password")
    if "?" in value or "#" in value:
        raise ConfigurationError("base_url must not contain a query or a fragment")
    if not parts.hostname:
        raise ConfigurationError("base_url must contain a host, e.g. " + DEFAULT_BASE_URL)
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(parts.hostname)):
        raise ConfigurationError("base_url must use https; http is allowed for localhost only")
    return value.rstrip("/")


def _split(value: str) -> SplitResult:
    if not re.search(r"[\s\x00-\x1f\x7f\\]", value):
        try:
            parts = urlsplit(value)
            _ = parts.port  # reading the port validates it
        except ValueError:
            pass
        else:
            return parts
    raise _invalid_url()


def _invalid_url() -> ConfigurationError:
    return ConfigurationError("base_url must be a URL, e.g. " + DEFAULT_BASE_URL)


def _is_loopback(host: str) -> bool:
    # Literals only: a name may resolve to another address when the connection is opened.
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def read_environment(
    environ: Mapping[str, str] | None = None, *, overrides: Collection[str] = ()
) -> dict[str, Any]:
    """Read the variables of the environment as keywords of `Roistat`, but for `overrides`.

    They are ROISTAT_API_KEY, or ROISTAT_API_KEY_FILE, ROISTAT_PROJECT and ROISTAT_BASE_URL.
    """
    variables = os.environ if environ is None else environ
    values = {keyword: variables.get(name) for keyword, name in _VARIABLES.items()}
    if "api_key" not in overrides:
        values["api_key"] = _read_key(variables)
    missing = [_VARIABLES[name] for name in _REQUIRED if not values[name] and name not in overrides]
    if missing:
        raise ConfigurationError(f"set {' and '.join(missing)} in the environment")
    return {name: value for name, value in values.items() if value and name not in overrides}


def read_key_file(path: str | os.PathLike[str]) -> str:
    """Read an API key from a file, such as a secret of Docker; raise ConfigurationError."""
    try:
        with open(path, "rb") as file:
            return file.read(_MAX_KEY_SIZE).decode("ascii", "replace").strip()
    except OSError as error:
        problem = error.strerror
    raise ConfigurationError(f"the file of the API key cannot be read: {problem}: {path}")


def _read_key(variables: Mapping[str, str]) -> str | None:
    path = variables.get(_KEY_FILE)
    if not path:
        return variables.get(_VARIABLES["api_key"])
    if variables.get(_VARIABLES["api_key"]):
        raise ConfigurationError(f"set {_VARIABLES['api_key']} or {_KEY_FILE}, not both")
    return read_key_file(path)
