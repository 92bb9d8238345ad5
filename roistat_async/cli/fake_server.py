"""`roistat fake-server`: runs the fake Roistat until Ctrl-C."""

from __future__ import annotations

import re
from importlib.util import find_spec

import click

from .exit_codes import NotInstalledError
from .text import print_error

_NUMBERS = re.compile(r"[1-9][0-9]{0,17}( *, *[1-9][0-9]{0,17})*", re.ASCII)


def _parse_projects(_: click.Context, __: click.Parameter, text: str) -> list[int]:
    """Return the numbers of the projects."""
    if not _NUMBERS.fullmatch(text):
        raise click.BadParameter("must be numbers with commas between them, e.g. 12345,678")
    numbers = [int(number) for number in text.split(",")]
    if len(set(numbers)) < len(numbers):
        raise click.BadParameter("must not name a project twice")
    return numbers


@click.command("fake-server")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="0 (default): a free port.")
@click.option("--calls", type=click.IntRange(min=0), default=1000, show_default=True, metavar="N")
@click.option(
    "--projects", default="12345", show_default=True, metavar="N,N", callback=_parse_projects,
    help="Projects with as many calls each; the first is the one of ROISTAT_PROJECT.",
)  # fmt: skip
@click.option("--seed", type=int, default=1, show_default=True, help="Seed of the made-up calls.")
def command(*, port: int, calls: int, projects: list[int], seed: int) -> None:
    """Run a made-up Roistat on this machine until Ctrl-C.

    It prints the lines to paste into another terminal, and keeps Roistat's limit of 10 requests
    per second.

    \b
    roistat fake-server
    roistat fake-server --calls 20000 --projects 12345,678
    """
    import asyncio

    check_installed("roistat fake-server")
    from ..testing import FakeRoistat
    from .runner import run

    first, *others = projects
    fake_roistat = FakeRoistat(
        calls=calls, project=first, projects=others, seed=seed, port=port, business_hours=True
    )

    async def serve() -> None:
        async with fake_roistat as fake:
            click.echo(f"export ROISTAT_BASE_URL={fake.base_url}")
            click.echo(f"export ROISTAT_API_KEY={fake.api_key}")
            click.echo(f"export ROISTAT_PROJECT={fake.project}")
            if others:
                print_error(f"further projects: {', '.join(map(str, others))}")
            print_error("paste these lines into another terminal; Ctrl-C ends the server")
            await asyncio.Event().wait()

    run(serve())


def check_installed(what: str) -> None:
    """Raise NotInstalledError if the library that writes .xls is missing."""
    if find_spec("xlwt") is None:
        raise NotInstalledError(what, "cli,testing")
