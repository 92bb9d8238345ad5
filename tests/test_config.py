"""Settings: an invalid one is refused before any I/O, and no error shows it."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import attrs
import pytest

from roistat_async import Limits, RetryPolicy, Roistat, Timeouts
from roistat_async import config as configuration
from roistat_async.config import DEFAULT_BASE_URL, Config, Secret, read_environment
from roistat_async.errors import ConfigurationError

KEY = "0123456789abcdef0123456789abcdef"
SETTINGS: list[type[Any]] = [Timeouts, RetryPolicy, Limits]


def _config() -> Config:
    options: dict[str, Any] = {"timeouts": Timeouts(), "retry": RetryPolicy(), "limits": Limits()}
    return Config(key=Secret(KEY), project=1, base_url=DEFAULT_BASE_URL, **options)


@pytest.mark.parametrize("text", [KEY, "x", "!~", "a" * 256, f"{KEY}\n", f"{KEY}\r\n"])
def test_a_valid_key(text: str) -> None:
    """A key is 1 to 256 visible ASCII characters; one newline at its end is removed."""
    assert Secret(text).reveal() == text.removesuffix("\n").removesuffix("\r")


@pytest.mark.parametrize(
    "key",
    ["", "\n", f"{KEY}\n\n", f"{KEY}\r", f" {KEY}", f"{KEY} ", f"{KEY}\r\nX: y",
     f"{KEY[:9]}\0{KEY[9:]}", f"ключ{KEY}", "a" * 257, f"{KEY}\x7f", None, 5, KEY.encode()],
)  # fmt: skip
def test_s5_an_invalid_key(key: Any) -> None:
    """A key that is invalid in a header is refused, and the error does not show it."""
    with pytest.raises(ConfigurationError) as caught:
        Secret(key)
    assert KEY[:9] not in str(caught.value)
    with pytest.raises(ConfigurationError):
        Roistat(key, 1)


def test_a_secret_is_never_printed() -> None:
    """No repr, str or format shows the key, nor does a configuration; keys compare by value."""
    secret, config = Secret(KEY), _config()
    for text in (repr(secret), str(secret), f"{secret}", repr(config), repr(attrs.asdict(config))):
        assert KEY not in text
    assert repr(secret) == "Secret(***)"
    assert not hasattr(secret, "__dict__")
    assert secret == Secret(KEY)
    assert secret not in (Secret("other"), KEY)


@pytest.mark.parametrize("export", [pickle.dumps, copy.copy, copy.deepcopy, hash])
def test_a_secret_cannot_be_copied(export: Any) -> None:
    """A secret cannot be pickled, copied or hashed, nor a configuration with it be pickled."""
    with pytest.raises(TypeError, match=r"pickled or copied|unhashable"):
        export(Secret(KEY))
    with pytest.raises(TypeError):
        pickle.dumps(_config())


@pytest.mark.parametrize(
    "url",
    [DEFAULT_BASE_URL, DEFAULT_BASE_URL + "/", "HTTPS://proxy.example:8443/roistat",
     "http://localhost:8080", "http://127.0.0.1:8080/api/v1", "http://127.8.9.1",
     "http://[::1]:80"],
)  # fmt: skip
def test_a_valid_base_url(url: str) -> None:
    """A base URL uses https, or http to this machine; a slash at its end is removed."""
    assert configuration.validate_base_url(url) == url.removesuffix("/")


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
def test_s3_s4_an_invalid_base_url(url: Any) -> None:
    """A base URL that could send the key to another host or unencrypted is refused, unshown."""
    with pytest.raises(ConfigurationError, match=r"^base_url") as caught:
        configuration.validate_base_url(url)
    assert "password@" not in str(caught.value)


@pytest.mark.parametrize(("value", "project"), [(12345, 12345), ("12345", 12345), ("0012", 12)])
def test_a_valid_project(value: Any, project: int) -> None:
    """A project is a number, or its digits."""
    assert configuration.parse_project(value) == project


@pytest.mark.parametrize(
    "value", [None, "", "abc", -1, "-1", 1.0, True, "1 ", "١", "1&key=x", "1\n", b"1"]
)
def test_an_invalid_project(value: Any) -> None:
    """Anything else than digits is refused, because a project becomes part of a URL."""
    with pytest.raises(ConfigurationError, match=r"^project must"):
        configuration.parse_project(value)


def test_the_environment() -> None:
    """Three variables are read, the base URL optionally; an error names those that must be set."""
    environ = {"ROISTAT_API_KEY": KEY, "ROISTAT_PROJECT": "5"}
    expected = {"api_key": KEY, "project": "5"}
    assert read_environment(environ) == expected
    assert read_environment({**environ, "ROISTAT_BASE_URL": ""}) == expected
    assert read_environment({**environ, "ROISTAT_BASE_URL": "x"})["base_url"] == "x"
    assert read_environment({}, overrides={"api_key", "project"}) == {}
    both = "set ROISTAT_API_KEY and ROISTAT_PROJECT in"
    for missing, text in ((environ, both), ({"ROISTAT_API_KEY"}, "set ROISTAT_API_KEY in")):
        with pytest.raises(ConfigurationError, match=f"^{text} the environment$"):
            read_environment({**environ, **dict.fromkeys(missing, "")})


def test_the_key_in_a_file(tmp_path: Path) -> None:
    """ROISTAT_API_KEY_FILE names a file with the key, such as a secret of Docker."""
    path = tmp_path / "key"
    path.write_text(f"{KEY}\n", encoding="ascii")
    environ = {"ROISTAT_API_KEY_FILE": str(path), "ROISTAT_PROJECT": "5"}
    assert read_environment(environ)["api_key"] == KEY
    with pytest.raises(ConfigurationError, match="not both"):
        read_environment({**environ, "ROISTAT_API_KEY": KEY})
    path.unlink()
    with pytest.raises(ConfigurationError, match=f"No such file or directory: {path}"):
        read_environment(environ)


_OPTIONAL = {"per_second", "per_hour", "queue_timeout", "bytes_per_second"}
_FIELDS = [(kind, field.name) for kind in SETTINGS for field in attrs.fields(kind)]
_NUMBERS = [each for each in _FIELDS if each[1] not in {"retry_updates", "shared_file"}]


@pytest.mark.parametrize(("kind", "name"), _NUMBERS)
@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), "5", True, None, [1]])
def test_numbers_are_positive(kind: type[Any], name: str, value: Any) -> None:
    """Each number must be above 0, and the error names the setting; None switches a limit off."""
    if value is None and name in _OPTIONAL:
        assert getattr(kind(**{name: None}), name) is None
        return
    with pytest.raises(ConfigurationError, match=name):
        kind(**{name: value})


@pytest.mark.parametrize("name", ["max_attempts", "max_download_attempts", "concurrency"])
def test_the_minimum_is_one(name: str) -> None:
    """Attempts are whole numbers, and neither they nor requests at once are below 1."""
    kind: Any = Limits if name == "concurrency" else RetryPolicy
    with pytest.raises(ConfigurationError, match=name):
        kind(**{name: 1.5})
    assert getattr(kind(**{name: 1}), name) == 1


@pytest.mark.parametrize("kind", SETTINGS)
def test_settings_can_be_pickled(kind: type[Any]) -> None:
    """Settings can be sent to another process, and are made with keywords only."""
    assert pickle.loads(pickle.dumps(kind())) == kind()
    with pytest.raises(TypeError):
        kind(1)


def test_a_shared_file_is_the_same_in_any_folder(tmp_path: Path) -> None:
    """It is a path; a relative one is that of the program that made the settings."""
    for invalid in ("", "a\0b", b"file", 5, True):
        with pytest.raises(ConfigurationError, match="shared_file must be the path of a file"):
            Limits(shared_file=invalid)  # type: ignore[arg-type]  # refused
    assert Limits(shared_file="limits.db").shared_file == str(Path("limits.db").absolute())
    assert Limits(shared_file=tmp_path).shared_file == str(tmp_path)


def test_the_defaults() -> None:
    """The defaults are Roistat's limits, patient timeouts and four attempts, none for updates."""
    assert Limits() == Limits(per_second=10, per_hour=5000, concurrency=8)
    assert Timeouts() == Timeouts(connect=10, response=60, read=30)
    assert {name: str(value) for name, value in attrs.asdict(RetryPolicy()).items()} == {
        "max_attempts": "4", "base_delay": "0.25", "throttled_base_delay": "1.0",
        "max_delay": "20.0", "max_retry_after": "120.0", "deadline": "120.0",
        "max_download_attempts": "3", "retry_updates": "False",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("timeouts", {"connect": 1}), ("retry", 5), ("limits", "10"), ("proxy", 5)],
        *[("ssl_context", "ca.pem"), ("trust_env", "no"), ("hooks", print)],
    ],
)
def test_a_setting_of_the_wrong_type(name: str, value: Any) -> None:
    """A setting of the wrong type is refused by its name, in `for_project` too."""
    with pytest.raises(ConfigurationError, match=f"^{name} must be a "):
        Roistat(KEY, 1, **{name: value})
    with pytest.raises(ConfigurationError, match=r"^limits must be a Limits"):
        Roistat(KEY, 1).for_project(2, limits=5)  # type: ignore[arg-type]  # refused
