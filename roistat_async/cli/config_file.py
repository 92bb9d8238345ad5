"""Configuration file of the command: profiles with key, project, address and time zone."""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from attrs import field, frozen

from ..config import Secret, parse_project, validate_base_url
from ..errors import ConfigurationError
from .text import print_error
from .zones import load_zone

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_TABLE = re.compile(r"\s*\[([^\[\]]+)\]")
_TOML_POSITION = re.compile(r"at line (\d+)")
DEFAULT_PROFILE = "default"
"""Profile that is used if none is named."""


@frozen(kw_only=True)
class Profile:
    """Settings of one name in the configuration file; None means not set."""

    name: str
    api_key: str | None = field(default=None, repr=False)
    api_key_file: Path | None = None
    project: str | None = None
    base_url: str | None = None
    tz: str | None = None


@frozen
class ConfigFile:
    """Configuration file, parsed; its profiles are checked when they are used."""

    path: Path
    text: str = field(repr=False)
    profiles: dict[str, Any] = field(repr=False)

    def profile(self, name: str) -> Profile:
        """Return a profile; raise ConfigurationError, with file and line, if it is invalid."""
        table = self.profiles.get(name)
        if not isinstance(table, dict):
            if name in self.profiles:
                raise self.error(name, None, f"write the profile as [profiles.{name}]")
            raise ConfigurationError(self._unknown(name))
        values: dict[str, Any] = {
            key: self._value(name, key, value) for key, value in table.items()
        }
        if values.keys() >= {"api_key", "api_key_file"}:
            raise self.error(name, "api_key_file", "set api_key or api_key_file, not both")
        return Profile(name=name, **values)

    def error(self, profile: str, key: str | None, problem: str) -> ConfigurationError:
        """Return an error that names file and line, but no value."""
        return ConfigurationError(f"{self.path}, line {self._line(profile, key)}: {problem}")

    def holds_a_key(self) -> bool:
        """Whether a profile has its key in this file."""
        tables = (table for table in self.profiles.values() if isinstance(table, dict))
        return any("api_key" in table for table in tables)

    def _value(self, profile: str, key: str, value: object) -> object:
        if key not in _PARSERS:
            raise self.error(profile, key, _unknown_key(key))
        try:
            return _PARSERS[key](value, self.path)
        except ConfigurationError as error:
            problem = str(error)
        raise self.error(profile, key, problem)

    def _unknown(self, name: str) -> str:
        known = sorted(self.profiles)
        close = get_close_matches(name, known, n=1)
        advice = f"did you mean {close[0]}?" if close else f"it has: {', '.join(known) or 'none'}"
        return f"{self.path} has no profile {name!r}; {advice}"

    def _line(self, profile: str, key: str | None) -> int:
        """Return the line of a key, or else that of the heading of its profile."""
        heading, in_profile = 1, False
        assignment = re.compile(rf"\s*[\"']?{re.escape(key or '[')}[\"']?\s*=")
        for number, line in enumerate(self.text.splitlines(), 1):
            if table := _TABLE.match(line):
                names = [part.strip(" \t\"'") for part in table[1].split(".")]
                in_profile = names == ["profiles", profile]
                heading = number if in_profile else heading
            elif in_profile and assignment.match(line):
                return number
        return heading


def config_path() -> Path:
    """Return the path of the configuration file, by the rule of the platform."""
    if sys.platform == "win32":
        base = os.environ.get("APPDATA") or str(Path.home() / "AppData" / "Roaming")
    else:  # macOS too: this is where command-line programs look there
        base = os.environ.get("XDG_CONFIG_HOME", "")
        base = base if os.path.isabs(base) else str(Path.home() / ".config")
    return Path(base) / "roistat" / "config.toml"


def check_profile_name(name: str) -> str:
    """Return the name of a profile; raise ConfigurationError if it is invalid."""
    if not _NAME.fullmatch(name):
        raise ConfigurationError("a profile's name must consist of letters, digits, - and _")
    return name


def read_config_file() -> ConfigFile | None:
    """Read the configuration file, None if there is none; raise ConfigurationError.

    Prints a warning if other users of the machine can read the keys in it.
    """
    path = config_path()
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            data = file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        problem = error.strerror
    else:
        config = parse_config(path, data)
        if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO) and config.holds_a_key():
            print_error(f"{path} can be read by other users of this machine: chmod 600 {path}")
        return config
    raise ConfigurationError(f"the configuration file cannot be read: {problem}: {path}")


def parse_config(path: Path, data: bytes) -> ConfigFile:
    """Parse a configuration file; raise ConfigurationError, with the line, if it is invalid."""
    import tomllib

    problem = "must be UTF-8"
    try:
        text = data.decode()
        values = tomllib.loads(text)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
    except tomllib.TOMLDecodeError as error:
        match = _TOML_POSITION.search(str(error))
        line = int(match[1]) if match else data.count(b"\n") + 1
        problem = 'is not valid TOML; write name = "value"'
    else:
        profiles = values.pop("profiles", {})
        config = ConfigFile(path, text, profiles if isinstance(profiles, dict) else {})
        if values or config.profiles is not profiles:
            raise ConfigurationError(f"{path}: all settings belong below [profiles.NAME]")
        return config
    raise ConfigurationError(f"{path}, line {line}: {problem}")


def profile_names() -> list[str]:
    """Return the names of the profiles; none if the file cannot be read."""
    try:
        data = config_path().read_bytes()
        return sorted(parse_config(config_path(), data).profiles)
    except (OSError, ConfigurationError):
        return []


def _unknown_key(key: str) -> str:
    close = get_close_matches(key, _PARSERS, n=1)
    # The name of a key is shown only if it is close to a known one: it may be a secret in itself.
    return f"unknown setting; did you mean {close[0]}?" if close else f"use: {', '.join(_PARSERS)}"


def _text(value: object, what: str) -> str:
    if not isinstance(value, str) or not value:
        raise ConfigurationError(f"{what} must be text in quotation marks")
    return value


def _parse_key(value: object, _: Path) -> str:
    key = _text(value, "api_key")
    Secret(key)  # refuses an invalid one
    return key


def _parse_key_file(value: object, config: Path) -> Path:
    return config.parent / Path(_text(value, "api_key_file")).expanduser()


def _parse_project(value: object, _: Path) -> str:
    return str(parse_project(value))


def _parse_base_url(value: object, _: Path) -> str:
    return validate_base_url(value)


def _parse_tz(value: object, _: Path) -> str:
    name = _text(value, "tz")
    try:
        load_zone(name)
    except ConfigurationError:
        pass
    else:
        return name
    raise ConfigurationError("tz must be a time zone, e.g. Europe/Moscow, or local")


_PARSERS: dict[str, Callable[[object, Path], object]] = {
    "api_key": _parse_key,
    "api_key_file": _parse_key_file,
    "project": _parse_project,
    "base_url": _parse_base_url,
    "tz": _parse_tz,
}
