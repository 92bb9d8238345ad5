"""`roistat init`: asks for key and project, checks them, and stores them as a profile."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from . import exit_codes
from .profiles import chosen_profile, profile_option
from .terminal import program_path
from .text import print_error

if TYPE_CHECKING:
    from .. import Project, Roistat

_ATTEMPTS = 3
_SHOWN = 50
"""Projects that are listed."""


@click.command("init")
@profile_option
@click.option("--base-url", metavar="URL", help="Address, instead of ROISTAT_BASE_URL.")
def command(*, base_url: str | None) -> int:
    """Ask for the key and the project, check them, and store them.

    The checks are those of `roistat doctor`. Key and project become a profile of the configuration
    file, which only you can read. The key is not shown while you type, and an existing profile is
    replaced only if you agree.

    \b
    roistat init
    roistat init --profile shop
    roistat calls --profile shop --last 7d
    """
    from .config_file import DEFAULT_PROFILE, check_profile_name, config_path, read_config_file
    from .profile_writer import write_profile

    if not sys.stdin.isatty():
        raise click.UsageError(
            "roistat init asks questions, so it needs a terminal; "
            "elsewhere set ROISTAT_API_KEY (or ROISTAT_API_KEY_FILE) and ROISTAT_PROJECT"
        )
    name = check_profile_name(chosen_profile() or DEFAULT_PROFILE)
    path, config = config_path(), read_config_file()
    if config is not None and name in config.profiles:
        question = f"{path} has a profile {name} already. Replace it?"
        if not click.confirm(question, err=True):
            print_error("nothing was changed")
            return exit_codes.DONE
    address = _address(base_url)
    key, project = _prompt_key_and_project(address)
    if not _check_project(key, project, address):
        print_error("nothing was stored: Roistat refuses the key or the rights")
        return exit_codes.NO_ACCESS
    zone = _prompt_zone()
    settings: dict[str, str | int] = {"api_key": key, "project": project, "tz": zone}
    if address is not None:
        settings["base_url"] = address
    write_profile(path, config, name, settings)
    _print_next(str(path), name, is_default=name == DEFAULT_PROFILE)
    return exit_codes.DONE


def _address(base_url: str | None) -> str | None:
    """Return the address of --base-url or the environment, checked; None is Roistat's own."""
    import os

    from ..config import validate_base_url

    address = base_url or os.environ.get("ROISTAT_BASE_URL")
    return validate_base_url(address) if address else None


def _prompt_key_and_project(address: str | None) -> tuple[str, int]:
    """Ask until the key is accepted, three times at most, and for one of its projects."""
    from .. import errors

    for attempt in range(_ATTEMPTS):
        key = _prompt_key()
        try:
            return key, _prompt_project(key, address)
        except errors.AuthenticationError as error:
            if attempt == _ATTEMPTS - 1:
                raise
            message = str(error)
        print_error(message, "Copy the key from your Roistat profile, and try again")
    raise AssertionError


def _prompt_key() -> str:
    from ..config import Secret
    from ..errors import ConfigurationError

    while True:
        key = str(click.prompt("API key (not shown)", hide_input=True, err=True)).strip()
        try:
            Secret(key)
        except ConfigurationError as error:
            message = str(error)
        else:
            return key
        print_error(message)


def _prompt_project(key: str, address: str | None) -> int:
    """Ask for a project of the key."""
    projects = _projects(key, address)
    if projects and len(projects) == 1:
        project = projects[0].id
        print_error(f"project {_label(projects[0])}")
    else:
        project = _choose(projects or [])
    return project


def _projects(key: str, address: str | None) -> list[Project] | None:
    """Return the projects that the key opens, None if it may not list them."""
    from .. import errors
    from .runner import run

    async def work() -> list[Project]:
        async with _client(key, None, address) as roistat:
            return await roistat.projects.list()

    try:
        return run(work())
    except errors.AuthenticationError:
        raise
    except (errors.APIError, errors.ResponseError):  # not documented by Roistat: ask instead
        return None


def _check_project(key: str, project: int, address: str | None) -> bool:
    """Print what `roistat doctor` finds out; return whether key and rights are accepted."""
    from ..doctor import Check, is_refused, run_checks
    from .doctor import print_checks
    from .runner import run

    async def work() -> list[Check]:
        async with _client(key, project, address) as roistat:
            return await run_checks(roistat)

    checks = run(work())
    print_checks(checks)
    return not is_refused(checks)


def _client(key: str, project: int | None, address: str | None) -> Roistat:
    from .. import Roistat
    from ..config import DEFAULT_BASE_URL

    return Roistat(key, project, base_url=address or DEFAULT_BASE_URL, trust_env=True)


def _choose(projects: list[Project]) -> int:
    for project in projects[:_SHOWN]:
        click.echo(f"  {_label(project)}", err=True)
    if len(projects) > _SHOWN:
        click.echo(f"  and {len(projects) - _SHOWN} more", err=True)
    known = {project.id for project in projects}
    while True:
        number: int = click.prompt("Project", type=click.IntRange(min=1), err=True)
        if not known or number in known:
            return number
        print_error(f"the key does not open project {number}")


def _label(project: Project) -> str:
    from .text import escape_control

    return escape_control(f"{project.id}  {project.name or ''}".rstrip())


def _prompt_zone() -> str:
    from ..errors import ConfigurationError
    from .zones import load_zone

    while True:
        question = "Time zone of dates (Europe/Moscow, local, utc)"
        zone = str(click.prompt(question, default="utc", err=True)).strip()
        try:
            load_zone(zone)
        except ConfigurationError as error:
            message = str(error)
        else:
            return zone
        print_error(message)


def _print_next(path: str, name: str, *, is_default: bool) -> None:
    profile = "" if is_default else f" --profile {name}"
    print_error(
        f"stored in {path}, which only you can read",
        f"Try: {program_path()} calls{profile} --last 24h",
    )
