"""Choice of a profile: --profile, before or behind the command, or ROISTAT_PROFILE."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from .complete import complete_names
from .terminal import program_path

if TYPE_CHECKING:
    from .config_file import Profile

F = TypeVar("F", bound=Callable[..., Any])

_META = f"{__name__}.profile"


def _names() -> list[str]:
    from .config_file import profile_names

    return profile_names()


def profile_option(command: F) -> F:
    """Add --profile, which commands get by `current_profile`."""
    option = click.option(
        "--profile", metavar="NAME", expose_value=False, is_eager=True, callback=_remember,
        shell_complete=complete_names(_names),
        help="Profile of the configuration file, instead of ROISTAT_PROFILE.",
    )  # fmt: skip
    return option(command)


def chosen_profile() -> str | None:
    """Return the name of the profile that an option or the environment names."""
    return _named_by_option() or os.environ.get("ROISTAT_PROFILE") or None


def is_option() -> bool:
    """Whether an option of the command line names the profile."""
    return _named_by_option() is not None


def current_profile() -> Profile | None:
    """Return the chosen profile, or the default one; None if there is neither.

    Raises ConfigurationError if the chosen one does not exist, or the file is invalid.
    """
    from .config_file import DEFAULT_PROFILE, config_path, read_config_file

    name, config = chosen_profile(), _read_once(read_config_file)
    if config is None:
        if name is None:
            return None
        raise click.UsageError(
            f"there is no {config_path()} with a profile {name!r}: "
            f"{program_path()} init --profile {name}"
        )
    if name is None and DEFAULT_PROFILE not in config.profiles:
        return None
    profile: Profile = config.profile(name or DEFAULT_PROFILE)
    return profile


def default_zone() -> str:
    """Return the time zone of the profile, or else UTC."""
    context = click.get_current_context(silent=True)
    if context is not None and context.resilient_parsing:  # a shell asks for completions
        return "UTC"
    profile = current_profile()
    return (profile and profile.tz) or "UTC"


def _named_by_option() -> str | None:
    context = click.get_current_context(silent=True)
    return None if context is None else context.meta.get(_META)


def _remember(context: click.Context, _: click.Parameter, value: str | None) -> None:
    if value is not None:
        context.meta[_META] = value


def _read_once(read: Callable[[], Any]) -> Any:
    """Read the file once for each run of the command, so that a warning is printed once."""
    context = click.get_current_context(silent=True)
    if context is None:
        return read()
    key = f"{__name__}.file"
    if key not in context.meta:
        context.meta[key] = read()
    return context.meta[key]
