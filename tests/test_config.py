"""Key, project, address, bounds: what cannot be right is refused before any I/O, unseen."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import attrs
import pytest

from roistat_async import Limits, RetryPolicy, Roistat, Timeouts
from roistat_async.config import (
    DEFAULT_BASE_URL,
    Config,
    Secret,
    parse_project,
    read_environment,
    validate_base_url,
)
from roistat_async.errors import ConfigurationError

KEY = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize("key", [KEY, "x", "!~", "a" * 256])
def test_key_is_kept(key: str) -> None:
    """Visible ASCII, up to 256 characters."""
    assert Secret(key).reveal() == key


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_one_newline_is_forgiven(end: str) -> None:
    """A key that was read from a file ends in one."""
    assert Secret(KEY + end).reveal() == KEY


@pytest.mark.parametrize(
    "key",
    [
        "", "\n", f"{KEY}\n\n", f"{KEY}\r", f" {KEY}", f"{KEY} ", f"{KEY}\r\nX: y",
        f"{KEY[:9]}\0{KEY[9:]}", f"ключ{KEY}", "a" * 257, f"{KEY}\x7f", None, 5, KEY.encode(),
    ],
)  # fmt: skip
def test_key_that_cannot_stand_in_a_header(key: Any) -> None:
    """It is refused at once, and the message does not quote it (S5)."""
    with pytest.raises(ConfigurationError) as caught:
        Secret(key)
    assert KEY[:9] not in str(caught.value)
    with pytest.raises(ConfigurationError):
        Roistat(key, 1)


def test_secret_is_not_printed() -> None:
    """Not by repr, str, format, nor inside a configuration."""
    secret = Secret(KEY)
    for text in (
        repr(secret),
        str(secret),
        f"{secret}",
        repr(_config()),
        repr(attrs.asdict(_config())),
    ):
        assert KEY not in text
    assert repr(secret) == "Secret(***)"


@pytest.mark.parametrize(
    "leave", [pickle.dumps, copy.copy, copy.deepcopy, lambda it: it.__reduce__()]
)
def test_secret_stays_where_it_is(leave: Any) -> None:
    """It cannot be pickled or copied, not even inside a configuration."""
    with pytest.raises(TypeError, match="Secret cannot be pickled"):
        leave(Secret(KEY))
    with pytest.raises(TypeError):
        pickle.dumps(_config())


def test_secret_has_no_attributes_to_walk() -> None:
    """vars(), asdict and the like find nothing, and no hash helps to guess."""
    secret = Secret(KEY)
    assert not hasattr(secret, "__dict__")
    with pytest.raises(TypeError):
        hash(secret)


def test_secrets_compare() -> None:
    """By value, with nothing but a secret."""
    assert Secret(KEY) == Secret(KEY)
    assert Secret(KEY) != Secret("other")
    assert Secret(KEY) != KEY


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        (DEFAULT_BASE_URL, DEFAULT_BASE_URL),
        (DEFAULT_BASE_URL + "/", DEFAULT_BASE_URL),
        ("HTTPS://proxy.example:8443/roistat", "HTTPS://proxy.example:8443/roistat"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://127.0.0.1:8080/api/v1", "http://127.0.0.1:8080/api/v1"),
        ("http://127.8.9.1", "http://127.8.9.1"),
        ("http://[::1]:80", "http://[::1]:80"),
    ],
)
def test_address(url: str, kept: str) -> None:
    """https anywhere, plain http to this machine (S3)."""
    assert validate_base_url(url) == kept


@pytest.mark.parametrize(
    "url",
    [
        "", "roistat", "//cloud.roistat.com", "https://", "https:///api", "ftp://localhost",
        "file:///etc/passwd", "http://cloud.roistat.com", "http://localhost.example",
        "http://127.0.0.1.example", "http://127.1", "http://0.0.0.0", "http://[::2]",
        "http://10.0.0.1", "https://user:password@cloud.roistat.com", "https://user@cloud.roistat.com",
        "https://:@cloud.roistat.com", "http://localhost@evil.example", "https://x.example?key=1",
        "https://x.example/?", "https://x.example/#", "https://x.example#a", "https://x.example:99999",
        "https://x.example:port", "https://[::1", "https://x.example/a b", "https://x.example/\n",
        "https://x.example\\@y.example", "https://x.example/\0", " https://x.example", None, 5, b"https://x",
    ],
)  # fmt: skip
def test_address_that_is_refused(url: Any) -> None:
    """Anything that could send the key elsewhere or in the open; it is not quoted (S3, S4)."""
    with pytest.raises(ConfigurationError) as caught:
        validate_base_url(url)
    assert "password@" not in str(caught.value)
    assert str(caught.value).startswith("base_url")


@pytest.mark.parametrize(("value", "project"), [(12345, 12345), ("12345", 12345), ("0012", 12)])
def test_project(value: Any, project: int) -> None:
    """A number, or its digits."""
    assert parse_project(value) == project


@pytest.mark.parametrize(
    "value", [None, "", "abc", -1, "-1", 1.0, True, "1 ", "١", "1&key=x", "1\n", b"1"]
)
def test_project_that_is_refused(value: Any) -> None:
    """It goes into an address."""
    with pytest.raises(ConfigurationError, match=r"^project must"):
        parse_project(value)


def test_environment() -> None:
    """Three names; the address may be left out."""
    found = {"ROISTAT_API_KEY": KEY, "ROISTAT_PROJECT": "5"}
    expected = {"api_key": KEY, "project": "5", "base_url": DEFAULT_BASE_URL}
    assert read_environment(found) == expected
    assert read_environment({**found, "ROISTAT_BASE_URL": ""}) == expected
    assert read_environment({**found, "ROISTAT_BASE_URL": "x"})["base_url"] == "x"


def test_environment_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a mapping it is the real one."""
    monkeypatch.setenv("ROISTAT_API_KEY", KEY)
    monkeypatch.setenv("ROISTAT_PROJECT", "678")
    monkeypatch.delenv("ROISTAT_BASE_URL", raising=False)
    assert Roistat.from_env().project == 678
    assert Roistat.from_env(project=9).project == 9


