"""Writing of a profile into the configuration file, whose other lines stay as they are."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

from ..errors import ConfigurationError
from ..files.atomic_write import replace_file
from .config_file import ConfigFile, parse_config

_HEADING = re.compile(r"\s*\[")


def write_profile(
    path: Path, config: ConfigFile | None, name: str, settings: Mapping[str, str | int]
) -> None:
    """Write a profile, readable by this user alone, or leave the file as it is.

    Raises ConfigurationError if the profile is written in a form that cannot be replaced.
    """
    text = _with_section("" if config is None else config.text, name, settings)
    expected = {} if config is None else dict(config.profiles)
    expected[name] = dict(settings)
    if _profiles(path, text) != expected:
        raise ConfigurationError(
            f"{path} has the profile {name} in a form that cannot be replaced; edit it by hand"
        )
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    replace_file(Path(os.path.realpath(path)), text.encode())  # the target of a symbolic link


def _profiles(path: Path, text: str) -> object:
    try:
        return parse_config(path, text.encode()).profiles
    except ConfigurationError:
        return None


def _with_section(text: str, name: str, settings: Mapping[str, str | int]) -> str:
    """Return the text with one section replaced, or added at its end."""
    # A text of JSON is one of TOML as well.
    section = [f"[profiles.{name}]", *(f"{key} = {json.dumps(settings[key])}" for key in settings)]
    lines = text.splitlines()
    own = re.compile(rf"\s*\[\s*profiles\s*\.\s*[\"']?{name}[\"']?\s*\]")
    start = next((number for number, line in enumerate(lines) if own.match(line)), None)
    if start is None:
        gap = [""] if lines and lines[-1].strip() else []
        return "\n".join([*lines, *gap, *section, ""])
    following = (
        number for number, line in enumerate(lines[start + 1 :], start + 1) if _HEADING.match(line)
    )
    end = next(following, len(lines))
    gap = [""] if end < len(lines) else []
    return "\n".join([*lines[:start], *section, *gap, *lines[end:], ""])