@pytest.mark.parametrize(
    ("found", "missing"),
    [
        ({}, "ROISTAT_API_KEY and ROISTAT_PROJECT"),
        ({"ROISTAT_API_KEY": KEY}, "ROISTAT_PROJECT"),
        ({"ROISTAT_API_KEY": "", "ROISTAT_PROJECT": "5"}, "ROISTAT_API_KEY"),
    ],
)
def test_environment_that_lacks_something(found: dict[str, str], missing: str) -> None:
    """The message says which name to set."""
    with pytest.raises(ConfigurationError) as caught:
        read_environment(found)
    assert str(caught.value) == f"set {missing} in the environment"


BOUNDS: list[tuple[type[Any], str]] = [
    (kind, field.name) for kind in (Timeouts, RetryPolicy, Limits) for field in attrs.fields(kind)
]
_FLAGS = {"retry_updates"}
_OPTIONAL = {"per_second", "per_hour"}


@pytest.mark.parametrize(("kind", "name"), [bound for bound in BOUNDS if bound[1] not in _FLAGS])
@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), "5", True, None, [1]])
def test_bounds_are_checked(kind: type[Any], name: str, value: Any) -> None:
    """Each bound is a number above 0; a message says which is not."""
    if value is None and name in _OPTIONAL:
        return
    with pytest.raises(ConfigurationError, match=name):
        kind(**{name: value})


@pytest.mark.parametrize("name", ["max_attempts", "max_download_attempts"])
def test_attempts_are_whole(name: str) -> None:
    """Half an attempt is none."""
    given: dict[str, Any] = {name: 1.5}
    with pytest.raises(ConfigurationError, match=name):
        RetryPolicy(**given)


@pytest.mark.parametrize("name", sorted(_OPTIONAL))
def test_limits_can_be_switched_off(name: str) -> None:
    """None is no limit; less than one request is no limit that lets anything through."""
    off: dict[str, Any] = {name: None}
    assert getattr(Limits(**off), name) is None
    with pytest.raises(ConfigurationError, match=name):
        Limits(**{**off, name: 0.5})


@pytest.mark.parametrize("kind", [Timeouts, RetryPolicy, Limits])
def test_bounds_are_frozen(kind: type[Any]) -> None:
    """What several clients share is not changed under them, and is named field by field."""
    made = kind()
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        setattr(made, attrs.fields(kind)[0].name, 1)
    assert pickle.loads(pickle.dumps(made)) == made == kind()
    with pytest.raises(TypeError):
        kind(1)


def test_defaults_are_roistats_limits() -> None:
    """10 a second and 5,000 an hour (facts §1); a lost change is not repeated unasked."""
    assert (Limits().per_second, Limits().per_hour) == (10, 5000)
    assert RetryPolicy().retry_updates is False


@pytest.mark.parametrize("kind", [Timeouts, RetryPolicy, Limits, Config])
def test_bounds_are_documented(kind: type[Any]) -> None:
    """Whoever sets one can read what it means."""
    assert kind.__doc__


def _config() -> Config:
    return Config(
        key=Secret(KEY),
        project=1,
        base_url=DEFAULT_BASE_URL,
        timeouts=Timeouts(),
        retry=RetryPolicy(),
        limits=Limits(),
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("timeouts", {"connect": 1}),
        ("retry", 5),
        ("limits", "10"),
        ("proxy", 5),
        ("ssl_context", "ca.pem"),
        ("trust_env", "no"),
    ],
)
def test_a_part_of_another_kind_is_refused(name: str, value: Any) -> None:
    """At once and by its name, not with an AttributeError in the first request."""
    with pytest.raises(ConfigurationError, match=f"^{name} must be a "):
        Roistat(KEY, 1, **{name: value})


def test_limits_of_another_project_are_checked_too() -> None:
    """The same for what is given to for_project."""
    with pytest.raises(ConfigurationError, match=r"^limits must be a Limits"):
        Roistat(KEY, 1).for_project(2, limits=5)  # type: ignore[arg-type]
